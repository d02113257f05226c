// Sets of CPUs as Linux writes them: "0-3,6".
//
// Threads: pure. Errors: what is no number or range is left out; a CPU beyond kMaxCpus, too.
// Source: cpuset(7), "List format".
#pragma once

#include <set>
#include <string>

namespace netspectra {

inline constexpr unsigned kMaxCpus = 8192;  // of the kernel

std::set<unsigned> parse_cpu_list(const std::string& text);
std::string cpu_list_text(const std::set<unsigned>& cpus);

}  // namespace netspectra

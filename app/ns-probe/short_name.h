// A probe's name where only few letters are allowed: DPDK's file prefix, a socket's name.
//
// Purpose: "netspectra-SITE.PROBE" where that fits and has only letters, digits, '-' and '_'; else as much of it as does,
//   and a hash of the whole. Different for different probes. Threads: pure.
#pragma once

#include <cstddef>
#include <string>

namespace netspectra {

inline constexpr size_t kMaxShortName = 56;

std::string short_name(const std::string& site, const std::string& probe);

}  // namespace netspectra

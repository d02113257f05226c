#include "base/cpu_list.h"

#include <sstream>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace netspectra {

std::set<unsigned> parse_cpu_list(const std::string& text) {
  std::set<unsigned> cpus;
  std::istringstream ranges(text);
  for (std::string range; std::getline(ranges, range, ',');) {
    unsigned first = 0, last = 0;
    const size_t dash = range.find('-');
    if (!absl::SimpleAtoi(range.substr(0, dash), &first)) continue;
    if (dash == std::string::npos) last = first;
    if (dash != std::string::npos && !absl::SimpleAtoi(range.substr(dash + 1), &last)) continue;
    for (unsigned cpu = first; cpu <= last && cpu < kMaxCpus; ++cpu) cpus.insert(cpu);
  }
  return cpus;
}

std::string cpu_list_text(const std::set<unsigned>& cpus) {
  std::vector<std::string> ranges;
  for (auto cpu = cpus.begin(); cpu != cpus.end();) {
    const unsigned first = *cpu;
    unsigned last = first;
    while (++cpu != cpus.end() && *cpu == last + 1) last = *cpu;
    ranges.push_back(first == last ? absl::StrCat(first) : absl::StrCat(first, "-", last));
  }
  return absl::StrJoin(ranges, ",");
}

}  // namespace netspectra

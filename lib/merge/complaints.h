// What is wrong with what probes send, a line per probe and 10 s at most.
//
// Threads: one thread. Times: a monotonic clock's nanoseconds. Bounded: kMaxProbes are told apart, the others share a
//   line; names come from the network.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace netspectra {

class Complaints {
 public:
  static constexpr uint64_t kEveryNs = 10'000'000'000;
  static constexpr size_t kMaxProbes = 1000;

  void add(std::string probe, std::string what, uint64_t now_ns) {
    if (!probes_.contains(probe) && probes_.size() >= kMaxProbes) probe = "others";
    Probe& about = probes_[probe];
    if (about.told && now_ns - about.told_ns < kEveryNs) {
      ++about.untold;
      about.last = std::move(what);
      return;
    }
    lines_.push_back(absl::StrCat("probe ", probe, ": ", what));
    about.told = true;
    about.told_ns = now_ns;
  }

  // Those since the last call.
  std::vector<std::string> take(uint64_t now_ns) {
    for (auto at = probes_.begin(); at != probes_.end();) {
      Probe& about = at->second;
      if (now_ns - about.told_ns < kEveryNs) {
        ++at;
      } else if (about.untold == 0) {
        at = probes_.erase(at);
      } else {
        lines_.push_back(
            absl::StrCat("probe ", at->first, ": ", about.untold, " more, the last: ", about.last));
        about = {.told = true, .told_ns = now_ns, .untold = 0, .last = ""};
        ++at;
      }
    }
    return std::exchange(lines_, {});
  }

 private:
  struct Probe {
    bool told = false;
    uint64_t told_ns = 0;
    uint64_t untold = 0;
    std::string last;
  };
  std::map<std::string, Probe> probes_;
  std::vector<std::string> lines_;
};

}  // namespace netspectra

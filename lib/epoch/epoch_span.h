// One epoch's extent on the packets' clock.
//
// Purpose: every worker and probe cuts at the same instants without talking: an epoch starts at a multiple of
//   the period since the Unix epoch. Threads: plain values.
#pragma once

#include <cstdint>

namespace netspectra {

struct EpochSpan {
  uint64_t start_ns = 0;
  uint64_t end_ns = 0;  // exclusive; start == end: no epoch yet

  bool contains(uint64_t clock_ns) const { return clock_ns - start_ns < end_ns - start_ns; }

  // period_ns == 0: one epoch that holds everything, from 0.
  static EpochSpan at(uint64_t clock_ns, uint64_t period_ns) {
    if (period_ns == 0) return {0, UINT64_MAX};
    const uint64_t start = clock_ns - clock_ns % period_ns;
    return {start, start + period_ns};
  }
};

}  // namespace netspectra

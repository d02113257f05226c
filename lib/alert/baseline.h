// A moving mean that a rise is measured against.
//
// Purpose: mean += (value - mean) * 2 / (n + 1), an exponential mean over about n values; the plain mean while there
//   are fewer, so that the first value does not weigh more than others.
// Threads: plain data. Cost: a few instructions.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "alert/alert_config.h"

namespace netspectra {

struct Baseline {
  static constexpr uint64_t kLeastEpochs = 3;

  double mean = 0;
  uint64_t learned = 0;  // values

  // About how many epochs the mean is over, and how many it must have seen before it is used. 0: it cannot be told.
  static uint64_t epochs(const AlertRise& rise, uint64_t period_ns) {
    if (rise.over_epochs != 0) return std::max(kLeastEpochs, rise.over_epochs);
    return period_ns == 0 ? 0 : std::max(kLeastEpochs, (rise.over_ns + period_ns - 1) / period_ns);
  }

  void learn(double value, uint64_t over_epochs) {
    ++learned;
    const double moving = 2.0 / static_cast<double>(over_epochs + 1);
    mean += (value - mean) * std::max(moving, 1.0 / static_cast<double>(learned));
  }
};

}  // namespace netspectra

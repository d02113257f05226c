// The wall clock that pollers read without a system call: the TSC, held to CLOCK_REALTIME.
//
// Threads: calibrate() by the control core, now and then (at least each 10 s); line() by any number of pollers.
// Cost: the constructor 20 ms, calibrate() under 1 us. Accuracy: microseconds.
// Source: clock_model.h.
#pragma once

#include <cstdint>

#include "ethdev/clock_model.h"

namespace netspectra {

class WallClock {
 public:
  WallClock();
  // Returns how far the system's clock was set forward (back: negative) since the last call, if it was.
  int64_t calibrate();
  const PublishedLine& line() const { return published_; }

 private:
  ClockModel model_;
  PublishedLine published_;
};

}  // namespace netspectra

// What a poller does between empty polls where an idle core is worth less than a busy neighbour.
//
// Purpose: offline there may be more pollers than cores; after a short spin the poller yields. A poller that
//   finds work makes no system call.
#pragma once

#include <immintrin.h>
#include <sched.h>

namespace netspectra {

class Backoff {
 public:
  void wait() {
    if (++idle_ < kSpins) {
      _mm_pause();
    } else {
      sched_yield();
    }
  }
  void reset() { idle_ = 0; }

 private:
  static constexpr unsigned kSpins = 256;
  unsigned idle_ = 0;
};

}  // namespace netspectra

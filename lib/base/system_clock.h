// The machine's wall clock.
//
// Shapes: nanoseconds since the Unix epoch. Threads: any. Cost: a clock_gettime().
#pragma once

#include <chrono>
#include <cstdint>

namespace netspectra {

using SystemClock = uint64_t (*)();  // system_clock_ns(), or one that a test sets

inline uint64_t system_clock_ns() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
}

}  // namespace netspectra

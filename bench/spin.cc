#include "spin.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>

#include "base/mix64.h"

namespace netspectra::bench {

void pin_to(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

void spin(uint64_t steps) {
  std::array<uint64_t, 8> x = {1, 2, 3, 4, 5, 6, 7, 8};
  for (uint64_t i = 0; i < steps; ++i) {
    for (uint64_t& word : x) word = mix64(word + i);
    asm volatile("" : "+m"(x));
  }
}

double spin_ns() {
  using Clock = std::chrono::steady_clock;
  constexpr uint64_t kSteps = 1 << 15;
  constexpr int kTries = 4;
  double least = std::numeric_limits<double>::infinity();
  for (int i = 0; i < kTries; ++i) {
    const Clock::time_point start = Clock::now();
    spin(kSteps);
    const std::chrono::duration<double, std::nano> taken = Clock::now() - start;
    least = std::min(least, taken.count() / kSteps);
  }
  return least;
}

}  // namespace netspectra::bench

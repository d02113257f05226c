#include "ethdev/wall_clock.h"

#include <rte_cycles.h>
#include <time.h>

namespace netspectra {
namespace {

struct Reading {
  uint64_t ticks;
  uint64_t clock_ns;
};

uint64_t read_ns(clockid_t clock) {
  timespec now = {};
  clock_gettime(clock, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

// The narrowest of some: what an interrupt tore apart is not used.
Reading read_both(clockid_t clock) {
  constexpr int kTries = 8;
  Reading best = {};
  uint64_t narrowest = UINT64_MAX;
  for (int i = 0; i < kTries; ++i) {
    const uint64_t before = rte_rdtsc_precise();
    const uint64_t clock_ns = read_ns(clock);
    const uint64_t width = rte_rdtsc_precise() - before;
    if (width >= narrowest) continue;
    narrowest = width;
    best = {before + width / 2, clock_ns};
  }
  return best;
}

// rte_get_tsc_hz() is rounded to 10 MHz: 2 ms a second at worst.
uint64_t measure_tsc_hz() {
  constexpr unsigned kMeasuredMs = 20;
  const Reading begin = read_both(CLOCK_MONOTONIC);
  rte_delay_us_sleep(kMeasuredMs * 1000);
  const Reading end = read_both(CLOCK_MONOTONIC);
  return static_cast<uint64_t>(static_cast<double>(end.ticks - begin.ticks) * 1e9 /
                               static_cast<double>(end.clock_ns - begin.clock_ns));
}

ClockModel first_model() {
  const uint64_t hz = measure_tsc_hz();
  const Reading now = read_both(CLOCK_REALTIME);
  return {hz, now.ticks, now.clock_ns};
}

}  // namespace

WallClock::WallClock() : model_(first_model()) { published_.publish(model_.line()); }

int64_t WallClock::calibrate() {
  const Reading now = read_both(CLOCK_REALTIME);
  const int64_t step_ns = model_.observe(now.ticks, now.clock_ns);
  published_.publish(model_.line());
  return step_ns;
}

}  // namespace netspectra

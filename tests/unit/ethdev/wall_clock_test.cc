#include "ethdev/wall_clock.h"

#include <gtest/gtest.h>
#include <rte_cycles.h>
#include <unistd.h>

#include <cstdlib>

#include "base/system_clock.h"
#include "ethdev/eal.h"

namespace netspectra {
namespace {

TEST(WallClock, IsWithinAMillisecondOfRealtimeOverASecondAndNeverGoesBack) {
  ASSERT_TRUE(start_eal({}).ok());
  WallClock clock;
  ClockLine line;
  uint32_t version = UINT32_MAX;
  uint64_t last = 0;
  int64_t worst = 0;
  const uint64_t begin = system_clock_ns();
  for (int i = 0; system_clock_ns() - begin < 1'500'000'000; ++i) {
    if (i % 500 == 499) clock.calibrate();
    clock.line().refresh(line, version);
    const uint64_t before = system_clock_ns();
    const uint64_t shown = line.at(rte_rdtsc());
    const uint64_t after = system_clock_ns();
    ASSERT_GE(shown, last);
    last = shown;
    // The process may lose its core between two readings: only what is outside both is an error.
    if (shown < before) worst = std::max(worst, static_cast<int64_t>(before - shown));
    if (shown > after) worst = std::max(worst, static_cast<int64_t>(shown - after));
    usleep(1000);
  }
  EXPECT_LT(worst, 1'000'000);
  RecordProperty("worst_ns", std::to_string(worst));
}

}  // namespace
}  // namespace netspectra

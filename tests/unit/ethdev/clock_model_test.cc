#include "ethdev/clock_model.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace netspectra {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;
constexpr uint64_t kStart = 1'700'000'000 * kSecond;

// A counter whose true rate differs from the nominal one, beside a wall clock.
struct World {
  double hz;
  uint64_t wall_offset_ns = 0;
  uint64_t elapsed_ns = 0;

  uint64_t ticks() const { return 77 + static_cast<uint64_t>(static_cast<double>(elapsed_ns) * hz / 1e9); }
  uint64_t wall_ns() const { return kStart + elapsed_ns + wall_offset_ns; }
};

int64_t error_ns(const ClockModel& model, const World& world) {
  return static_cast<int64_t>(model.line().at(world.ticks()) - world.wall_ns());
}

TEST(ClockModel, StaysWithinMicrosecondsOfTheWallClockOnceItKnowsTheRate) {
  World world{2.5e9 * 1.00005};  // 50 ppm off its nominal rate
  ClockModel model(2'500'000'000, world.ticks(), world.wall_ns());
  int64_t worst = 0;
  for (int i = 0; i < 60; ++i) {
    for (int ms = 0; ms < 1000; ++ms) {
      world.elapsed_ns += 1'000'000;
      if (i >= 10) worst = std::max(worst, std::abs(error_ns(model, world)));
      if (i < 10) {
        EXPECT_LT(std::abs(error_ns(model, world)), 1'000'000);
      }
    }
    model.observe(world.ticks(), world.wall_ns());
  }
  EXPECT_LT(worst, 2'000);
}

TEST(ClockModel, FindsAnUnknownRateFromTwoObservations) {
  World world{156.25e6};
  ClockModel model(0, world.ticks(), world.wall_ns());
  EXPECT_FALSE(model.known());
  world.elapsed_ns += kSecond / 5;
  model.observe(world.ticks(), world.wall_ns());
  ASSERT_TRUE(model.known());
  world.elapsed_ns += kSecond;
  EXPECT_LT(std::abs(error_ns(model, world)), 1'000);
}

TEST(ClockModel, NeverGoesBackWhenTheWallClockIsSetBackAndCatchesUp) {
  World world{2e9};
  ClockModel model(2'000'000'000, world.ticks(), world.wall_ns());
  world.elapsed_ns += kSecond;
  model.observe(world.ticks(), world.wall_ns());
  world.wall_offset_ns -= 2 * kSecond;
  uint64_t last = 0;
  int64_t reported = 0;
  for (int ms = 0; ms < 60'000; ++ms) {
    world.elapsed_ns += 1'000'000;
    const uint64_t shown = model.line().at(world.ticks());
    ASSERT_GT(shown, last);
    last = shown;
    if (ms % 500 == 0) reported += model.observe(world.ticks(), world.wall_ns());
  }
  EXPECT_NEAR(static_cast<double>(reported), -2e9, 1e6);
  EXPECT_LT(std::abs(error_ns(model, world)), 10'000);  // 2 s at 1/16 are 32 s
}

TEST(ClockModel, FollowsAtOnceWhenTheWallClockIsSetForward) {
  World world{2e9};
  ClockModel model(2'000'000'000, world.ticks(), world.wall_ns());
  world.elapsed_ns += kSecond;
  model.observe(world.ticks(), world.wall_ns());
  world.elapsed_ns += kSecond;
  world.wall_offset_ns += 3600 * kSecond;
  EXPECT_NEAR(static_cast<double>(model.observe(world.ticks(), world.wall_ns())), 3600e9, 1e6);
  EXPECT_LT(std::abs(error_ns(model, world)), 1'000);
}

TEST(ClockModel, SteersSmallErrorsAwayWithoutASwing) {
  World world{3e9};
  ClockModel model(3'000'000'000, world.ticks(), world.wall_ns());
  world.wall_offset_ns += 50'000'000;  // below a step
  int64_t last_error = INT64_MIN;
  for (int i = 0; i < 100; ++i) {
    world.elapsed_ns += 10 * kSecond;  // seldom
    model.observe(world.ticks(), world.wall_ns());
    const int64_t error = error_ns(model, world);
    if (i > 2) {
      EXPECT_GE(error, last_error - 1000);
    }
    last_error = error;
  }
  EXPECT_LT(std::abs(last_error), 1'000'000);
}

TEST(PublishedLine, IsReadAsItWasPublished) {
  PublishedLine published;
  ClockLine line;
  uint32_t version = UINT32_MAX;
  published.refresh(line, version);
  EXPECT_EQ(line.ticks, 0u);
  published.publish({1, 2, 3});
  published.refresh(line, version);
  EXPECT_EQ(line.ticks, 1u);
  EXPECT_EQ(line.wall_ns, 2u);
  EXPECT_EQ(line.ns_per_tick_q32, 3u);
}

}  // namespace
}  // namespace netspectra

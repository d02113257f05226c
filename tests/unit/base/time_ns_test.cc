#include "base/time_ns.h"

#include <gtest/gtest.h>

namespace netspectra {
namespace {

TEST(TimeNs, OrdinaryTimesAreThemselves) {
  for (uint64_t time : {uint64_t{0}, uint64_t{1}, uint64_t{1700000000} * 1000000000, kFarTime - 1}) {
    EXPECT_EQ(fold_time_ns(time), time);
    EXPECT_TRUE(unfold_time_ns(time) == int128{time});
    EXPECT_FALSE(is_far_time(time));
  }
}

TEST(TimeNs, TimesCloseTo64BitsOfMicrosecondsAreKeptToTheNanosecond) {
  for (int64_t missing : {int64_t{1}, int64_t{505420791} * 1000, int64_t{INT64_MAX}}) {
    const int128 time = kPcapngTimesEnd - missing;
    EXPECT_TRUE(is_far_time(fold_time_ns(time)));
    EXPECT_TRUE(unfold_time_ns(fold_time_ns(time)) == time);
  }
}

TEST(TimeNs, FoldingKeepsTheOrder) {
  const int128 times[] = {-5,
                          0,
                          1,
                          kFarTime - 1,
                          kPcapngTimesEnd - int128{kFarTime},
                          kPcapngTimesEnd - 1000,
                          kPcapngTimesEnd - 1};
  for (size_t i = 0; i + 1 < std::size(times); ++i)
    EXPECT_LE(fold_time_ns(times[i]), fold_time_ns(times[i + 1]));
}

TEST(TimeNs, WhatCannotBeKeptIsTheNearestOrdinaryTime) {
  EXPECT_EQ(fold_time_ns(-1), 0u);
  EXPECT_EQ(fold_time_ns(int128{kFarTime}), kFarTime - 1);
  EXPECT_EQ(fold_time_ns(kPcapngTimesEnd), kFarTime - 1);
}

}  // namespace
}  // namespace netspectra

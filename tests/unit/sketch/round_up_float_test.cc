#include "sketch/round_up_float.h"

#include <gtest/gtest.h>

#include <random>

namespace netspectra {
namespace {

TEST(RoundUpFloat, IsExactUpTo2048) {
  for (uint64_t value = 0; value <= 2048; ++value) {
    EXPECT_EQ(RoundUpFloat::decode(RoundUpFloat::encode(value)), value);
  }
}

TEST(RoundUpFloat, IsNeverBelowAndAtMostA1024thAbove) {
  std::mt19937_64 random(1);
  const auto check = [](uint64_t value) {
    const uint64_t rounded = RoundUpFloat::decode(RoundUpFloat::encode(value));
    EXPECT_GE(rounded, value);
    EXPECT_LE(rounded - value, value / 1024) << value;
  };
  for (unsigned bit = 0; bit < 64; ++bit) {
    const uint64_t power = uint64_t{1} << bit;
    for (const uint64_t value : {power - 1, power, power + 1}) check(value);
    for (int i = 0; i < 1000; ++i) check(random() >> bit);
  }
  check(UINT64_MAX);
}

TEST(RoundUpFloat, GivesEveryCodeBackAndKeepsTheOrder) {
  uint64_t previous = 0;
  for (uint16_t code = 0; code < 55 << 10; ++code) {
    const uint64_t value = RoundUpFloat::decode(code);
    ASSERT_EQ(RoundUpFloat::encode(value), code);
    ASSERT_TRUE(code == 0 || value > previous);
    previous = value;
  }
}

}  // namespace
}  // namespace netspectra

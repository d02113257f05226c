#include "sketch/round_up_float.h"

#include <gtest/gtest.h>

#include <random>

namespace netspectra {
namespace {

TEST(RoundUpFloat, IsExactUpTo126) {
  for (uint64_t value = 0; value <= 126; ++value) {
    EXPECT_EQ(RoundUpFloat::decode(RoundUpFloat::encode(value)), value);
  }
  EXPECT_EQ(RoundUpFloat::decode(RoundUpFloat::encode(127)), 128u);
  EXPECT_EQ(RoundUpFloat::decode(RoundUpFloat::encode(129)), 130u);
}

TEST(RoundUpFloat, IsNeverBelowAndAtMostA64thAbove) {
  std::mt19937_64 random(1);
  const auto check = [](uint64_t value) {
    const uint32_t code = RoundUpFloat::encode(value);
    EXPECT_LT(code, 1u << RoundUpFloat::kBits);
    const uint64_t rounded = RoundUpFloat::decode(code);
    EXPECT_GE(rounded, value);
    EXPECT_LE(rounded - value, value / 64) << value;
  };
  for (unsigned bit = 1; bit < 64; ++bit) {
    const uint64_t power = uint64_t{1} << (bit - 1);
    for (const uint64_t value : {power - 1, power, power + 1}) check(value);
    for (int i = 0; i < 1000; ++i) check(random() >> bit);
  }
  check((uint64_t{1} << 62) + (uint64_t{1} << 61));
}

TEST(RoundUpFloat, CodesAreOrderedAndStandForTheLargestCountThatHasThem) {
  uint64_t previous = 0;
  for (uint64_t value = 1; value < 100000; ++value) {
    const uint32_t code = RoundUpFloat::encode(value);
    ASSERT_GE(code, RoundUpFloat::encode(value - 1));
    if (code != RoundUpFloat::encode(value - 1)) {
      ASSERT_EQ(previous, value - 1);
    }
    previous = RoundUpFloat::decode(code);
  }
  for (uint32_t code = 1; code < 1u << RoundUpFloat::kBits; ++code) {
    ASSERT_GE(RoundUpFloat::decode(code), RoundUpFloat::decode(code - 1));
  }
}

TEST(RoundUpFloat, CodesTwoCountsAtOnce) {
  std::mt19937_64 random(2);
  for (unsigned bit = 1; bit < 64; ++bit) {
    const uint64_t low = random() >> bit, high = random() >> (64 - bit);
    const __m128i both = _mm_set_epi64x(static_cast<int64_t>(high), static_cast<int64_t>(low));
    EXPECT_EQ(RoundUpFloat::encode_both(both), RoundUpFloat::encode(low) | RoundUpFloat::encode(high)
                                                                               << RoundUpFloat::kBits);
  }
}

}  // namespace
}  // namespace netspectra

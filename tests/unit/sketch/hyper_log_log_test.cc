#include "sketch/hyper_log_log.h"
#include "base/mix64.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

namespace netspectra {
namespace {

HyperLogLog make(uint64_t seed = 1, uint32_t precision = 14) {
  absl::StatusOr<HyperLogLog> sketch = HyperLogLog::create({seed, precision});
  EXPECT_TRUE(sketch.ok()) << sketch.status();
  return *std::move(sketch);
}

std::vector<uint8_t> state(const HyperLogLog& sketch) {
  return {sketch.registers().begin(), sketch.registers().end()};
}

// Hash number i of a stream; no two of a stream are equal, since mix64 is a bijection.
uint64_t nth(uint64_t stream, uint64_t i) { return mix64(mix64(stream) + i * 0x9e3779b97f4a7c15); }

struct Errors {
  double sum = 0, squares = 0;
  int runs = 0;
  void add(double estimate, double truth) {
    const double error = (estimate - truth) / truth;
    sum += error;
    squares += error * error;
    ++runs;
  }
  double rms() const { return std::sqrt(squares / runs); }
  double bias() const { return sum / runs; }
};

TEST(HyperLogLog, IsExactlyZeroWhenEmpty) {
  const HyperLogLog sketch = make();
  EXPECT_TRUE(sketch.empty());
  EXPECT_EQ(sketch.estimate(), 0);
  EXPECT_EQ(sketch.registers().size(), 16384u);
}

TEST(HyperLogLog, KeepsItsErrorBoundFromOneToAHundredMillion) {
  std::vector<Errors> errors(9);  // at 10^0 to 10^8
  uint64_t stream = 0;
  // One stream measures all cardinalities up to its length.
  const auto run = [&](size_t last) {
    HyperLogLog sketch = make();
    uint64_t added = 0, cardinality = 1;
    for (size_t at = 0; at <= last; ++at, cardinality *= 10) {
      for (; added < cardinality; ++added) sketch.add(nth(stream, added));
      errors[at].add(sketch.estimate(), static_cast<double>(cardinality));
    }
    ++stream;
  };
  for (int i = 0; i < 10; ++i) run(8);
  for (int i = 0; i < 30; ++i) run(7);
  for (int i = 0; i < 200; ++i) run(6);

  for (size_t at = 0; at < errors.size(); ++at) {
    const double allowance = at < 7 ? 1 : at == 7 ? 1.25 : 1.5;  // for the scatter of an RMS over few runs
    std::printf("10^%zu: RMS error %.3f %%, bias %+.3f %% (%d runs)\n", at, errors[at].rms() * 100,
                errors[at].bias() * 100, errors[at].runs);
    EXPECT_LE(errors[at].rms(), 0.009 * allowance) << "at 10^" << at;
    EXPECT_LE(std::abs(errors[at].bias()), 3 * 0.0082 / std::sqrt(errors[at].runs)) << "at 10^" << at;
  }
}

// Ports are in a key's last word, which the keyed hash mixes least.
TEST(HyperLogLog, KeepsItsErrorBoundOverKeysThatDifferInAPortOnly) {
  Errors low_byte, both_bytes;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    HyperLogLog low = make(seed), both = make(seed);
    for (uint64_t port = 0; port < 65536; ++port) {
      const uint64_t hash = both.hash({1, 2, 3, 4, port << 16});
      if (port < 256) low.add(hash);
      both.add(hash);
    }
    low_byte.add(low.estimate(), 256);
    both_bytes.add(both.estimate(), 65536);
  }
  EXPECT_LE(low_byte.rms(), 0.009);
  EXPECT_LE(both_bytes.rms(), 0.009);
  EXPECT_LE(std::abs(low_byte.bias()), 0.002);
  EXPECT_LE(std::abs(both_bytes.bias()), 0.002);
}

TEST(HyperLogLog, IsNotChangedByRepeats) {
  HyperLogLog sketch = make();
  for (uint64_t i = 0; i < 50'000; ++i) sketch.add(nth(1, i));
  const std::vector<uint8_t> before = state(sketch);
  for (uint64_t i = 0; i < 50'000; ++i) sketch.add(nth(1, i));
  EXPECT_EQ(state(sketch), before);
}

TEST(HyperLogLog, MergesInAnyOrderToTheStateOfTheSingleStream) {
  HyperLogLog single = make();
  std::vector<HyperLogLog> parts(4, make());
  for (uint64_t i = 0; i < 100'000; ++i) {
    single.add(nth(1, i));
    parts[nth(2, i) % 4].add(nth(1, i));
    if (i % 3 == 0) parts[nth(3, i) % 4].add(nth(1, i));  // seen by two workers
  }
  std::vector<size_t> order = {0, 1, 2, 3};
  do {
    HyperLogLog merged = make();
    for (size_t part : order) ASSERT_TRUE(merged.merge(parts[part]).ok());
    EXPECT_EQ(state(merged), state(single));
    EXPECT_EQ(merged.estimate(), single.estimate());
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST(HyperLogLog, HoldsTheExtremesOfAHash) {
  HyperLogLog sketch = make();
  sketch.add(0);
  EXPECT_EQ(sketch.registers()[0], 51);  // 50 zeros and the end
  sketch.add(~uint64_t{0});
  EXPECT_EQ(sketch.registers()[16383], 1);
  EXPECT_NEAR(sketch.estimate(), 2, 0.01);
}

TEST(HyperLogLog, CountsAgainFromZeroAfterReset) {
  HyperLogLog sketch = make();
  sketch.add(nth(1, 1));
  EXPECT_FALSE(sketch.empty());
  sketch.reset();
  EXPECT_TRUE(sketch.empty());
  EXPECT_EQ(sketch.estimate(), 0);
}

TEST(HyperLogLog, RefusesToMergeUnequalShapesAndNamesTheDifference) {
  HyperLogLog sketch = make(1, 14);
  sketch.add(nth(1, 1));
  const std::vector<uint8_t> before = state(sketch);
  EXPECT_EQ(sketch.merge(make(2, 14)).message(),
            "cardinality sketches of unequal seeds cannot be merged: 1 and 2");
  EXPECT_EQ(sketch.merge(make(1, 12)).message(),
            "cardinality sketches of unequal precisions cannot be merged: 14 and 12");
  EXPECT_EQ(state(sketch), before);
}

TEST(HyperLogLog, RefusesAPrecisionOutOfRange) {
  EXPECT_FALSE(HyperLogLog::create({1, 3}).ok());
  EXPECT_FALSE(HyperLogLog::create({1, 19}).ok());
  EXPECT_EQ(make(1, 4).registers().size(), 16u);
  EXPECT_EQ(make(1, 18).registers().size(), 262144u);
}

}  // namespace
}  // namespace netspectra

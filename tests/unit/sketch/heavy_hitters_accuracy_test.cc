// What the estimator is bought for, on the stream that it is specified with: 30 million packets of a million
// keys, Zipf 1.0, split at random over four workers of 256 KiB each, heavy from 4096 packets on.
#include <gtest/gtest.h>

#include <cstdio>
#include <map>
#include <random>
#include <string>

#include "sketch/heavy_hitters.h"
#include "zipf.h"

namespace netspectra {
namespace {

constexpr uint64_t kPackets = 30'000'000;
constexpr uint32_t kKeys = 1'000'000;
constexpr uint64_t kThreshold = 4096;
constexpr uint64_t kMemory = 256 << 10;
constexpr TwoValuedField kVersion{4, uint64_t{0xff} << 40, uint64_t{4} << 40, uint64_t{6} << 40};

// IPv4-mapped source addresses, spread over the whole range.
KeyWords address(uint32_t id) {
  const uint32_t ip = id * 0x9e3779b1u;
  return {0, 0xffff0000 | uint64_t{ip} << 32, 0, 0, kVersion.clear};
}

class HeavyHittersAccuracy : public testing::TestWithParam<uint64_t> {};

TEST_P(HeavyHittersAccuracy, IsAsSpecifiedAtAQuarterMebibyteAWorker) {
  std::mt19937_64 random(GetParam());
  const HeavyHitterShape shape = HeavyHitterShape::for_memory(
      kMemory, random(), HeavyHitterRank::kPackets,
      KeyLayout(KeyWords{~uint64_t{0}, ~uint64_t{0}, 0, 0, kVersion.mask}, kVersion));
  ASSERT_LE(shape.state_bytes(), kMemory);

  struct Count {
    uint64_t packets = 0, bytes = 0;
  };
  std::vector<Count> truth(kKeys + 1);
  std::vector<HeavyHitters> workers;
  for (int i = 0; i < 4; ++i) {
    absl::StatusOr<HeavyHitters> worker = HeavyHitters::create(shape);
    ASSERT_TRUE(worker.ok());
    workers.push_back(*std::move(worker));
  }
  const Zipf zipf(kKeys);
  for (uint64_t i = 0; i < kPackets; ++i) {
    const uint32_t id = zipf(random);
    const uint64_t choice = random();
    const uint64_t bytes = 64 + (choice >> 8) % 1451;
    truth[id].packets += 1;
    truth[id].bytes += bytes;
    HeavyHitters& worker = workers[choice % 4];
    const KeyWords key = address(id);
    worker.add(worker.hash(key), key, 1, bytes);
  }
  HeavyHitterSum sum(shape);
  for (HeavyHitters& worker : workers) ASSERT_TRUE(sum.merge(worker.drain()).ok());

  std::map<KeyWords, Count> by_key;
  uint64_t heavy = 0;
  for (uint32_t id = 1; id <= kKeys; ++id) {
    heavy += truth[id].packets >= kThreshold;
    if (truth[id].packets >= kThreshold / 4) by_key[address(id)] = truth[id];
  }
  ASSERT_GT(heavy, 400u);

  uint64_t right = 0, wrong = 0, in_interval = 0;
  double relative_error = 0;
  for (const HeavyHitter& h : sum.at_least(kThreshold)) {
    const auto it = by_key.find(h.key);
    ASSERT_NE(it, by_key.end()) << "reported with less than a quarter of the threshold";
    const Count& count = it->second;
    in_interval += h.packets - h.error_packets <= count.packets && count.packets <= h.packets &&
                   h.bytes - h.error_bytes <= count.bytes && count.bytes <= h.bytes;
    if (count.packets < kThreshold) {
      ++wrong;
      continue;
    }
    ++right;
    relative_error += static_cast<double>(h.packets - count.packets) / static_cast<double>(count.packets);
  }
  relative_error /= static_cast<double>(right);
  const double f1 = 2.0 * static_cast<double>(right) / static_cast<double>(heavy + right + wrong);
  std::printf("heavy %lu, reported %lu right and %lu wrong: F1 %.4f, average relative error %.6f\n", heavy,
              right, wrong, f1, relative_error);
  RecordProperty("f1", std::to_string(f1));
  RecordProperty("average_relative_error", std::to_string(relative_error));

  EXPECT_GE(f1, 0.995);
  EXPECT_LE(relative_error, 0.001);
  EXPECT_EQ(in_interval, right + wrong);
}

INSTANTIATE_TEST_SUITE_P(Seeds, HeavyHittersAccuracy, testing::Values(1, 2, 3));

}  // namespace
}  // namespace netspectra

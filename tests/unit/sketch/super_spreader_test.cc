#include "sketch/super_spreader.h"
#include "base/mix64.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <random>
#include <vector>

namespace netspectra {
namespace {

constexpr uint64_t kMegabyte = 1 << 20;
constexpr KeyWords kSourceMask = {~uint64_t{0}, ~uint64_t{0}, 0, 0, 0xff00};
// A source address as the key: two words and the version, folded into a flag.
const KeyLayout kSource(kSourceMask, {.word = 4, .mask = 0xff00, .clear = 0x0400, .set = 0x0600});

KeyWords source(uint32_t number) { return {0, uint64_t{number} << 32 | 0xffff0000, 0, 0, 0x0400}; }
uint32_t number_of(const KeyWords& key) { return static_cast<uint32_t>(key[1] >> 32); }
KeyWords with_destination(KeyWords key, uint32_t destination) {
  key[3] = uint64_t{destination} << 32 | 0xffff0000;
  return key;
}

SuperSpreader make(const SpreadShape& shape) {
  absl::StatusOr<SuperSpreader> sketch = SuperSpreader::create(shape);
  EXPECT_TRUE(sketch.ok()) << sketch.status();
  return *std::move(sketch);
}
SuperSpreader make(uint64_t seed = 1, uint64_t bytes = kMegabyte) {
  return make(SpreadShape::for_memory(bytes, seed, kSource));
}

void add(SuperSpreader& sketch, const KeyWords& key, uint32_t destination) {
  sketch.add(sketch.hash(key), sketch.element_hash(with_destination(key, destination)), key);
}

bool same_bytes(const SuperSpreader& a, const SuperSpreader& b) {
  return std::ranges::equal(a.bytes(), b.bytes());
}

// Sources by number, each with its true spread.
struct Population {
  const char* name;
  uint64_t threshold;
  std::vector<uint32_t> spreads;
};

// 400 k sources; the i-th has a spread of C / i^exponent, and C makes `spreaders` of them reach the
// threshold.
Population power_law(const char* name, double exponent, uint64_t threshold, double spreaders) {
  Population population{name, threshold, {}};
  const double c = static_cast<double>(threshold) * std::pow(spreaders, exponent) * 1.001;
  for (int i = 1; i <= 400'000; ++i) {
    population.spreads.push_back(static_cast<uint32_t>(std::max(c / std::pow(i, exponent), 1.0)));
  }
  return population;
}

// 400 k hosts that meet 1 to 10 others, servers that meet 50 to 100, and 600 scanners, 500 to 50000.
Population scan(uint64_t seed) {
  Population population{"scan", 300, {}};
  std::mt19937_64 random(seed);
  for (int i = 0; i < 400'000; ++i) population.spreads.push_back(static_cast<uint32_t>(1 + random() % 10));
  for (int i = 0; i < 2000; ++i) population.spreads.push_back(static_cast<uint32_t>(50 + random() % 51));
  for (int i = 0; i < 600; ++i) {
    const double part = static_cast<double>(random() >> 11) * 0x1p-53;
    population.spreads.push_back(static_cast<uint32_t>(500 * std::pow(100, part)));
  }
  return population;
}

struct Pair {
  uint32_t source;
  uint32_t destination;
};

// Every pair at least once, four times in the mean, shuffled.
std::vector<Pair> stream_of(const Population& population, uint64_t seed) {
  std::vector<Pair> stream;
  for (uint32_t s = 0; s < population.spreads.size(); ++s) {
    for (uint32_t d = 0; d < population.spreads[s]; ++d) stream.push_back({s, d * 2654435761u + s});
  }
  std::mt19937_64 random(seed);
  const size_t pairs = stream.size();
  for (size_t i = 0; i < 3 * pairs; ++i) stream.push_back(stream[random() % pairs]);
  std::shuffle(stream.begin(), stream.end(), random);
  return stream;
}

struct Score {
  double precision, recall, f1, mean_error;
};

Score score(const std::vector<Spread>& found, const Population& population) {
  double hits = 0, error = 0;
  for (const Spread& spread : found) {
    const double truth = population.spreads[number_of(spread.key)];
    if (truth < static_cast<double>(population.threshold)) continue;
    ++hits;
    error += std::abs(static_cast<double>(spread.spread) - truth) / truth;
  }
  const auto real = static_cast<double>(std::ranges::count_if(
      population.spreads, [&](uint32_t spread) { return spread >= population.threshold; }));
  EXPECT_GE(real, 500);
  const double precision = hits / static_cast<double>(found.size()), recall = hits / real;
  return {precision, recall, 2 * precision * recall / (precision + recall), error / hits};
}

void expect_accurate(const Population& population, int seeds) {
  const std::vector<Pair> stream = stream_of(population, 77);
  for (uint64_t seed = 0; seed < static_cast<uint64_t>(seeds); ++seed) {
    SuperSpreader sketch = make(seed);
    for (const Pair& pair : stream) add(sketch, source(pair.source), pair.destination);
    const Score s = score(sketch.at_least(population.threshold), population);
    std::printf("%s, seed %d: F1 %.4f, precision %.4f, recall %.4f, mean relative error %.4f\n",
                population.name, static_cast<int>(seed), s.f1, s.precision, s.recall, s.mean_error);
    EXPECT_GE(s.f1, 0.95);
    EXPECT_LE(s.mean_error, 0.1);
  }
}

TEST(SuperSpreader, FindsTheSpreadersOfASteepPowerLawInOneMegabyte) {
  expect_accurate(power_law("power law 1.1", 1.1, 200, 500), 3);
}
TEST(SuperSpreader, FindsTheSpreadersOfAFlatPowerLawInOneMegabyte) {
  expect_accurate(power_law("power law 0.9", 0.9, 200, 500), 3);
}
TEST(SuperSpreader, FindsScannersAmongHostsAndServersInOneMegabyte) { expect_accurate(scan(5), 1); }

TEST(SuperSpreader, MergesFourWorkersToTheStateOfTheSingleStream) {
  const std::vector<Pair> stream = stream_of(power_law("", 0.9, 50, 100), 3);
  SuperSpreader single = make();
  std::vector<SuperSpreader> workers;
  for (int i = 0; i < 4; ++i) workers.push_back(make());
  std::mt19937_64 random(4);
  for (const Pair& pair : stream) {
    add(single, source(pair.source), pair.destination);
    add(workers[random() % 4], source(pair.source), pair.destination);
  }
  std::vector<size_t> order = {0, 1, 2, 3};
  do {
    SuperSpreader merged = make();
    for (size_t worker : order) ASSERT_TRUE(merged.merge(workers[worker]).ok());
    ASSERT_TRUE(same_bytes(merged, single));
  } while (std::next_permutation(order.begin(), order.end()));
  // In another grouping, and with a worker that is merged twice.
  ASSERT_TRUE(workers[0].merge(workers[1]).ok());
  ASSERT_TRUE(workers[3].merge(workers[2]).ok());
  ASSERT_TRUE(workers[0].merge(workers[3]).ok());
  ASSERT_TRUE(workers[0].merge(workers[3]).ok());
  EXPECT_TRUE(same_bytes(workers[0], single));
  EXPECT_EQ(workers[0].at_least(50), single.at_least(50));
}

// Hashes of a few values only: equal ranks, equal prints and full groups wherever one looks.
TEST(SuperSpreader, DependsOnNoOrderWhereRanksAndPrintsTie) {
  SpreadShape shape = SpreadShape::for_memory(65536, 1, KeyLayout({~uint64_t{0}, 0, 0, 0, ~uint64_t{0}}));
  shape.groups = 3;
  struct Packet {
    uint64_t key_hash, pair_hash;
    KeyWords key;
  };
  std::mt19937_64 random(9);
  for (int round = 0; round < 50; ++round) {
    std::vector<Packet> packets;
    for (int i = 0; i < 2000; ++i) {
      const uint64_t key = random() % 300;
      const uint64_t key_hash = mix64(key) << 32 | key % 40;  // 20 prints
      const uint64_t rarity = (uint64_t{1} << random() % 32) - random() % 2;
      packets.push_back({key_hash, rarity << 32 | (random() & 0xffffffff), {key / 7, 0, 0, 0, key % 7}});
    }
    SuperSpreader first = make(shape), second = make(shape), merged = make(shape);
    for (const Packet& p : packets) first.add(p.key_hash, p.pair_hash, p.key);
    std::shuffle(packets.begin(), packets.end(), random);
    for (const Packet& p : packets) second.add(p.key_hash, p.pair_hash, p.key);
    ASSERT_TRUE(same_bytes(first, second));
    std::vector<SuperSpreader> parts;
    for (int i = 0; i < 3; ++i) parts.push_back(make(shape));
    for (const Packet& p : packets) parts[random() % 3].add(p.key_hash, p.pair_hash, p.key);
    for (int i : {2, 0, 1}) ASSERT_TRUE(merged.merge(parts[static_cast<size_t>(i)]).ok());
    ASSERT_TRUE(same_bytes(first, merged));
    // What a merge leaves behind takes further packets as if it had seen all.
    for (uint64_t i = 0; i < 200; ++i) {
      const uint64_t key = random() % 300, key_hash = mix64(key) << 32 | key % 40, pair_hash = random();
      first.add(key_hash, pair_hash, {key / 7, 0, 0, 0, key % 7});
      merged.add(key_hash, pair_hash, {key / 7, 0, 0, 0, key % 7});
    }
    ASSERT_TRUE(same_bytes(first, merged));
  }
}

TEST(SuperSpreader, IsNotChangedByRepeats) {
  const std::vector<Pair> stream = stream_of(power_law("", 1.1, 50, 50), 3);
  SuperSpreader sketch = make();
  for (const Pair& pair : stream) add(sketch, source(pair.source), pair.destination);
  const absl::StatusOr<SuperSpreader> before = sketch.copy();
  ASSERT_TRUE(before.ok());
  for (const Pair& pair : stream) add(sketch, source(pair.source), pair.destination);
  EXPECT_TRUE(same_bytes(sketch, *before));
}

// 5.8 % is the error that the header states for an otherwise empty sketch.
TEST(SuperSpreader, EstimatesASingleKeyWithinItsErrorFromTenToAMillion) {
  for (uint32_t spread : {10u, 100u, 1000u, 10'000u, 100'000u, 1'000'000u}) {
    const int runs = spread == 1'000'000 ? 20 : 60;
    double squares = 0, sum = 0;
    for (int run = 0; run < runs; ++run) {
      SuperSpreader sketch = make(static_cast<uint64_t>(run), kMegabyte / 4);
      const KeyWords key = source(7);
      for (uint32_t i = 0; i < spread; ++i) add(sketch, key, i);
      const double error = static_cast<double>(sketch.estimate(key)) / spread - 1;
      sum += error;
      squares += error * error;
    }
    EXPECT_LE(std::sqrt(squares / runs), 0.058 * 1.3) << spread;
    EXPECT_LE(std::abs(sum / runs), 3 * 0.058 / std::sqrt(runs)) << spread;
  }
}

TEST(SuperSpreader, GivesEachKeyBackOnceLargestFirst) {
  SuperSpreader sketch = make();
  const KeyWords v6 = {0x0123456789abcdef, 0xfedcba9876543210, 0, 0, 0x0600};
  KeyWords twin = source(1);
  twin[4] = 0x0600;  // the same address bytes in IPv6 are another key
  for (uint32_t i = 0; i < 3000; ++i) add(sketch, v6, i);
  for (uint32_t i = 0; i < 1000; ++i) add(sketch, source(1), i);
  for (uint32_t i = 0; i < 300; ++i) add(sketch, twin, i);
  for (uint32_t i = 0; i < 20; ++i) add(sketch, source(2), i);
  const std::vector<Spread> found = sketch.at_least(100);
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0], (Spread{v6, sketch.estimate(v6)}));
  EXPECT_EQ(found[1], (Spread{source(1), sketch.estimate(source(1))}));
  EXPECT_EQ(found[2], (Spread{twin, sketch.estimate(twin)}));
  EXPECT_NEAR(static_cast<double>(found[0].spread), 3000, 600);
  EXPECT_EQ(sketch.at_least(1).size(), 4u);
  EXPECT_EQ(sketch.at_least(found[1].spread).size(), 2u);
  EXPECT_EQ(sketch.at_least(found[1].spread + 1).size(), 1u);
  EXPECT_EQ(sketch.estimate(source(99)), 0u);
}

TEST(SuperSpreader, StaysWithinItsMemory) {
  for (uint64_t bytes : {kMegabyte / 4, kMegabyte, 16 * kMegabyte}) {
    for (const KeyLayout& layout : {kSource, KeyLayout({1, 1, 1, 1, 1})}) {
      const SuperSpreader sketch = make(SpreadShape::for_memory(bytes, 1, layout));
      EXPECT_LE(sketch.bytes().size() + sketch.shape().groups * sizeof(uint32_t), bytes);
      EXPECT_GE(sketch.bytes().size(), bytes * 9 / 10);
    }
  }
}

TEST(SuperSpreader, StartsAgainAfterReset) {
  SuperSpreader sketch = make();
  EXPECT_TRUE(sketch.empty());
  EXPECT_TRUE(sketch.at_least(0).empty());
  for (uint32_t s = 0; s < 50'000; ++s) add(sketch, source(s), 1);
  EXPECT_FALSE(sketch.empty());
  sketch.reset();
  EXPECT_TRUE(sketch.empty());
  EXPECT_TRUE(same_bytes(sketch, make()));
  SuperSpreader fresh = make();
  for (uint32_t s = 0; s < 50'000; ++s) {
    add(sketch, source(s), 2);
    add(fresh, source(s), 2);
  }
  EXPECT_TRUE(same_bytes(sketch, fresh));
}

TEST(SuperSpreader, RefusesToMergeUnequalShapesAndNamesTheDifference) {
  const SpreadShape shape = SpreadShape::for_memory(kMegabyte, 1, kSource);
  SuperSpreader sketch = make(shape);
  add(sketch, source(1), 1);
  const absl::StatusOr<SuperSpreader> before = sketch.copy();
  SpreadShape other = shape;
  other.seed = 2;
  EXPECT_EQ(sketch.merge(make(other)).message(),
            "spread sketches of unequal seeds cannot be merged: 1 and 2");
  other = shape;
  other.groups = 7;
  EXPECT_EQ(sketch.merge(make(other)).message(),
            "spread sketches of unequal numbers of groups cannot be merged: 896 and 7");
  other = shape;
  other.bits = 1'000'000;
  EXPECT_NE(sketch.merge(make(other)).message().find("unequal numbers of bits"), std::string::npos);
  other = shape;
  other.layout = KeyLayout(kSourceMask);
  EXPECT_EQ(sketch.merge(make(other)).message(), "spread sketches of unequal key layouts cannot be merged");
  EXPECT_TRUE(same_bytes(sketch, *before));
}

TEST(SuperSpreader, RefusesAnImpossibleShape) {
  SpreadShape shape = SpreadShape::for_memory(kMegabyte, 1, kSource);
  shape.bits = 1000;
  EXPECT_FALSE(SuperSpreader::create(shape).ok());
  shape = SpreadShape::for_memory(kMegabyte, 1, kSource);
  shape.groups = 0;
  EXPECT_FALSE(SuperSpreader::create(shape).ok());
  EXPECT_TRUE(SuperSpreader::create(SpreadShape::for_memory(0, 1, kSource)).ok());
}

// The figure in the header for a bitmap that is nearly empty; more where other keys have filled it.
TEST(SuperSpreader, SaysItsStandardErrorForTheStateThatItIsIn) {
  const KeyLayout layout(KeyWords{~0ull, ~0ull, 0, 0, 0});
  SuperSpreader sketch = *SuperSpreader::create(SpreadShape::for_memory(1 << 20, 1, layout));
  EXPECT_NEAR(sketch.standard_error(1000), 0.058, 0.002);
  for (uint64_t i = 0; i < 1'500'000; ++i) {
    const KeyWords key = {i / 3 + 1, 0, 0, 0, 0};
    sketch.add(sketch.hash(key), sketch.element_hash({i + 1, i, 0, 0, 0}), key);
  }
  EXPECT_GT(sketch.standard_error(200), 0.08);
  EXPECT_LT(sketch.standard_error(200), 0.15);
}

// A key in its block, as in a packet: with bits beside those that are selected.
struct alignas(64) Block {
  KeyWords key;
};

struct BurstOfPairs {
  std::vector<Block> blocks;
  std::vector<uint64_t> key_hashes, pair_hashes;
};

void expect_same_by_bursts(const SpreadShape& shape, uint32_t keys, int bursts) {
  SuperSpreader single = make(shape), by_burst = make(shape), plain = make(shape), wide = make(shape);
  std::mt19937_64 random(keys);
  for (const int end : {bursts, 40}) {  // the second time after a reset
    for (int n = 0; n < end; ++n) {
      BurstOfPairs burst;
      const size_t size = n <= static_cast<int>(SuperSpreader::kMaxBurst)
                              ? static_cast<size_t>(n)
                              : random() % (SuperSpreader::kMaxBurst + 1);
      for (size_t i = 0; i < size; ++i) {
        const auto number = static_cast<uint32_t>(random() % keys);
        KeyWords key = source(number / 2);
        if (number % 2 != 0) key = {mix64(number), mix64(number + 1), 0, 0, 0x0600};
        burst.key_hashes.push_back(single.hash(key));
        // Every level has its turn, also those that chance does not reach, and the last for a hash of zeros.
        uint64_t hash = random();
        if (n % 2 != 0) hash |= uint64_t{0xfffff} << 32;  // rarities that are a ceiling's
        burst.pair_hashes.push_back(random() % 4 != 0 ? hash : hash >> random() % 64 << random() % 64);
        single.add(burst.key_hashes.back(), burst.pair_hashes.back(), key);
        for (size_t word = 0; word < key.size(); ++word) key[word] |= random() & ~kSourceMask[word];
        burst.blocks.push_back({key});
      }
      const KeyBlocks blocks(burst.blocks.data());
      by_burst.add(burst.key_hashes, burst.pair_hashes, blocks);
      plain.add_plain(burst.key_hashes, burst.pair_hashes, blocks);
      if (kHaveWideVectors) wide.add_wide(burst.key_hashes, burst.pair_hashes, blocks);
    }
    EXPECT_FALSE(single.empty());
    EXPECT_TRUE(same_bytes(single, by_burst));
    EXPECT_TRUE(same_bytes(single, plain));
    EXPECT_TRUE(!kHaveWideVectors || same_bytes(single, wide));
    for (SuperSpreader* sketch : {&single, &by_burst, &plain, &wide}) sketch->reset();
  }
}

TEST(SuperSpreader, HoldsAfterBurstsWhatItHoldsAfterTheirPairsOneByOne) {
  // Fewer keys than there are slots, and more; groups that are never full, and ones whose ceilings fall far.
  for (const uint32_t keys : {1u, 20u, 3000u, 200'000u}) {
    expect_same_by_bursts(SpreadShape::for_memory(64 << 10, 1, kSource), keys, 1500);
  }
  SpreadShape narrow = SpreadShape::for_memory(64 << 10, 1, kSource);
  for (const uint32_t groups : {1u, 3u}) {
    narrow.groups = groups;
    expect_same_by_bursts(narrow, 200'000, 3000);
  }
}

TEST(SuperSpreader, HoldsAfterBurstsWhatItHoldsAfterTheirPairsOneByOneWhateverTheLayout) {
  const KeyLayout layout({~uint64_t{0}, 0, 0, 0xff00, ~uint64_t{0}});
  const SpreadShape shape = SpreadShape::for_memory(64 << 10, 1, layout);
  SuperSpreader single = make(shape), by_burst = make(shape);
  std::mt19937_64 random(1);
  for (int n = 0; n < 500; ++n) {
    BurstOfPairs burst;
    for (size_t i = 0; i < SuperSpreader::kMaxBurst; ++i) {
      const KeyWords key = {random() % 3000, 0, 0, random() % 2 << 8, random() % 3};
      burst.blocks.push_back({key});
      burst.key_hashes.push_back(single.hash(key));
      burst.pair_hashes.push_back(random());
      single.add(burst.key_hashes.back(), burst.pair_hashes.back(), key);
    }
    by_burst.add(burst.key_hashes, burst.pair_hashes, KeyBlocks(burst.blocks.data()));
  }
  EXPECT_TRUE(same_bytes(single, by_burst));
}

}  // namespace
}  // namespace netspectra

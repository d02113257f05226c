#include "sketch/heavy_hitters.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>

#include "zipf.h"

namespace netspectra {
namespace {

using Rank = HeavyHitterRank;

struct Addition {
  KeyWords key;
  uint64_t packets;
  uint64_t bytes;
};
struct Count {
  uint64_t packets = 0;
  uint64_t bytes = 0;
};
using Truth = std::map<KeyWords, Count>;
using Stream = std::vector<Addition>;

constexpr uint64_t kV4 = uint64_t{4} << 40, kV6 = uint64_t{6} << 40;
constexpr TwoValuedField kVersion{4, uint64_t{0xff} << 40, kV4, kV6};

// Source addresses: two words and an IP version.
KeyLayout address_layout() {
  return KeyLayout(KeyWords{~uint64_t{0}, ~uint64_t{0}, 0, 0, kVersion.mask}, kVersion);
}

KeyWords address(uint64_t id) {
  if (id % 4 == 3) return {id * 0x9e3779b97f4a7c15, id, 0, 0, kV6};
  return {0, 0xffff0000 | id << 32, 0, 0, kV4};
}

HeavyHitterShape shape_of(uint32_t sets, Rank rank = Rank::kPackets, uint64_t seed = 1) {
  return {seed, sets, rank, address_layout()};
}

HeavyHitters make(const HeavyHitterShape& shape) {
  absl::StatusOr<HeavyHitters> hitters = HeavyHitters::create(shape);
  EXPECT_TRUE(hitters.ok()) << hitters.status();
  return *std::move(hitters);
}

void add(HeavyHitters& to, const Addition& a) { to.add(to.hash(a.key), a.key, a.packets, a.bytes); }

HeavyHitterSum measured(const HeavyHitterShape& shape, const Stream& stream) {
  HeavyHitters hitters = make(shape);
  for (const Addition& a : stream) add(hitters, a);
  return hitters.drain();
}

Truth truth_of(const Stream& stream) {
  Truth truth;
  for (const Addition& a : stream) {
    truth[a.key].packets += a.packets;
    truth[a.key].bytes += a.bytes;
  }
  return truth;
}

// That every bound holds: of the keys with an entry, and of those without.
void expect_certified(const HeavyHitterSum& sum, const Truth& truth) {
  std::map<KeyWords, HeavyHitter> found;
  for (const HeavyHitter& h : sum.at_least(0)) EXPECT_TRUE(found.emplace(h.key, h).second);
  for (const auto& [key, hitter] : found) EXPECT_TRUE(truth.contains(key)) << "a key that was never added";
  const KeyedHash hash(sum.shape().seed);
  for (const auto& [key, count] : truth) {
    if (const auto it = found.find(key); it != found.end()) {
      const HeavyHitter& h = it->second;
      ASSERT_LE(h.error_packets, h.packets);
      ASSERT_LE(h.error_bytes, h.bytes);
      ASSERT_LE(h.packets - h.error_packets, count.packets);
      ASSERT_GE(h.packets, count.packets);
      ASSERT_LE(h.bytes - h.error_bytes, count.bytes);
      ASSERT_GE(h.bytes, count.bytes);
    } else {
      const HeavyHitterSum::Floor& floor = sum.floors()[sum.shape().set_of(hash(key))];
      ASSERT_GE(floor.packets, count.packets);
      ASSERT_GE(floor.bytes, count.bytes);
    }
  }
}

// The floor in the ranking metric is at most a sixteenth of what its set was given.
void expect_low_floors(const HeavyHitterSum& sum, const Truth& truth) {
  const KeyedHash hash(sum.shape().seed);
  const bool by_packets = sum.shape().rank == Rank::kPackets;
  std::vector<uint64_t> weight(sum.shape().sets);
  for (const auto& [key, count] : truth) {
    weight[sum.shape().set_of(hash(key))] += by_packets ? count.packets : count.bytes;
  }
  for (uint32_t set = 0; set < sum.shape().sets; ++set) {
    const HeavyHitterSum::Floor& floor = sum.floors()[set];
    ASSERT_LE(by_packets ? floor.packets : floor.bytes, weight[set] / HeavyHitters::kWays);
  }
}

std::vector<std::pair<std::string, Stream>> streams() {
  std::mt19937_64 random(11);
  const auto weighted = [&random](uint64_t id) {
    const uint64_t packets = 1 + random() % 3;
    return Addition{address(id), packets, packets * (64 + random() % 1450)};
  };
  const Zipf zipf(5000);
  Stream skewed, even, distinct, bursts, sorted, in_turn, large;
  for (uint64_t i = 0; i < 40000; ++i) {
    skewed.push_back(weighted(zipf(random)));
    even.push_back(weighted(random() % 3000));
    distinct.push_back(weighted(i));
    in_turn.push_back(weighted(i % 200));
    large.push_back({address(zipf(random)), random() >> 30, random() >> 20});
  }
  while (bursts.size() < 40000) {
    const uint64_t id = zipf(random);
    for (uint64_t n = 1 + random() % 100; n > 0; --n) bursts.push_back(weighted(id));
  }
  sorted = skewed;
  std::sort(sorted.begin(), sorted.end(), [](const Addition& a, const Addition& b) { return a.key < b.key; });
  Stream rising;  // every newcomer is heavier than all before it
  for (uint64_t i = 0; i < 2000; ++i) rising.push_back({address(i), 1 + i, 1 + (2000 - i) * 100});
  return {{"skewed", skewed}, {"even", even},     {"distinct", distinct},
          {"bursts", bursts}, {"sorted", sorted}, {"in turn", in_turn},
          {"large", large},   {"rising", rising}, {"one key", {40, {address(3), 2, 100}}}};
}

TEST(HeavyHitters, CertifiesEveryKeyOfEveryStreamInBothMetrics) {
  for (const auto& [name, stream] : streams()) {
    const Truth truth = truth_of(stream);
    for (const Rank rank : {Rank::kPackets, Rank::kBytes}) {
      for (const uint32_t sets : {1u, 7u, 64u}) {
        SCOPED_TRACE(name + ", " + std::to_string(sets) + " sets");
        const HeavyHitterSum sum = measured(shape_of(sets, rank), stream);
        expect_certified(sum, truth);
        expect_low_floors(sum, truth);
      }
    }
  }
}

TEST(HeavyHitters, CertifiesMergedPartsOfOneStream) {
  std::mt19937_64 random(5);
  for (const auto& [name, stream] : streams()) {
    SCOPED_TRACE(name);
    for (const Rank rank : {Rank::kPackets, Rank::kBytes}) {
      std::array<Stream, 4> parts;
      for (const Addition& a : stream) parts[random() % parts.size()].push_back(a);
      HeavyHitterSum sum(shape_of(16, rank));
      for (const Stream& part : parts) ASSERT_TRUE(sum.merge(measured(sum.shape(), part)).ok());
      expect_certified(sum, truth_of(stream));
      expect_low_floors(sum, truth_of(stream));
    }
  }
}

TEST(HeavyHitters, CountsOneKeyExactly) {
  HeavyHitters hitters = make(shape_of(3));
  add(hitters, {address(1), 1, 60});
  add(hitters, {address(1), 2, 3000});
  EXPECT_EQ(hitters.drain().at_least(1), (std::vector<HeavyHitter>{{address(1), 3, 3060, 0, 0}}));
}

TEST(HeavyHitters, TellsKeysApartThatDifferOnlyInTheirVersion) {
  HeavyHitters hitters = make(shape_of(1));
  const KeyWords v4{0, 7, 0, 0, kV4}, v6{0, 7, 0, 0, kV6};
  add(hitters, {v4, 1, 60});
  add(hitters, {v6, 5, 500});
  EXPECT_EQ(hitters.drain().at_least(0), (std::vector<HeavyHitter>{{v6, 5, 500, 0, 0}, {v4, 1, 60, 0, 0}}));
}

TEST(HeavyHitters, IsExactUntilASetIsFull) {
  Stream stream;
  for (uint64_t id = 0; id < 16; ++id) stream.push_back({address(id), id + 1, 100});
  const HeavyHitterSum sum = measured(shape_of(1), stream);
  ASSERT_EQ(sum.at_least(0).size(), 16u);
  for (const HeavyHitter& h : sum.at_least(0)) EXPECT_EQ(h.error_packets + h.error_bytes, 0u);
  EXPECT_EQ(sum.floors(), (std::vector<HeavyHitterSum::Floor>{{0, 0}}));
}

TEST(HeavyHitters, GivesTheFirstOfTheSmallestEntriesToANewKey) {
  for (const Rank rank : {Rank::kPackets, Rank::kBytes}) {
    for (uint64_t smallest = 0; smallest < 16; ++smallest) {
      Stream stream;
      for (uint64_t id = 0; id < 16; ++id) {
        const uint64_t n = id == smallest || id == 15 ? 10 : 20 + id;
        stream.push_back({address(id), n, n * 12});
      }
      stream.push_back({address(16), 5, 7000});
      const HeavyHitterSum sum = measured(shape_of(1, rank), stream);
      EXPECT_EQ(sum.floors(), (std::vector<HeavyHitterSum::Floor>{{10, 120}}));
      std::vector<HeavyHitter> found = sum.at_least(0);
      ASSERT_EQ(found.size(), 16u);
      EXPECT_EQ(std::count_if(found.begin(), found.end(),
                              [&](const HeavyHitter& h) { return h.key == address(smallest); }),
                0);
      const auto newcomer =
          std::find_if(found.begin(), found.end(), [](const HeavyHitter& h) { return h.key == address(16); });
      ASSERT_NE(newcomer, found.end());
      EXPECT_EQ(*newcomer, (HeavyHitter{address(16), 15, 7120, 10, 120}));
    }
  }
}

// Weights of all sizes: most entries are far above what a rise can tell, and all of them come to be.
TEST(HeavyHitters, EvictsTheSmallestEntryHoweverFarApartTheyAre) {
  for (const unsigned most_bits : {4u, 12u, 16u, 17u, 24u, 40u}) {
    SCOPED_TRACE(most_bits);
    std::mt19937_64 random(most_bits);
    const Zipf zipf(60);
    Stream stream;
    for (int i = 0; i < 50000; ++i) {
      stream.push_back({address(zipf(random)), 1 + (random() >> (64 - 1 - random() % most_bits)), 64});
    }
    // Space-Saving with plain numbers.
    std::vector<std::pair<KeyWords, uint64_t>> entries;
    uint64_t floor = 0;
    for (const Addition& a : stream) {
      auto at = std::find_if(entries.begin(), entries.end(), [&](const auto& e) { return e.first == a.key; });
      if (at == entries.end() && entries.size() < HeavyHitters::kWays) {
        at = entries.insert(at, {a.key, 0});
      } else if (at == entries.end()) {
        at = std::min_element(entries.begin(), entries.end(),
                              [](const auto& x, const auto& y) { return x.second < y.second; });
        at->first = a.key;
        floor = at->second;
      }
      at->second += a.packets;
    }
    const HeavyHitterSum sum = measured(shape_of(1), stream);
    EXPECT_EQ(sum.floors()[0].packets, floor);
    std::map<KeyWords, uint64_t> found;
    for (const HeavyHitter& h : sum.at_least(0)) found[h.key] = h.packets;
    EXPECT_EQ(found, (std::map<KeyWords, uint64_t>(entries.begin(), entries.end())));
  }
}

TEST(HeavyHitters, RoundsErrorsUpByAtMostA64th) {
  Stream stream;
  for (uint64_t id = 0; id < 16; ++id) stream.push_back({address(id), 1000, 1000000});
  stream.push_back({address(16), 1, 60});
  for (const HeavyHitter& h : measured(shape_of(1), stream).at_least(0)) {
    if (h.key != address(16)) continue;
    EXPECT_EQ(h.packets, 1001u);
    EXPECT_EQ(h.error_packets, 1001u);  // 1000 would be a 1006 in 12 bits, but 0 packets are certain at least
    EXPECT_EQ(h.bytes, 1000060u);
    EXPECT_GE(h.error_bytes, 1000000u);
    EXPECT_LE(h.error_bytes, 1000000u + 1000000u / 64);
  }
}

TEST(HeavyHitters, KeepsTheFloorOfTheOtherMetricAtItsLargest) {
  Stream stream;
  for (uint64_t id = 0; id < 16; ++id) stream.push_back({address(id), 10 + id, 1000});
  stream[0].bytes = 9000;                    // fewest packets, most bytes: evicted first
  stream.push_back({address(16), 100, 10});  // takes its place
  stream.push_back({address(17), 100, 10});  // takes that of 11 packets and 1000 bytes
  EXPECT_EQ(measured(shape_of(1), stream).floors(), (std::vector<HeavyHitterSum::Floor>{{11, 9000}}));
}

TEST(HeavyHitters, IsEmptyAfterDrainingAndMeasuresAnewAsIfNew) {
  const Stream first = streams()[0].second, second = streams()[3].second;
  HeavyHitters hitters = make(shape_of(20));
  EXPECT_TRUE(hitters.empty());
  for (const Addition& a : first) add(hitters, a);
  EXPECT_FALSE(hitters.empty());
  EXPECT_FALSE(hitters.drain().entries().empty());
  EXPECT_TRUE(hitters.empty());
  EXPECT_TRUE(hitters.drain().entries().empty());

  for (const Addition& a : second) add(hitters, a);
  const HeavyHitterSum again = hitters.drain(), anew = measured(shape_of(20), second);
  EXPECT_EQ(again.entries(), anew.entries());
  EXPECT_EQ(again.floors(), anew.floors());
}

TEST(HeavyHitters, FillTheMemoryTheyAreGivenAndNoMore) {
  const HeavyHitterShape shape = HeavyHitterShape::for_memory(256 << 10, 1, Rank::kPackets, address_layout());
  EXPECT_LE(shape.state_bytes(), 256u << 10);
  EXPECT_GT(shape.state_bytes() + shape.set_bytes(), 256u << 10);
  EXPECT_EQ(shape.entries(), 6544u);
  EXPECT_EQ(HeavyHitterShape::for_memory(0, 1, Rank::kPackets, address_layout()).sets, 1u);
}

TEST(HeavyHitters, RefuseToHaveNoSets) {
  EXPECT_EQ(HeavyHitters::create(shape_of(0)).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(HeavyHitters, KeepKeysOfAnyWords) {
  constexpr uint64_t kAll = ~uint64_t{0}, kPorts = 0xffffffffffff;
  Stream stream;
  const Zipf zipf(500);
  std::mt19937_64 random(2);
  for (int i = 0; i < 20000; ++i) {
    const uint64_t id = zipf(random);
    stream.push_back({{id % 3, id % 5, id % 7, id, (id % 11) << 40 | id % 13}, 1, 64 + id});
  }
  for (const KeyWords& mask :
       {KeyWords{kAll, kAll, kAll, kAll, kPorts}, KeyWords{kAll, kAll, 0, 0, 0},
        KeyWords{0, 0, kAll, kAll, 0}, KeyWords{0, 0, 0, kAll, kPorts}, KeyWords{0, kAll, 0, kAll, 0},
        KeyWords{0, 0, 0, kAll, 0}, KeyWords{0, kAll, kAll, kAll, 0}, KeyWords{}}) {
    Stream masked = stream;
    for (Addition& a : masked) {
      for (size_t i = 0; i < mask.size(); ++i) a.key[i] &= mask[i];
    }
    expect_certified(measured({1, 4, Rank::kBytes, KeyLayout(mask)}, masked), truth_of(masked));
  }
}

// A key as it stands in a packet, with bits beside those that are selected, and the packet's bytes.
struct alignas(64) Block {
  KeyWords key;
  uint32_t bytes;
};

void expect_same_by_bursts(const HeavyHitterShape& shape, uint64_t values) {
  HeavyHitters single = make(shape), by_burst = make(shape), plain = make(shape), wide = make(shape);
  const KeyWords& mask = shape.layout.mask();
  std::mt19937_64 random(values);
  for (int round = 0; round < 2; ++round) {  // the second after a drain
    for (size_t n = 0; n < 1000; ++n) {
      std::vector<Block> blocks(n <= HeavyHitters::kMaxBurst ? n : random() % (HeavyHitters::kMaxBurst + 1));
      std::vector<uint64_t> hashes;
      for (Block& block : blocks) {
        for (uint64_t& word : block.key) word = random() % values * 0x10101;
        if (n % 3 == 0) block.key[1] = block.key[3] = 7;  // fewer keys: some come again in the burst
        block.key[4] = (block.key[4] & 0xffff) | (random() % 2 != 0 ? kV4 : kV6);
        // Rises end at 65535: lengths of all sizes up to what a packet can say.
        block.bytes = static_cast<uint32_t>(random() >> (32 + (random() % 16 == 0 ? random() % 32 : 21)));
        if (random() % 64 == 0) block.bytes = UINT32_MAX;
        KeyWords masked = block.key;
        for (size_t i = 0; i < masked.size(); ++i) masked[i] &= mask[i];
        hashes.push_back(single.hash(masked));
        single.add(hashes.back(), masked, 1, block.bytes);
      }
      const KeyBlocks keys(blocks.data());
      by_burst.add_packets(hashes, keys, offsetof(Block, bytes));
      plain.add_packets_plain(hashes, keys, offsetof(Block, bytes));
      if (kHaveWideVectors) wide.add_packets_wide(hashes, keys, offsetof(Block, bytes));
    }
    EXPECT_FALSE(single.empty());
    const HeavyHitterSum expected = single.drain();
    for (HeavyHitters* sketch : {&by_burst, &plain, &wide}) {
      if (sketch == &wide && !kHaveWideVectors) continue;
      const HeavyHitterSum sum = sketch->drain();
      EXPECT_EQ(sum.entries(), expected.entries());
      EXPECT_EQ(sum.floors(), expected.floors());
    }
  }
}

TEST(HeavyHitters, FindInABurstWhatTheyFindPacketByPacket) {
  const KeyWords masks[] = {{~uint64_t{0}, ~uint64_t{0}, 0, 0, kVersion.mask},
                            {0, 0, ~uint64_t{0}, ~uint64_t{0}, kVersion.mask},
                            {0, 0, 0, 0, 0xffff},
                            {0, 0, 0xff, 0xff00, 0}};
  for (const KeyWords& mask : masks) {
    for (const Rank rank : {Rank::kPackets, Rank::kBytes}) {
      for (const uint32_t sets : {1u, 3u, 409u}) {
        for (const uint64_t values : {4u, 60u, 5000u}) {
          expect_same_by_bursts({1, sets, rank, KeyLayout(mask, kVersion)}, values);
        }
      }
    }
  }
}

}  // namespace
}  // namespace netspectra

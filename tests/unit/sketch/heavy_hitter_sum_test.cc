#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

#include "sketch/heavy_hitters.h"
#include "zipf.h"

namespace netspectra {
namespace {

using Rank = HeavyHitterRank;
using Floors = std::vector<HeavyHitterSum::Floor>;

KeyLayout port_layout() { return KeyLayout(KeyWords{0, 0, 0, 0, 0xffffffff}); }
KeyWords port(uint64_t id) { return {0, 0, 0, 0, id}; }
HeavyHitterShape shape_of(uint32_t sets, Rank rank = Rank::kPackets) {
  return {7, sets, rank, port_layout()};
}

HeavyHitterSum part_of(const HeavyHitterShape& shape, uint64_t seed) {
  absl::StatusOr<HeavyHitters> hitters = HeavyHitters::create(shape);
  EXPECT_TRUE(hitters.ok());
  std::mt19937_64 random(seed);
  const Zipf zipf(2000);
  for (uint64_t i = 0; i < 3000 + 1000 * seed; ++i) {
    const KeyWords key = port(zipf(random));
    hitters->add(hitters->hash(key), key, 1 + random() % 2, 64 + random() % 1400);
  }
  return hitters->drain();
}

void expect_contains(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << text;
}

TEST(HeavyHitterSum, IsTheSameWhateverTheOrderAndGroupingOfItsParts) {
  std::mt19937_64 random(3);
  std::vector<HeavyHitterSum> parts;
  for (uint64_t seed = 0; seed < 9; ++seed) parts.push_back(part_of(shape_of(12), seed));
  parts.emplace_back(shape_of(12));  // an empty one
  parts.emplace_back(shape_of(12));
  for (uint64_t id = 0; id < 50; ++id) parts.back().add_exact(port(3 * id), id, 100 * id);

  HeavyHitterSum in_order(shape_of(12));
  for (const HeavyHitterSum& part : parts) ASSERT_TRUE(in_order.merge(part).ok());
  ASSERT_FALSE(in_order.floors() == Floors(12));

  for (int round = 0; round < 50; ++round) {
    // Two random ones of what is left become one, until one is left: any order, any tree.
    std::vector<HeavyHitterSum> left = parts;
    while (left.size() > 1) {
      std::shuffle(left.begin(), left.end(), random);
      ASSERT_TRUE(left[left.size() - 2].merge(left.back()).ok());
      left.pop_back();
    }
    ASSERT_EQ(left[0].entries(), in_order.entries());
    ASSERT_EQ(left[0].floors(), in_order.floors());
    ASSERT_EQ(left[0].at_least(30), in_order.at_least(30));
  }
}

TEST(HeavyHitterSum, IsUnchangedByAnEmptyPart) {
  HeavyHitterSum sum = part_of(shape_of(12), 1);
  const auto before = sum.entries();
  ASSERT_TRUE(sum.merge(HeavyHitterSum(shape_of(12))).ok());
  EXPECT_EQ(sum.entries(), before);
}

TEST(HeavyHitterSum, RefusesPartsOfAnotherShapeAndNamesTheDifference) {
  HeavyHitterSum sum = part_of(shape_of(12), 1);
  const auto before = sum.entries();
  const auto refusal = [&sum](const HeavyHitterShape& shape) {
    const absl::Status status = sum.merge(part_of(shape, 2));
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return std::string(status.message());
  };
  expect_contains(refusal({8, 12, Rank::kPackets, port_layout()}), "seeds 7 and 8");
  expect_contains(refusal(shape_of(13)), "12 and 13 sets");
  expect_contains(refusal(shape_of(12, Rank::kBytes)), "ranked by packets and by bytes");
  expect_contains(refusal({7, 12, Rank::kPackets, KeyLayout(KeyWords{0, 0, 0, 0, 0xffffffffffff})}),
                  "masks 0 0 0 0 ffffffff and 0 0 0 0 ffffffffffff");
  EXPECT_EQ(sum.entries(), before);
}

TEST(HeavyHitterSum, AddsExactCountsWithoutError) {
  HeavyHitterSum sum(shape_of(2));
  sum.add_exact(port(1), 10, 1000);
  sum.add_exact(port(2), 30, 2000);
  sum.add_exact(port(1), 5, 500);
  EXPECT_EQ(sum.at_least(15),
            (std::vector<HeavyHitter>{{port(2), 30, 2000, 0, 0}, {port(1), 15, 1500, 0, 0}}));
  EXPECT_EQ(sum.at_least(16), (std::vector<HeavyHitter>{{port(2), 30, 2000, 0, 0}}));
}

TEST(HeavyHitterSum, AddsTheFloorOfThePartsThatDoNotHoldAKey) {
  HeavyHitterSum sum(shape_of(1));
  sum.add_exact(port(1), 10, 1000);
  sum.add_floor(0, {4, 300});
  EXPECT_EQ(sum.at_least(0), (std::vector<HeavyHitter>{{port(1), 14, 1300, 4, 300}}));
}

TEST(HeavyHitterSum, ReportsByTheMiddleOfTheInterval) {
  HeavyHitterSum sum(shape_of(1));
  sum.add_exact(port(1), 10, 1000);
  sum.add_floor(0, {4, 300});  // 10 to 14
  EXPECT_EQ(sum.at_least(12).size(), 1u);
  EXPECT_EQ(sum.at_least(13).size(), 0u);
}

TEST(HeavyHitterSum, SortsByTheRankingMetricThenByKey) {
  HeavyHitterSum sum(shape_of(3, Rank::kBytes));
  sum.add_exact(port(5), 900, 100);
  sum.add_exact(port(9), 1, 700);
  sum.add_exact(port(2), 2, 100);
  EXPECT_EQ(sum.at_least(100),
            (std::vector<HeavyHitter>{
                {port(9), 1, 700, 0, 0}, {port(2), 2, 100, 0, 0}, {port(5), 900, 100, 0, 0}}));
}

TEST(HeavyHitterSum, CanBeTakenApartAndPutTogetherAgain) {
  const HeavyHitterSum sum = part_of(shape_of(12), 4);
  HeavyHitterSum again(sum.shape());
  for (const HeavyHitterSum::Entry& entry : sum.entries()) again.add_entry(entry);
  for (uint32_t set = 0; set < 12; ++set) again.add_floor(set, sum.floors()[set]);
  EXPECT_EQ(again.entries(), sum.entries());
  EXPECT_EQ(again.floors(), sum.floors());
  EXPECT_EQ(again.at_least(20), sum.at_least(20));
}

}  // namespace
}  // namespace netspectra

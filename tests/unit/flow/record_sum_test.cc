#include "flow/record_sum.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "packets.h"

namespace netspectra {
namespace {

FlowRecord make_record(uint32_t flow, uint64_t n) {
  return {make_packet(flow).key, {n, n * 100, 1000 - n, 1000 + n, static_cast<uint8_t>(1u << n % 8)}};
}

std::map<FlowKey, FlowCounters> in_plain_words(std::span<const std::span<const FlowRecord>> parts,
                                               KeyFields fields) {
  const KeyMask mask(fields);
  std::map<FlowKey, FlowCounters> sums;
  for (std::span<const FlowRecord> part : parts) {
    for (const FlowRecord& record : part) sums[mask.apply(record.key)].merge(record.counters);
  }
  return sums;
}

TEST(SumRecords, OfNothingIsNothing) {
  EXPECT_TRUE(sum_records(std::span<const FlowRecord>(), KeyFields::five_tuple()).empty());
  EXPECT_TRUE(sum_records(std::span<const std::span<const FlowRecord>>(), KeyFields::five_tuple()).empty());
}

TEST(SumRecords, IsOneRecordPerKeyUnderTheMask) {
  KeyFields port;
  port.add(KeyField::kDstPort);
  const std::vector<FlowRecord> records = {make_record(1, 1), make_record(2, 2), make_record(3, 4)};
  const std::vector<FlowRecord> sums = sum_records(records, port);
  ASSERT_EQ(sums.size(), 1u);
  EXPECT_EQ(sums[0].key, KeyMask(port).apply(records[0].key));
  EXPECT_EQ(sums[0].counters, (FlowCounters{7, 700, 996, 1004, 2 | 4 | 16}));
}

// From one partition to as many as there are, keys that meet often and keys that never do.
TEST(SumRecords, AgreesWithAMapForAnySplitIntoParts) {
  std::mt19937 random(5);
  for (size_t count : {1u, 2u, 1000u, 5000u, 300000u}) {
    for (uint32_t keys : {1u, 50u, 1000000u}) {
      std::vector<FlowRecord> records;
      for (size_t i = 0; i < count; ++i) records.push_back(make_record(random() % keys, random() % 100));
      const std::span<const FlowRecord> all(records);
      const size_t cut = random() % count;
      const std::span<const FlowRecord> parts[] = {all.first(cut), {}, all.subspan(cut)};
      KeyFields source;
      source.add(KeyField::kSrcIp);
      for (KeyFields fields : {KeyFields::five_tuple(), source}) {
        const auto expected = in_plain_words(parts, fields);
        const std::vector<FlowRecord> sums = sum_records(parts, fields);
        std::map<FlowKey, FlowCounters> got;
        for (const FlowRecord& sum : sums) got.emplace(sum.key, sum.counters);
        EXPECT_EQ(sums.size(), expected.size());
        EXPECT_EQ(got, expected);
      }
    }
  }
}

}  // namespace
}  // namespace netspectra

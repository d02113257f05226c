#include "flow/flow_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "packets.h"

namespace netspectra {
namespace {

std::map<FlowKey, FlowCounters> drained(const FlowTable& table) {
  std::vector<FlowRecord> records;
  table.drain(records);
  std::map<FlowKey, FlowCounters> map;
  for (const FlowRecord& record : records) {
    EXPECT_TRUE(map.emplace(record.key, record.counters).second) << "a key stands twice";
  }
  return map;
}

FlowTable make_table(KeyFields fields, uint64_t capacity, uint64_t initial) {
  absl::StatusOr<FlowTable> table = FlowTable::create(fields, {capacity, initial});
  EXPECT_TRUE(table.ok());
  return *std::move(table);
}

// The rules in their plainest form.
void count(std::map<FlowKey, FlowCounters>& map, const FlowKey& key, const Packet& packet) {
  map[key].merge({1, packet.len_bytes, packet.ts_ns, packet.ts_ns, packet.tcp_flags});
}

TEST(FlowTable, CountsOnePacket) {
  FlowTable table = make_table(KeyFields::five_tuple(), 10, 10);
  const Packet packet = make_packet(1, 5, 100, 2);
  table.update({&packet, 1});
  FlowKey key = packet.key;
  key.vlan = 0;
  EXPECT_EQ(drained(table), (std::map<FlowKey, FlowCounters>{{key, {1, 100, 5, 5, 2}}}));
}

TEST(FlowTable, KeepsSmallestAndLargestTimestampWhateverTheOrder) {
  FlowTable table = make_table(KeyFields::five_tuple(), 10, 10);
  for (uint64_t ts : {50u, 20u, 90u, 0u, 60u}) {
    const Packet packet = make_packet(1, ts);
    table.update({&packet, 1});
  }
  const auto flows = drained(table);
  ASSERT_EQ(flows.size(), 1u);
  EXPECT_EQ(flows.begin()->second, (FlowCounters{5, 320, 0, 90, 0}));
}

TEST(FlowTable, SeveralPacketsOfANewFlowInOneBurstAreOneRecord) {
  FlowTable table = make_table(KeyFields::five_tuple(), 100, 100);
  std::vector<Packet> burst;
  for (uint32_t i = 0; i < 64; ++i) burst.push_back(make_packet(i % 2, 100 - i, 10, uint8_t(1 << i % 8)));
  table.update(burst);
  std::map<FlowKey, FlowCounters> expected;
  const KeyMask mask(KeyFields::five_tuple());
  for (const Packet& packet : burst) count(expected, mask.apply(packet.key), packet);
  EXPECT_EQ(drained(table), expected);
}

class FlowTableAgainstMap : public testing::TestWithParam<std::tuple<uint64_t, uint32_t>> {};

// Growth from one bucket, key masks, collisions, order of time: everything against a std::map.
TEST_P(FlowTableAgainstMap, AgreesOverManyBursts) {
  const auto [initial, flows] = GetParam();
  for (int selection = 0; selection < 64; ++selection) {
    KeyFields fields;
    for (size_t f = 0; f < kKeyFieldCount; ++f) {
      if ((selection >> f & 1) != 0) fields.add(static_cast<KeyField>(f));
    }
    if (fields.empty()) continue;
    const KeyMask mask(fields);
    FlowTable table = make_table(fields, 1 << 20, initial);
    std::map<FlowKey, FlowCounters> expected;
    std::mt19937 random(selection);
    for (int round = 0; round < 2; ++round) {  // the second on an emptied table that has grown
      for (int b = 0; b < 200; ++b) {
        std::vector<Packet> burst(1 + random() % 64);
        for (Packet& packet : burst) {
          packet =
              make_packet(random() % flows, 1000 + random() % 1000, 40 + random() % 1400, uint8_t(random()));
          count(expected, mask.apply(packet.key), packet);
        }
        table.update(burst);
      }
      ASSERT_EQ(drained(table), expected);
      ASSERT_EQ(table.used(), expected.size());
      ASSERT_EQ(table.overflow().packets, 0u);
      table.reset();
      ASSERT_TRUE(drained(table).empty());
      expected.clear();
    }
  }
}
INSTANTIATE_TEST_SUITE_P(Sizes, FlowTableAgainstMap,
                         testing::Combine(testing::Values(1, 100, 1 << 16), testing::Values(3, 700, 100000)));

TEST(FlowTable, WhenFullCountsFurtherKeysAsOverflowAndKnownKeysStill) {
  FlowTable table = make_table(KeyFields::five_tuple(), 100, 1);
  std::vector<Packet> packets;
  for (uint32_t i = 0; i < 250; ++i) packets.push_back(make_packet(i, 10 + i, 100, 1));
  for (uint32_t i = 0; i < 100; ++i) packets.push_back(make_packet(i, 1000, 1, 4));
  for (size_t at = 0; at < packets.size(); at += 50) table.update({packets.data() + at, 50});
  EXPECT_EQ(table.used(), 100u);
  EXPECT_EQ(table.overflow(), (FlowCounters{150, 15000, 110, 259, 1}));
  uint64_t packets_in_records = 0;
  for (const auto& [key, counters] : drained(table)) {
    EXPECT_EQ(counters.packets, 2u);
    packets_in_records += counters.packets;
  }
  EXPECT_EQ(packets_in_records + table.overflow().packets, packets.size());
  table.reset();
  EXPECT_EQ(table.overflow(), FlowCounters{});
}

TEST(FlowTable, HoldsItsWholeCapacityAtEveryStartSize) {
  for (uint64_t capacity : {1u, 2u, 11u, 12u, 13u, 1000u, 4096u}) {
    for (uint64_t initial : {uint64_t{1}, capacity}) {
      FlowTable table = make_table(KeyFields::five_tuple(), capacity, initial);
      for (uint32_t i = 0; i < 2 * capacity; ++i) {
        const Packet packet = make_packet(i);
        table.update({&packet, 1});
      }
      EXPECT_EQ(table.used(), capacity);
      EXPECT_EQ(table.overflow().packets, capacity);
    }
  }
}

TEST(FlowTable, ASpecificMappedAddressIsNotTheIpv4Address) {
  FlowTable table = make_table(KeyFields::five_tuple(), 10, 10);
  Packet v4 = make_packet(1);
  Packet v6 = v4;
  v6.key.ip_version = 6;
  table.update({&v4, 1});
  table.update({&v6, 1});
  EXPECT_EQ(table.used(), 2u);
}

TEST(FlowTable, WithoutAnAddressBothIpVersionsShareAKey) {
  KeyFields fields;
  fields.add(KeyField::kDstPort);
  FlowTable table = make_table(fields, 10, 10);
  Packet v4 = make_packet(1);
  Packet v6 = v4;
  v6.key.ip_version = 6;
  table.update({&v4, 1});
  table.update({&v6, 1});
  EXPECT_EQ(table.used(), 1u);
}

TEST(FlowTable, SaysWhichMemoryItCannotHave) {
  const auto table = FlowTable::create(KeyFields::five_tuple(), {uint64_t{1} << 50, 1});
  ASSERT_FALSE(table.ok());
  EXPECT_NE(std::string(table.status().message()).find("cannot reserve"), std::string::npos);
}

}  // namespace
}  // namespace netspectra

#include "flow/flow_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
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

FlowTable make_table(KeyFields fields, uint64_t capacity) {
  absl::StatusOr<FlowTable> table = FlowTable::create(fields, capacity);
  EXPECT_TRUE(table.ok());
  return *std::move(table);
}

// One burst, all the way through.
void measure(FlowTable& table, std::span<const Packet> packets) {
  table.update(packets);
  table.update({});
  table.update({});
}

// Some flows are of IPv6, the others of IPv4.
Packet make_mixed_packet(uint32_t flow, uint64_t ts_ns, uint32_t len, uint8_t flags) {
  Packet packet = make_packet(flow, ts_ns, len, flags);
  if (flow % 3 != 0) return packet;
  packet.key.ip_version = 6;
  packet.key.src_ip[0] = 0x20;
  packet.key.src_ip[7] = static_cast<uint8_t>(flow % 5);
  packet.key.dst_ip[0] = 0x20;
  return packet;
}

// The rules in their plainest form.
void count(std::map<FlowKey, FlowCounters>& map, const FlowKey& key, const Packet& packet) {
  map[key].merge({1, packet.len_bytes, packet.ts_ns, packet.ts_ns, packet.tcp_flags});
}

TEST(FlowTable, CountsOnePacket) {
  FlowTable table = make_table(KeyFields::five_tuple(), 10);
  const Packet packet = make_packet(1, 5, 100, 2);
  measure(table, {&packet, 1});
  FlowKey key = packet.key;
  key.vlan = 0;
  EXPECT_EQ(drained(table), (std::map<FlowKey, FlowCounters>{{key, {1, 100, 5, 5, 2}}}));
}

TEST(FlowTable, KeepsSmallestAndLargestTimestampWhateverTheOrder) {
  FlowTable table = make_table(KeyFields::five_tuple(), 10);
  for (uint64_t ts : {50u, 20u, 90u, 0u, 60u}) {
    const Packet packet = make_packet(1, ts);
    measure(table, {&packet, 1});
  }
  const auto flows = drained(table);
  ASSERT_EQ(flows.size(), 1u);
  EXPECT_EQ(flows.begin()->second, (FlowCounters{5, 320, 0, 90, 0}));
}

TEST(FlowTable, SeveralPacketsOfANewFlowInOneBurstAreOneRecord) {
  FlowTable table = make_table(KeyFields::five_tuple(), 100);
  std::vector<Packet> burst;
  for (uint32_t i = 0; i < 64; ++i) burst.push_back(make_packet(i % 2, 100 - i, 10, uint8_t(1 << i % 8)));
  measure(table, burst);
  std::map<FlowKey, FlowCounters> expected;
  const KeyMask mask(KeyFields::five_tuple());
  for (const Packet& packet : burst) count(expected, mask.apply(packet.key), packet);
  EXPECT_EQ(drained(table), expected);
}

class FlowTableAgainstMap : public testing::TestWithParam<uint32_t> {};

// Growth from the smallest size, key masks, collisions, order of time: everything against a std::map.
TEST_P(FlowTableAgainstMap, AgreesOverManyBursts) {
  const uint32_t flows = GetParam();
  for (int selection = 0; selection < 64; ++selection) {
    KeyFields fields;
    for (size_t f = 0; f < kKeyFieldCount; ++f) {
      if ((selection >> f & 1) != 0) fields.add(static_cast<KeyField>(f));
    }
    if (fields.empty()) continue;
    const KeyMask mask(fields);
    FlowTable table = make_table(fields, 1 << 20);
    std::map<FlowKey, FlowCounters> expected;
    std::mt19937 random(selection);
    for (int round = 0; round < 2; ++round) {  // the second on an emptied table that has grown
      std::deque<std::vector<Packet>> bursts;  // all alive: the table holds on to the last two
      for (int b = 0; b < 200; ++b) {
        std::vector<Packet>& burst = bursts.emplace_back(random() % 65);
        for (Packet& packet : burst) {
          packet = make_mixed_packet(random() % flows, 1000 + random() % 1000, 40 + random() % 1400,
                                     uint8_t(random()));
          count(expected, mask.apply(packet.key), packet);
        }
        table.update(burst);
      }
      table.update({});
      table.update({});
      ASSERT_EQ(drained(table), expected);
      ASSERT_EQ(table.used(), expected.size());
      ASSERT_EQ(table.overflow().packets, 0u);
      table.reset();
      ASSERT_TRUE(drained(table).empty());
      expected.clear();
    }
  }
}
INSTANTIATE_TEST_SUITE_P(Sizes, FlowTableAgainstMap, testing::Values(3, 700, 1000000));

TEST(FlowTable, WhenFullCountsFurtherKeysAsOverflowAndKnownKeysStill) {
  FlowTable table = make_table(KeyFields::five_tuple(), 100);
  std::vector<Packet> packets;
  for (uint32_t i = 0; i < 250; ++i) packets.push_back(make_packet(i, 10 + i, 100, 1));
  for (uint32_t i = 0; i < 100; ++i) packets.push_back(make_packet(i, 1000, 1, 4));
  for (size_t at = 0; at < packets.size(); at += 50) measure(table, {packets.data() + at, 50});
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

TEST(FlowTable, GivesBackEveryPacketThatOverflowsOnceAndInOrder) {
  FlowTable table = make_table(KeyFields::five_tuple(), 100);
  std::deque<std::vector<Packet>> bursts;
  std::vector<uint32_t> lengths;
  const auto update = [&](std::span<const Packet> packets) {
    for (const Packet& packet : table.update(packets)) lengths.push_back(packet.len_bytes);
  };
  for (uint32_t i = 0; i < 400; ++i) {
    if (i % 50 == 0) bursts.emplace_back();
    bursts.back().push_back(make_packet(i % 200, 1, i));  // each flow twice; the first 100 find room
  }
  for (const std::vector<Packet>& burst : bursts) update(burst);
  update({});
  update({});
  std::vector<uint32_t> expected;
  for (uint32_t i = 0; i < 400; ++i) {
    if (i % 200 >= 100) expected.push_back(i);
  }
  EXPECT_EQ(lengths, expected);
  EXPECT_EQ(table.overflow().packets, expected.size());
}

TEST(FlowTable, HoldsItsWholeCapacity) {
  for (uint64_t capacity : {1u, 2u, 767u, 768u, 769u, 4096u, 100000u, 1000000u}) {
    FlowTable table = make_table(KeyFields::five_tuple(), capacity);
    std::vector<Packet> burst(FlowTable::kMaxBurst);
    for (uint32_t next = 0; next < 2 * capacity;) {
      size_t n = 0;
      while (n < burst.size() && next < 2 * capacity) burst[n++] = make_packet(next++);
      measure(table, {burst.data(), n});
    }
    EXPECT_EQ(table.used(), capacity);
    EXPECT_EQ(table.overflow().packets, capacity);
  }
}

TEST(FlowTable, ASpecificMappedAddressIsNotTheIpv4Address) {
  FlowTable table = make_table(KeyFields::five_tuple(), 10);
  Packet v4 = make_packet(1);
  Packet v6 = v4;
  v6.key.ip_version = 6;
  measure(table, {&v4, 1});
  measure(table, {&v6, 1});
  EXPECT_EQ(table.used(), 2u);
}

TEST(FlowTable, WithoutAnAddressBothIpVersionsShareAKey) {
  KeyFields fields;
  fields.add(KeyField::kDstPort);
  FlowTable table = make_table(fields, 10);
  Packet v4 = make_packet(1);
  Packet v6 = v4;
  v6.key.ip_version = 6;
  measure(table, {&v4, 1});
  measure(table, {&v6, 1});
  EXPECT_EQ(table.used(), 1u);
}

TEST(FlowTable, SaysWhichMemoryItCannotHave) {
  const auto table = FlowTable::create(KeyFields::five_tuple(), uint64_t{1} << 41);
  ASSERT_FALSE(table.ok());
  EXPECT_NE(std::string(table.status().message()).find("cannot reserve"), std::string::npos);
}

}  // namespace
}  // namespace netspectra

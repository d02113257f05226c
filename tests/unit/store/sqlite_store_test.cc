#include "store/sqlite_store.h"

#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "sqlite_fixture.h"

namespace netspectra {
namespace {

using Lines = std::vector<std::string>;
using sqlite_test::address;
using sqlite_test::clock_now_ns;
using sqlite_test::kSecond;
using sqlite_test::kStart;
using sqlite_test::query;
using sqlite_test::task;

class SqliteStoreTest : public sqlite_test::StoreFixture {};

TEST_F(SqliteStoreTest, AnEpochIsStoredWithItsWholeLedger) {
  EpochResult result = epoch();
  result.origin.amendment = 2;
  result.origin.expected_snapshots = 8;
  result.origin.missing_snapshots = 3;
  result.origin.missing = {"worker 2 of 4: flows, chunk 1 of 3"};
  result.ledger.rx_packets = 20;
  result.ledger.rx_bytes = 2000;
  result.ledger.ip_packets = 13;
  result.ledger.ip_bytes = 1300;
  result.ledger.filtered_out = 5;
  result.ledger.late_packets = 1;
  result.ledger.first_seen_ns = kStart + 1;
  result.ledger.last_seen_ns = kStart + 9;
  result.ledger.dropped[size_t(DropReason::kEthertype)] = 3;
  result.ledger.dropped[size_t(DropReason::kLlc)] = 1;
  result.ledger.dropped[size_t(DropReason::kIpv4BadIhl)] = 2;
  result.ledger.ethertypes.count(0x0806, 3);
  result.other_drops = {{"of_the_future", 1}};
  result.source = {.received = 25,
                   .nic_missed = 4,
                   .no_mbuf = 3,
                   .nic_errors = 2,
                   .kernel_dropped = 1,
                   .epoch_overruns = 6,
                   .busy_ns = 70,
                   .total_ns = 80,
                   .polls = {}};
  result.read_errors = {"a.pcap: broke off", "b.pcap: too"};
  result.faults = {"flows: unequal seeds"};
  ASSERT_TRUE(opened()->put(result).ok());
  EXPECT_EQ(
      query(path(),
            "SELECT site, probe, run, start_ns, amendment, period_ns, stored_ns, expected_snapshots, "
            "missing_snapshots, rx_packets, rx_bytes, ip_packets, ip_bytes, not_ip, malformed, other_drops, "
            "filtered_out, late_packets, first_seen_ns, last_seen_ns, received, nic_missed, no_mbuf, "
            "nic_errors, "
            "kernel_dropped, epoch_overruns, busy_ns, total_ns FROM ledger"),
      Lines{
          "ams|edge-1|77|1398798000000000000|2|10000000000|1398798000000000000|8|3|20|2000|13|1300|4|2|1|5|1|"
          "1398798000000000001|1398798000000000009|25|4|3|2|1|6|70|80"});
  EXPECT_EQ(query(path(), "SELECT reason, packets FROM drops ORDER BY 1"),
            (Lines{"ethertype|3", "ipv4_bad_ihl|2", "llc|1", "of_the_future|1"}));
  EXPECT_EQ(query(path(), "SELECT ethertype, packets FROM ethertypes"), Lines{"2054|3"});
  EXPECT_EQ(query(path(), "SELECT kind, number, text FROM notes ORDER BY 1, 2"),
            (Lines{"fault|1|flows: unequal seeds", "missing|1|worker 2 of 4: flows, chunk 1 of 3",
                   "read_error|1|a.pcap: broke off", "read_error|2|b.pcap: too"}));
}

TEST_F(SqliteStoreTest, ARecordHasItsKeyItsCountersAndNothingElse) {
  ASSERT_TRUE(opened()->put(epoch()).ok());
  EXPECT_EQ(
      query(path(), "SELECT * FROM records_1"),
      Lines{"1|4|x00000000000000000000FFFF0A000001|x00000000000000000000FFFFC0A8FF09|1234|80|6|NULL|3|1800|"
            "1398798000000000001|1398798000000000009|27"});
  EXPECT_EQ(
      query(path(),
            "SELECT start_ns, site, probe, run, task, src_ip, dst_ip, src_port, packets FROM records_text"),
      Lines{"1398798000000000000|ams|edge-1|77|flows|10.0.0.1|192.168.255.9|1234|3"});
}

TEST_F(SqliteStoreTest, FieldsThatATaskHasNotSelectedAreNull) {
  KeyFields fields;
  fields.add(KeyField::kVlan);
  const TaskConfig vlans = task("vlans", TaskKind::kExact, fields);
  EpochResult result = epoch();
  result.tasks[0].task = &vlans;
  result.tasks[0].records[0].key = FlowKey();
  ASSERT_TRUE(opened()->put(result).ok());
  EXPECT_EQ(
      query(path(), "SELECT ip_version, src_ip, dst_ip, src_port, dst_port, protocol, vlan FROM records"),
      Lines{"NULL|NULL|NULL|NULL|NULL|NULL|0"});
  EXPECT_EQ(query(path(),
                  "SELECT ip_version, src_ip, dst_ip, src_port, dst_port, protocol, vlan FROM records_text"),
            Lines{"NULL|NULL|NULL|NULL|NULL|NULL|0"});
  EXPECT_EQ(
      query(path(), "SELECT ip_version, src_ip, dst_ip, src_port, dst_port, protocol, vlan FROM minutes"),
      Lines{"NULL|NULL|NULL|NULL|NULL|NULL|0"});
  EXPECT_EQ(query(path(), "SELECT fields FROM tasks"), Lines{"vlan"});
}

TEST_F(SqliteStoreTest, AddressesAreSixteenBytesWithTheirVersionAndReadableInTheViews) {
  EpochResult result = epoch();
  FlowKey v6 = flow_, mapped = flow_;
  v6.ip_version = mapped.ip_version = 6;
  v6.src_ip = address("2001:db8::a0:1");
  result.tasks[0].records.push_back({v6, {1, 60, 1, 1, 0}});
  result.tasks[0].records.push_back({mapped, {1, 50, 1, 1, 0}});  // IPv6 that carries a mapped address
  ASSERT_TRUE(opened()->put(result).ok());
  const Lines texts = {"4|10.0.0.1|192.168.255.9",
                       "6|2001:0db8:0000:0000:0000:0000:00a0:0001|0000:0000:0000:0000:0000:ffff:c0a8:ff09",
                       "6|0000:0000:0000:0000:0000:ffff:0a00:0001|0000:0000:0000:0000:0000:ffff:c0a8:ff09"};
  EXPECT_EQ(query(path(), "SELECT ip_version, src_ip, dst_ip FROM records_text"), texts);
  EXPECT_EQ(query(path(), "SELECT ip_version, src_ip, dst_ip FROM minutes ORDER BY bytes DESC"), texts);
}

TEST_F(SqliteStoreTest, TheOverflowOfAFullTableStandsWithItsTask) {
  EpochResult result = epoch();
  result.tasks[0].overflow = {4, 400, 5, 6, 18};
  ASSERT_TRUE(opened()->put(result).ok());
  EXPECT_EQ(
      query(path(),
            "SELECT task, kind, row_count, packets, bytes, overflow_packets, overflow_bytes, "
            "overflow_first_seen_ns, overflow_last_seen_ns, overflow_tcp_flags, cardinality, threshold, "
            "standard_error FROM results"),
      Lines{"flows|exact|1|3|1800|4|400|5|6|18|NULL|NULL|NULL"});
}

TEST_F(SqliteStoreTest, EveryKindOfEstimateIsStoredWithItsBounds) {
  KeyFields src, dst;
  src.add(KeyField::kSrcIp);
  dst.add(KeyField::kDstIp);
  TaskConfig top = task("top", TaskKind::kHeavyHitters, src);
  top.by = RankBy::kBytes;
  TaskConfig scan = task("scan", TaskKind::kSuperSpreader, src);
  scan.elements = dst;
  const TaskConfig many = task("many", TaskKind::kCardinality, src);
  FlowKey key;
  key.src_ip = flow_.src_ip;
  key.ip_version = 4;
  EpochResult result = epoch();
  result.tasks.assign(3, TaskResult());
  result.tasks[0].task = &top;
  result.tasks[0].heavy_hitters = {{key, 9, 900, 1, 100}};
  result.tasks[0].threshold = 8;
  result.tasks[1].task = &scan;
  result.tasks[1].spreads = {{key, 812}};
  result.tasks[1].threshold = 100;
  result.tasks[1].standard_error = 0.25;
  result.tasks[2].task = &many;
  result.tasks[2].cardinality = 12345;
  result.tasks[2].standard_error = 0.5;
  ASSERT_TRUE(opened()->put(result).ok());
  EXPECT_EQ(
      query(
          path(),
          "SELECT task, src_ip, dst_ip, packets, bytes, error_packets, error_bytes FROM heavy_hitters_text"),
      Lines{"top|10.0.0.1|NULL|9|900|1|100"});
  EXPECT_EQ(query(path(), "SELECT task, src_ip, spread FROM spreads_text"), Lines{"scan|10.0.0.1|812"});
  EXPECT_EQ(query(path(),
                  "SELECT task, row_count, packets, overflow_packets, cardinality, threshold, standard_error "
                  "FROM results ORDER BY task_id"),
            (Lines{"top|1|NULL|NULL|NULL|8|NULL", "scan|1|NULL|NULL|NULL|100|0.25",
                   "many|0|NULL|NULL|12345|NULL|0.5"}));
  EXPECT_EQ(query(path(), "SELECT name, kind, fields, elements, rank_by FROM tasks ORDER BY id"),
            (Lines{"top|heavy_hitters|src_ip||bytes", "scan|super_spreader|src_ip|dst_ip|",
                   "many|cardinality|src_ip||"}));
}

TEST_F(SqliteStoreTest, AnEpochThatIsDeliveredAgainIsLeftAsItIs) {
  ASSERT_TRUE(opened()->put(epoch()).ok());
  const auto store = opened();
  EpochResult again = epoch();
  again.tasks[0].records[0].counters.packets = 1000;
  EXPECT_TRUE(store->put(again).ok());
  EXPECT_TRUE(store->put(again).ok());
  EXPECT_EQ(query(path(), "SELECT count(*), sum(packets) FROM records"), Lines{"1|3"});
  EXPECT_EQ(query(path(), "SELECT packets FROM minutes"), Lines{"3"});
}

TEST_F(SqliteStoreTest, AnotherSiteProbeRunStartOrAmendmentIsAnotherEpoch) {
  const auto store = opened();
  EpochResult site = epoch(), probe = epoch(), run = epoch(), amendment = epoch();
  site.origin.site = "fra";
  probe.origin.probe = "edge-2";
  run.origin.run = 78;
  amendment.origin.amendment = 1;
  for (const EpochResult& result : {epoch(), site, probe, run, amendment, epoch(kStart + 10 * kSecond)}) {
    EXPECT_TRUE(store->put(result).ok());
  }
  EXPECT_EQ(query(path(), "SELECT count(*), sum(packets) FROM records"), Lines{"6|18"});
  EXPECT_EQ(query(path(), "SELECT sum(packets) FROM minutes"), Lines{"18"});
}

TEST_F(SqliteStoreTest, WithoutARunARepeatCannotBeToldAndIsRefused) {
  EpochResult result = epoch();
  result.origin = EpochOrigin();
  ASSERT_TRUE(opened()->put(result).ok());
  const auto store = opened();
  const absl::Status status = store->put(result);
  EXPECT_EQ(status.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(status.message(), path() +
                                  ": an epoch of this time is already stored, and of a run without a name; "
                                  "nothing was overwritten");
  EXPECT_EQ(store->put(epoch()), status);  // closed
  EXPECT_TRUE(store->close().ok());
  EXPECT_EQ(query(path(), "SELECT count(*) FROM records"), Lines{"1"});
}

TEST_F(SqliteStoreTest, WhatIsStoredOfAnEpochCanBeAsked) {
  const auto store = opened();
  EpochResult first = epoch(), second = epoch(), other = epoch();
  first.origin.expected_snapshots = 4;
  first.origin.missing_snapshots = 2;
  first.origin.holds = std::string("\0\xff|", 3);
  second.origin.amendment = 1;
  other.origin.run = 78;
  for (const EpochResult& result : {first, second, other}) ASSERT_TRUE(store->put(result).ok());
  const auto found = opened()->find(epoch().origin, kStart);
  ASSERT_TRUE(found.ok()) << found.status();
  ASSERT_EQ(found->size(), 2u);
  const EpochOrigin &a = (*found)[0], &b = (*found)[1];
  EXPECT_EQ(std::tie(a.site, a.probe, a.run, a.amendment, a.expected_snapshots, a.missing_snapshots, a.holds),
            std::make_tuple("ams", "edge-1", 77u, 0u, 4u, 2u, std::string("\0\xff|", 3)));
  EXPECT_EQ(std::tie(b.amendment, b.missing_snapshots, b.holds), std::make_tuple(1u, 0u, ""));
  EXPECT_EQ(store->find(epoch().origin, kStart + 1)->size(), 0u);
}

TEST_F(SqliteStoreTest, TimesBeyondSigned64BitsStayApart) {
  const auto store = opened();
  EXPECT_TRUE(store->put(epoch(UINT64_MAX - 20)).ok());
  EXPECT_TRUE(store->put(epoch(UINT64_MAX - 40)).ok());
  EXPECT_EQ(query(path(), "SELECT start_ns, first_seen_ns FROM records ORDER BY 1"),
            (Lines{"-41|-40", "-21|-20"}));
}

TEST_F(SqliteStoreTest, ACountBeyondSigned64BitsIsTheLargestThereIs) {
  EpochResult result = epoch();
  result.tasks[0].records[0].counters.packets = UINT64_MAX;
  ASSERT_TRUE(opened()->put(result).ok());
  EXPECT_EQ(query(path(), "SELECT packets FROM records"), Lines{"9223372036854775807"});
}

TEST_F(SqliteStoreTest, RollUpsSumTheEpochsOfAMinuteAndOfAnHour) {
  const auto store = opened();
  for (int i = 0; i < 12; ++i) ASSERT_TRUE(store->put(epoch(kStart + i * 10 * kSecond)).ok());
  EXPECT_EQ(
      query(path(),
            "SELECT bucket_ns, src_ip, dst_port, packets, bytes, first_seen_ns, last_seen_ns, tcp_flags "
            "FROM minutes ORDER BY 1"),
      (Lines{"1398798000000000000|10.0.0.1|80|18|10800|1398798000000000001|1398798050000000009|27",
             "1398798060000000000|10.0.0.1|80|18|10800|1398798060000000001|1398798110000000009|27"}));
  EXPECT_EQ(query(path(), "SELECT bucket_ns, site, probe, task, packets, bytes FROM hours"),
            Lines{"1398798000000000000|ams|edge-1|flows|36|21600"});
}

TEST_F(SqliteStoreTest, ARollUpBoundsWhatItDoesNotName) {
  EpochResult result = epoch();
  std::vector<FlowRecord>& records = result.tasks[0].records;
  records.clear();
  for (uint16_t i = 0; i < 1003;
       ++i) {  // bytes: 5000, 4999, ...; the three beyond the thousandth have 4000 to 3998
    FlowKey key = flow_;
    key.be_src_port = htons(i);
    records.push_back({key, {i == 1001 ? 7u : 1u, 5000u - i, kStart, kStart, 0}});
  }
  result.tasks[0].overflow = {4, 400, 5, 6, 18};
  const auto store = opened();
  ASSERT_TRUE(store->put(result).ok());
  result.start_ns += 10 * kSecond;
  ASSERT_TRUE(store->put(result).ok());
  EXPECT_EQ(query(path(), "SELECT count(*), min(bytes), max(bytes), sum(packets) FROM minutes"),
            Lines{"1000|8002|10000|2000"});
  EXPECT_EQ(query(path(),
                  "SELECT epochs, packets, bytes, most_packets, most_bytes, overflow_packets, overflow_bytes "
                  "FROM rollup_1m_rest"),
            Lines{"2|18|23994|14|8000|8|800"});
  EXPECT_EQ(
      query(path(), "SELECT sum(bytes) FROM records"),
      query(path(), "SELECT (SELECT sum(bytes) FROM minutes) + (SELECT sum(bytes) FROM rollup_1m_rest)"));
}

TEST_F(SqliteStoreTest, AnEpochLongerThanTheBucketIsNotRolledUp) {
  const auto store = opened();
  EpochResult long_one = epoch(), whole = epoch(0);
  long_one.period_ns = 300 * kSecond;
  whole.period_ns = 0;
  ASSERT_TRUE(store->put(long_one).ok());
  ASSERT_TRUE(store->put(whole).ok());
  EXPECT_EQ(query(path(), "SELECT count(*) FROM minutes"), Lines{"0"});
  EXPECT_EQ(query(path(), "SELECT count(*), sum(packets) FROM hours"), Lines{"1|3"});
}

TEST_F(SqliteStoreTest, WithoutARetentionThereIsOnePartition) {
  const auto store = opened();
  ASSERT_TRUE(store->put(epoch()).ok());
  clock_now_ns += 1'000'000'000 * kSecond;
  ASSERT_TRUE(store->put(epoch(kStart + 10 * kSecond)).ok());
  EXPECT_EQ(query(path(), "SELECT count(*) FROM partitions"), Lines{"1"});
  EXPECT_EQ(query(path(), "SELECT sum(packets) FROM records"), Lines{"6"});
}

TEST_F(SqliteStoreTest, RowsGoAPartitionAtATimeOnceTheyAreOlderThanTheRetention) {
  auto store = opened("?retention=4h&partition=1h");
  for (int hour = 0; hour < 8; ++hour) {  // two epochs an hour
    for (int half = 0; half < 2; ++half) {
      clock_now_ns = kStart + (hour * 3600 + half * 1800) * kSecond;
      ASSERT_TRUE(store->put(epoch(clock_now_ns)).ok());
      if (half == 0) store = opened("?retention=4h&partition=1h");  // a restart changes nothing
    }
  }
  // At 7:30, what was stored until 3:30 may go: the partitions of 0, 1 and 2 o'clock.
  EXPECT_EQ(
      query(path(),
            "SELECT id, (begin_ns - 1398798000000000000) / 1000000000, (end_ns - begin_ns) / 1000000000 "
            "FROM partitions"),
      (Lines{"4|10800|3600", "5|14400|3600", "6|18000|3600", "7|21600|3600", "8|25200|NULL"}));
  EXPECT_EQ(query(path(), "SELECT count(*), min(start_ns) FROM records"), Lines{"10|1398808800000000000"});
  EXPECT_EQ(
      query(path(), "SELECT name FROM sqlite_master WHERE name LIKE 'records\\__' ESCAPE '\\' ORDER BY 1"),
      (Lines{"records_4", "records_5", "records_6", "records_7", "records_8"}));
  // The books and the roll-ups stay longer.
  EXPECT_EQ(query(path(), "SELECT count(*) FROM epochs"), Lines{"16"});
  EXPECT_EQ(query(path(), "SELECT count(*) FROM hours"), Lines{"8"});
}

TEST_F(SqliteStoreTest, RollUpsAndBooksGoInTheirTurn) {
  auto store = opened("?retention=1h");
  ASSERT_TRUE(store->put(epoch()).ok());
  const auto left = [&] {
    return query(path(),
                 "SELECT (SELECT count(*) FROM minutes), (SELECT count(*) FROM hours), (SELECT count(*) FROM "
                 "epochs), (SELECT count(*) FROM task_results)")[0];
  };
  EXPECT_EQ(left(), "1|1|1|1");
  for (const auto& [hours, expected] : {std::pair{2, "2|2|2|2"}, {11, "1|3|3|3"}, {67, "1|2|2|2"}}) {
    clock_now_ns = kStart + hours * 3600 * kSecond;
    ASSERT_TRUE(store->put(epoch(clock_now_ns)).ok());
    EXPECT_EQ(left(), expected) << hours;
  }
}

TEST_F(SqliteStoreTest, TwoProgramsStoreIntoOneFile) {
  const auto a = opened("?retention=4h&partition=1h"), b = opened("?retention=4h&partition=1h");
  for (int i = 0; i < 20; ++i) {  // each finds the partitions that the other has begun and dropped
    clock_now_ns = kStart + i * 1800 * kSecond;
    ASSERT_TRUE((i % 3 == 0 ? a : b)->put(epoch(clock_now_ns)).ok()) << i;
  }
  EXPECT_EQ(query(path(), "SELECT count(*) FROM epochs"), Lines{"20"});
  EXPECT_EQ(query(path(), "SELECT count(*) FROM records"), Lines{"10"});
}

TEST_F(SqliteStoreTest, AReaderSeesWholeEpochsWhileOneIsWritten) {
  const auto store = opened();
  ASSERT_TRUE(store->put(epoch()).ok());
  const sqlite_test::Reader reader(path());
  ASSERT_EQ(reader.lines("BEGIN; SELECT count(*) FROM records"), Lines{"1"});
  ASSERT_TRUE(store->put(epoch(kStart + 10 * kSecond)).ok());
  EXPECT_EQ(reader.lines("SELECT count(*) FROM records"), Lines{"1"});
  EXPECT_EQ(reader.lines("COMMIT; SELECT count(*) FROM records"), Lines{"2"});
}

}  // namespace
}  // namespace netspectra

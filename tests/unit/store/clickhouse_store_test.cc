#include "store/clickhouse_store.h"

#include <cstring>
#include <string>
#include <vector>

#include "clickhouse_epochs.h"
#include "gmock/gmock.h"
#include "store/clickhouse_schema.h"

namespace netspectra {
namespace {

using namespace clickhouse_test;
using ::testing::HasSubstr;
using ::testing::Not;
using Lines = std::vector<std::string>;

class ClickHouseStoreTest : public clickhouse_test::Fixture {
 protected:
  ClickHouseStoreTest() { clock_now_ns = kStored; }

  EpochResult epoch(uint64_t start_ns = kStart) const {
    EpochResult result = epoch_at(start_ns);
    add_records(result, flows_, {{flow(1, 80), {3, 1800, start_ns + 1, start_ns + 9, 27}}});
    return result;
  }

  const TaskConfig flows_ = task("flows", TaskKind::kExact, KeyFields::five_tuple());
};

TEST_F(ClickHouseStoreTest, KeepsEveryFigureOfAnEpochExactly) {
  EpochResult e = epoch();
  e.origin.amendment = 2;
  e.origin.expected_snapshots = 8;
  e.origin.missing_snapshots = 1;
  e.origin.missing = {"worker 2 of 4: flows"};
  e.origin.holds = std::string("\0\xff'\\", 4);
  e.ledger.rx_packets = UINT64_MAX;
  e.ledger.rx_bytes = 2;
  e.ledger.ip_packets = 3;
  e.ledger.ip_bytes = 4;
  e.ledger.filtered_out = 5;
  e.ledger.late_packets = 6;
  e.ledger.first_seen_ns = 7;
  e.ledger.last_seen_ns = 8;
  e.ledger.dropped[size_t(DropReason::kLlc)] = 9;
  e.ledger.dropped[size_t(DropReason::kIpv4BadIhl)] = 10;
  e.ledger.ethertypes.count(0x806, 11);
  e.other_drops = {{"it's new", 12}};
  e.source.received = 13;
  e.source.nic_missed = 14;
  e.source.no_mbuf = 15;
  e.source.nic_errors = 16;
  e.source.kernel_dropped = 17;
  e.source.epoch_overruns = 18;
  e.source.busy_ns = 19;
  e.source.total_ns = 20;
  e.read_errors = {"a.pcap: cut"};
  e.faults = {"flows: lost"};
  e.tasks[0].overflow = {30, 3000, 31, 32, 2};
  TaskConfig heavy = task("top", TaskKind::kHeavyHitters, only({KeyField::kSrcIp}));
  heavy.by = RankBy::kBytes;
  heavy.threshold.share_ppm = 1000;
  heavy.memory_bytes = 1 << 20;
  heavy.seed = UINT64_MAX;
  TaskConfig spreader = task("scan", TaskKind::kSuperSpreader, only({KeyField::kSrcIp}));
  spreader.elements = only({KeyField::kDstIp, KeyField::kDstPort});
  spreader.threshold.count = 100;
  const TaskConfig hosts = task("hosts", TaskKind::kCardinality, only({KeyField::kVlan}));
  e.tasks.resize(4);
  FlowKey source;
  source.src_ip = ipv4(10, 0, 0, 7);
  source.ip_version = 4;
  e.tasks[1].task = &heavy;
  e.tasks[1].source = &flows_;
  e.tasks[1].heavy_hitters = {{source, 40, 41, 42, 43}};
  e.tasks[1].threshold = 44;
  source.ip_version = 6;
  e.tasks[2].task = &spreader;
  e.tasks[2].spreads = {{source, 50}};
  e.tasks[2].standard_error = 0.25;
  e.tasks[2].state.assign((1 << 20) + 3, std::byte{7});
  e.tasks[3].task = &hosts;
  e.tasks[3].cardinality = 60;

  const auto store = opened(url());
  ASSERT_TRUE(store->put(e).ok());
  EXPECT_EQ(
      lines("SELECT day, stored_ns, site, probe, run, start_ns, amendment, period_ns, expected_snapshots, "
            "missing_snapshots, hex(holds), rx_packets, rx_bytes, ip_packets, ip_bytes, not_ip, malformed, "
            "other_drops, "
            "filtered_out, late_packets, first_seen_ns, last_seen_ns, received, nic_missed, no_mbuf, "
            "nic_errors, "
            "kernel_dropped, epoch_overruns, busy_ns, total_ns FROM ledger"),
      Lines{"2026-01-01\t1767225600000000000\tams\tedge-"
            "1\t77\t1398798000000000000\t2\t10000000000\t8\t1\t00FF275C\t"
            "18446744073709551615\t2\t3\t4\t9\t10\t12\t5\t6\t7\t8\t13\t14\t15\t16\t17\t18\t19\t20"});
  EXPECT_EQ(
      lines(
          "SELECT drop_reason, drop_packets, ethertype, ethertype_packets, note_kind, note_text FROM ledger"),
      Lines{"['it\\'s new','ipv4_bad_ihl','llc']\t[12,10,9]\t[2054]\t[11]\t['missing','read_error','fault']\t"
            "['worker 2 of 4: flows','a.pcap: cut','flows: lost']"});
  EXPECT_EQ(
      lines("SELECT site, probe, run, amendment, start_ns, period_ns, task, kind, fields, elements, rank_by, "
            "threshold_count, threshold_share_ppm, memory_bytes, seed, derived_from, rows, packets, bytes, "
            "overflow_packets, overflow_bytes, overflow_first_seen_ns, overflow_last_seen_ns, "
            "overflow_tcp_flags, "
            "cardinality, threshold, standard_error, state_bytes FROM results ORDER BY task"),
      (Lines{
          "ams\tedge-1\t77\t2\t1398798000000000000\t10000000000\tflows\texact\t"
          "src_ip,dst_ip,src_port,dst_port,"
          "protocol\t\t\t0\t0\t0\t1\t\t1\t3\t1800\t30\t3000\t31\t32\t2\t0\t0\t0\t0",
          "ams\tedge-"
          "1\t77\t2\t1398798000000000000\t10000000000\thosts\tcardinality\tvlan\t\t\t0\t0\t0\t1\t\t0\t0"
          "\t0\t0\t0\t18446744073709551615\t0\t0\t60\t0\t0\t0",
          "ams\tedge-1\t77\t2\t1398798000000000000\t10000000000\tscan\tsuper_spreader\tsrc_ip\tdst_ip,dst_"
          "port\t\t"
          "100\t0\t0\t1\t\t1\t0\t0\t0\t0\t18446744073709551615\t0\t0\t0\t0\t0.25\t1048579",
          "ams\tedge-1\t77\t2\t1398798000000000000\t10000000000\ttop\theavy_hitters\tsrc_"
          "ip\t\tbytes\t0\t1000\t"
          "1048576\t18446744073709551615\tflows\t1\t0\t0\t0\t0\t18446744073709551615\t0\t0\t0\t44\t0\t0"}));
  EXPECT_EQ(
      lines(
          "SELECT site, probe, run, amendment, start_ns, period_ns, task, ip_version, hex(src_ip), src, dst, "
          "src_port, dst_port, protocol, vlan, packets, bytes, first_seen_ns, last_seen_ns, tcp_flags FROM "
          "records"),
      Lines{
          "ams\tedge-1\t77\t2\t1398798000000000000\t10000000000\tflows\t4\t00000000000000000000FFFF0A000001\t"
          "10.0.0.1\t192.168.255.9\t1234\t80\t6\t0\t3\t1800\t1398798000000000001\t1398798000000000009\t27"});
  EXPECT_EQ(lines("SELECT task, src, dst, packets, bytes, error_packets, error_bytes FROM heavy_hitters"),
            Lines{"top\t10.0.0.7\t\t40\t41\t42\t43"});
  EXPECT_EQ(lines("SELECT task, src, dst, spread FROM spreads"), Lines{"scan\t::ffff:10.0.0.7\t::\t50"});
  EXPECT_EQ(lines("SELECT task, part, length(state) FROM state_rows ORDER BY part"),
            (Lines{"scan\t0\t1048576", "scan\t1\t3"}));
}

TEST_F(ClickHouseStoreTest, WhatWasStoredIsFoundWithWhatItsAmendmentsHold) {
  const auto store = opened(url());
  EpochResult e = epoch();
  e.origin.missing_snapshots = 3;
  e.origin.expected_snapshots = 4;
  e.origin.holds = "abc";
  ASSERT_TRUE(store->put(e).ok());
  e.origin.amendment = 1;
  e.origin.missing_snapshots = 0;
  e.origin.holds = "";
  ASSERT_TRUE(store->put(e).ok());
  auto found = opened(url())->find(e.origin, e.start_ns);
  ASSERT_TRUE(found.ok()) << found.status();
  ASSERT_EQ(found->size(), 2u);
  const EpochOrigin& first = (*found)[(*found)[0].amendment];
  EXPECT_EQ(first.amendment, 0u);
  EXPECT_EQ(first.missing_snapshots, 3u);
  EXPECT_EQ(first.expected_snapshots, 4u);
  EXPECT_EQ(first.holds, "abc");
  EpochOrigin other = e.origin;
  other.run = 78;
  EXPECT_TRUE(store->find(other, e.start_ns)->empty());
  EXPECT_TRUE(store->find(e.origin, e.start_ns + 1)->empty());
}

TEST_F(ClickHouseStoreTest, AnEpochThatIsDeliveredAgainIsThereOnce) {
  const auto store = opened(url());
  ASSERT_TRUE(store->put(epoch()).ok());
  ASSERT_TRUE(store->put(epoch()).ok());
  ASSERT_TRUE(opened(url())->put(epoch()).ok());
  EXPECT_EQ(lines("SELECT count(), sum(packets) FROM records"), Lines{"1\t3"});
  EXPECT_EQ(lines("SELECT count() FROM record_rows"), Lines{"1"});
}

TEST_F(ClickHouseStoreTest, AnEpochOfARunWithoutANameIsNotStoredTwice) {
  EpochResult e = epoch(0);
  e.origin = EpochOrigin();
  const auto store = opened(url());
  ASSERT_TRUE(store->put(e).ok());
  const absl::Status again = store->put(e);
  EXPECT_EQ(again.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_THAT(std::string(again.message()),
              HasSubstr("/" + database() + ": an epoch of this time is already stored"));
  EXPECT_EQ(store->put(epoch()), again) << "after a failure it is closed";
  EXPECT_EQ(lines("SELECT sum(packets) FROM records"), Lines{"3"});
}

TEST_F(ClickHouseStoreTest, RowsOfAnAttemptThatWasNotCommittedDoNotCount) {
  const auto store = opened(url());
  ASSERT_TRUE(store->put(epoch()).ok());
  lines("INSERT INTO record_rows(day, task, start_ns, attempt, packets) VALUES ('2026-01-01', 'flows', " +
        std::to_string(kStart) + ", 5, 1000)");
  EXPECT_EQ(lines("SELECT sum(packets) FROM record_rows"), Lines{"1003"});
  EXPECT_EQ(lines("SELECT sum(packets) FROM records"), Lines{"3"});
}

TEST_F(ClickHouseStoreTest, AnEpochThatWasCommittedTwiceCountsOnce) {
  const auto store = opened(url());
  ASSERT_TRUE(store->put(epoch()).ok());
  // As it is when commits that were given up arrive after all: each has all of its rows.
  for (const std::string table : {"record_rows", "epochs"}) {
    const std::string columns = lines(
        "SELECT arrayStringConcat(groupArray(name), ',') FROM system.columns WHERE database = "
        "currentDatabase() AND name != 'attempt' AND table = '" +
        table + "'")[0];
    lines("CREATE TABLE copy AS " + table);
    for (const std::string attempt : {"1", "18446744073709551615"}) {
      lines("INSERT INTO copy(attempt," + columns + ") SELECT " + attempt + "," + columns + " FROM " + table);
    }
    lines("INSERT INTO " + table + " SELECT * FROM copy");
    lines("DROP TABLE copy");
  }
  EXPECT_EQ(lines("SELECT count() FROM epochs"), Lines{"3"});
  EXPECT_EQ(lines("SELECT sum(packets) FROM record_rows"), Lines{"9"});
  EXPECT_EQ(lines("SELECT count() FROM ledger"), Lines{"1"});
  EXPECT_EQ(lines("SELECT count(), sum(packets) FROM records"), Lines{"1\t3"});
  EXPECT_EQ(store->find(epoch().origin, kStart)->size(), 1u);
}

TEST_F(ClickHouseStoreTest, HostileNamesAreKeptAsTheyAre) {
  const std::string name = "x'); DROP TABLE epochs; -- \\' \" \t\n\xff";
  const TaskConfig hostile = task(name, TaskKind::kExact, KeyFields::five_tuple());
  EpochResult e = epoch_at(kStart, name);
  e.origin.site = name;
  add_records(e, hostile, {{flow(1, 80), {3, 1800, 1, 2, 0}}});
  const auto store = opened(url());
  ASSERT_TRUE(store->put(e).ok());
  EXPECT_EQ(store->find(e.origin, kStart)->size(), 1u);
  EpochOrigin other = e.origin;
  other.site = "x' OR '1' = '1";
  EXPECT_TRUE(store->find(other, kStart)->empty());
  EXPECT_EQ(lines("SELECT count() FROM records WHERE site = probe AND probe = task AND length(task) = " +
                  std::to_string(name.size())),
            Lines{"1"});
}

TEST_F(ClickHouseStoreTest, DaysThatAreOverAreDroppedByTheirTimeOfStoring) {
  const auto store = opened(url() + "?retention=2d");
  for (int day = 0; day < 5; ++day) {
    clock_now_ns = kStored + static_cast<uint64_t>(day) * kDay + 20 * kSecond;
    ASSERT_TRUE(store->put(epoch(kStart + static_cast<uint64_t>(day) * kSecond)).ok());
  }
  // On the 5th, 20 s: a row of the 2nd may be two days and 20 s old, or three days: it stays until it is all
  // over.
  EXPECT_EQ(lines("SELECT DISTINCT toString(day) AS d FROM record_rows ORDER BY d"),
            (Lines{"2026-01-03", "2026-01-04", "2026-01-05"}));
  EXPECT_EQ(lines("SELECT count() FROM ledger"), Lines{"5"}) << "the books stay";
  clock_now_ns = kStored + 128 * kDay + kDay + 5 * kDay;
  ASSERT_TRUE(store->put(epoch(kStart - kSecond)).ok());
  EXPECT_EQ(lines("SELECT count() FROM ledger"), Lines{"1"}) << "for 64 times as long";
}

TEST(ClickHouseRetention, WhatTheServerDoesNotDropKeepsNothingFromBeingStored) {
  if (!ClickHouseServer::installed()) GTEST_SKIP() << "needs clickhouse-server";
  ClickHouseServer server("<max_partition_size_to_drop>1</max_partition_size_to_drop>");
  server.start();
  clock_now_ns = kStored;
  const auto options = parse_clickhouse_url(server.url("guarded") + "?retention=2d");
  const auto store = open_clickhouse_store(*options, [] { return clock_now_ns; });
  ASSERT_TRUE(store.ok()) << store.status();
  ASSERT_TRUE((*store)->put(epoch_at(kStart)).ok());
  EXPECT_TRUE((*store)->take_complaints().empty());
  for (int hour = 0; hour < 2; ++hour) {
    clock_now_ns = kStored + 200 * kDay + static_cast<uint64_t>(hour) * 3601 * kSecond;
    for (uint64_t n = 1; n < 3; ++n) {
      ASSERT_TRUE((*store)->put(epoch_at(kStart + (static_cast<uint64_t>(hour) * 2 + n) * kSecond)).ok());
    }
    const Lines complaints = (*store)->take_complaints();
    ASSERT_EQ(complaints.size(), 1u) << "an hour";
    EXPECT_THAT(complaints[0], HasSubstr("stays for now"));
    EXPECT_THAT(complaints[0], HasSubstr("was not dropped"));
  }
  EXPECT_EQ(server.lines("SELECT count() FROM epochs", "guarded"), Lines{"5"});
}

TEST_F(ClickHouseStoreTest, ALoginIsUsedAndNeverRepeated) {
  ASSERT_TRUE(opened(url("keeper:p%40ss%3aw%2frd%3f@"))->put(epoch()).ok());
  EXPECT_EQ(lines("SELECT sum(packets) FROM records"), Lines{"3"});
  const auto refused = open_store(url("keeper:secret@"));
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kPermissionDenied) << refused.status();
  const std::string message(refused.status().message());
  EXPECT_THAT(message, HasSubstr("clickhouse://127.0.0.1:" + std::to_string(server().port()) + "/" +
                                 database() + ": "));
  EXPECT_THAT(message, HasSubstr("Wrong password for user keeper"));
  EXPECT_THAT(message, Not(HasSubstr("secret")));
  EXPECT_THAT(message, Not(HasSubstr("\n")));
  ::setenv("CLICKHOUSE_PASSWORD", "p@ss:w/rd?", 1);
  EXPECT_TRUE(open_store(url("keeper@")).ok());
  ::unsetenv("CLICKHOUSE_PASSWORD");
}

TEST_F(ClickHouseStoreTest, AnotherVersionOfTheTablesIsRefusedUnchanged) {
  ASSERT_TRUE(opened(url())->put(epoch()).ok());
  lines("DROP TABLE schema_version");
  lines("CREATE VIEW schema_version AS SELECT toUInt64(2) AS version");
  EXPECT_THAT(
      std::string(open_store(url()).status().message()),
      HasSubstr("/" + database() + ": has schema version 2, this program knows 1; nothing was changed"));
}

TEST_F(ClickHouseStoreTest, WhatTheServerRefusesIsNamedInOneLine) {
  const auto store = opened(url());
  lines("DROP TABLE record_rows");
  const absl::Status refused = store->put(epoch());
  EXPECT_EQ(refused.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(refused.message()),
              HasSubstr("Table " + database() + ".record_rows doesn't exist"));
  EXPECT_THAT(std::string(refused.message()), Not(HasSubstr("\n")));
  EXPECT_THAT(std::string(refused.message()), Not(HasSubstr("DB::Exception")));
}

TEST_F(ClickHouseStoreTest, AnEpochThatTheServerRefusesHalfWayIsStoredWholeLater) {
  EpochResult e = epoch_at(kStart);
  std::vector<FlowRecord> records(300'000);
  for (size_t i = 0; i < records.size(); ++i) {
    records[i].key.ip_version = 4;
    std::memcpy(&records[i].key.src_ip[8], &i, sizeof(i));
    records[i].counters = {1, 60, 1, 1, 0};
  }
  add_records(e, flows_, std::move(records));
  ASSERT_TRUE(opened(url())->put(epoch(kStart + kSecond)).ok());
  const auto small = opened(url("small@"));
  const absl::Status refused = small->put(e);
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("Memory limit (for query) exceeded"));
  EXPECT_EQ(small->put(epoch(kStart + 2 * kSecond)), refused) << "after a failure it is closed";
  EXPECT_EQ(lines("SELECT sum(packets) FROM records"), Lines{"3"});
  const auto store = opened(url());
  EXPECT_TRUE(store->find(e.origin, kStart)->empty());
  ASSERT_TRUE(store->put(e).ok());
  EXPECT_EQ(lines("SELECT count(), sum(packets) FROM records"), Lines{"300001\t300003"});
}

TEST(ClickHouseErrors, AServerThatIsNotThereIsUnavailable) {
  const auto refused = open_store("clickhouse://keeper:secret@127.0.0.1:1/x");
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(refused.status().message()), ::testing::StartsWith("clickhouse://127.0.0.1:1/x: "));
  EXPECT_THAT(std::string(refused.status().message()), Not(HasSubstr("secret")));
}

TEST(ClickHouseUrl, HasDefaultsAndOptions) {
  ::unsetenv("CLICKHOUSE_PASSWORD");
  const auto plain = parse_clickhouse_url("clickhouse://db.example");
  ASSERT_TRUE(plain.ok()) << plain.status();
  EXPECT_EQ(plain->host, "db.example");
  EXPECT_EQ(plain->port, 8123);
  EXPECT_EQ(plain->user, "default");
  EXPECT_EQ(plain->password, "");
  EXPECT_EQ(plain->database, "default");
  EXPECT_EQ(plain->retention_ns, 0u);
  EXPECT_FALSE(plain->tls);
  const auto full = parse_clickhouse_url("clickhouse://u%40x:p%3aw@[::1]:99/net_1?retention=7d&tls=1");
  ASSERT_TRUE(full.ok()) << full.status();
  EXPECT_EQ(full->host, "[::1]");
  EXPECT_EQ(full->port, 99);
  EXPECT_EQ(full->user, "u@x");
  EXPECT_EQ(full->password, "p:w");
  EXPECT_EQ(full->database, "net_1");
  EXPECT_EQ(full->retention_ns, 7 * kDay);
  EXPECT_TRUE(full->tls);
  EXPECT_EQ(parse_clickhouse_url("clickhouse://h?tls=1")->port, 8443);
  EXPECT_EQ(full->name(), "clickhouse://[::1]:99/net_1");
}

TEST(ClickHouseUrl, MistakesAreNamedWithoutThePassword) {
  const auto mistake = [](const std::string& url) {
    const auto parsed = parse_clickhouse_url(url);
    EXPECT_FALSE(parsed.ok()) << url;
    EXPECT_THAT(std::string(parsed.status().message()), Not(HasSubstr("secret")));
    return std::string(parsed.status().message());
  };
  EXPECT_THAT(mistake("clickhouse:"), HasSubstr("not of the form clickhouse://"));
  EXPECT_THAT(mistake("clickhouse://u:secret@/x"), HasSubstr("not of the form"));
  EXPECT_THAT(mistake("clickhouse://u:secret@h:99999/x"), HasSubstr("clickhouse"));
  EXPECT_THAT(mistake("clickhouse://u:secret@h/x;DROP"), HasSubstr("the database's name"));
  EXPECT_THAT(mistake("clickhouse://u:secret@h/1x"), HasSubstr("the database's name"));
  EXPECT_THAT(mistake("clickhouse://u:secret@h/x?retention=7"), HasSubstr("retention=7 needs a unit"));
  EXPECT_THAT(mistake("clickhouse://u:secret@h/x?retention=0s"), HasSubstr("must be more than 0"));
  EXPECT_THAT(mistake("clickhouse://u:secret@h/x?ttl=1"), HasSubstr("unknown option 'ttl'"));
}

TEST(ClickHouseVersion, IsReadForWhatGoesByIt) {
  EXPECT_EQ(clickhouse_version("18.16.1"), 18'016u);
  EXPECT_EQ(clickhouse_version("19.6.2.11"), 19'006u);
  EXPECT_EQ(clickhouse_version("24.12.1.1-stable"), 24'012u);
  EXPECT_EQ(clickhouse_version(""), 0u);
}

}  // namespace
}  // namespace netspectra

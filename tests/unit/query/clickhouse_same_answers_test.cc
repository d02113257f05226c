#include <algorithm>
#include <filesystem>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "clickhouse_answers.h"
#include "store/sqlite_store.h"

// A question names what it is about and leaves out the rest.
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

namespace netspectra {
namespace {

using namespace clickhouse_test;

// The same epochs in both stores, with all that can stand in one; then the same questions.
class SameAnswersTest : public ClickHouseSourceTest {
 protected:
  void SetUp() override {
    ClickHouseSourceTest::SetUp();
    if (IsSkipped()) return;
    file_ = ::testing::TempDir() + "ns-clickhouse-" + std::to_string(::getpid()) + database() + ".db";
    remove_file();
    const auto clickhouse = opened(url());
    auto sqlite = open_sqlite_store({.path = file_}, test_clock);
    ASSERT_TRUE(sqlite.ok()) << sqlite.status();
    for (int i = 0; i < 60; ++i) {
      const EpochResult e = epoch(i);
      clock_now_ns += kSecond;
      ASSERT_TRUE((*sqlite)->put(e).ok());
      const absl::Status put = clickhouse->put(e);
      ASSERT_TRUE(put.ok()) << put;
    }
    ASSERT_TRUE((*sqlite)->close().ok());
    clickhouse_ = source();
    auto opened_sqlite = open_query_source("sqlite:" + file_);
    ASSERT_TRUE(opened_sqlite.ok()) << opened_sqlite.status();
    sqlite_ = *std::move(opened_sqlite);
  }
  void TearDown() override { remove_file(); }

  void remove_file() const {
    for (const char* end : {"", "-wal", "-shm"}) std::filesystem::remove(file_ + end);
  }

  uint64_t below(uint64_t end) { return random_() % end; }

  FlowKey key(KeyFields fields) {
    FlowKey key;
    if (below(4) == 0) {
      key.src_ip = {0x20, 1, 0xd, 0xb8};
      key.src_ip[15] = static_cast<uint8_t>(below(3));
      key.dst_ip = key.src_ip;
      key.ip_version = 6;
    } else {
      key = flow(static_cast<uint8_t>(below(3)), 0);
    }
    key.be_src_port = htons(static_cast<uint16_t>(60'000 + below(2)));
    key.be_dst_port = htons(static_cast<uint16_t>(below(2) * 443));
    key.protocol = static_cast<uint8_t>(6 + 11 * below(2));
    key.vlan = static_cast<uint16_t>(below(2) * 4000);
    return KeyMask(fields).apply(key);
  }

  template <class Record, class Fill>
  std::vector<Record> rows(KeyFields fields, Fill fill) {
    std::vector<Record> records;
    for (uint64_t n = below(8); n > 0; --n) {
      Record record;
      record.key = key(fields);
      const bool there =
          std::any_of(records.begin(), records.end(), [&](const Record& r) { return r.key == record.key; });
      fill(record);
      if (!there) records.push_back(record);
    }
    return records;
  }

  // Three probes, two runs, gaps, amendments; `flows` has VLANs later, `net` is another kind later.
  EpochResult epoch(int i) {
    const bool later = i >= 30;
    EpochResult e = epoch_at(kStart + static_cast<uint64_t>(i / 3) * (i >= 40 ? 11 : 10) * kSecond,
                             i % 3 == 0 ? "edge-1" : "edge-2");
    e.origin.site = i % 3 == 2 ? "fra" : "ams";
    e.origin.run = later ? 99 : 77;
    e.origin.missing_snapshots = below(3) == 0 ? 2 : 0;
    if (i % 10 == 9) {  // amends the one before
      e.start_ns = kStart + static_cast<uint64_t>(i / 3 - 1) * (i >= 43 ? 11 : 10) * kSecond;
      e.origin.amendment = 1;
    }
    for (uint64_t* figure :
         {&e.ledger.rx_packets, &e.ledger.rx_bytes, &e.ledger.ip_packets, &e.ledger.ip_bytes,
          &e.ledger.filtered_out, &e.ledger.late_packets, &e.source.nic_missed, &e.source.no_mbuf,
          &e.source.nic_errors, &e.source.kernel_dropped, &e.source.epoch_overruns,
          &e.ledger.dropped[size_t(DropReason::kLlc)], &e.ledger.dropped[size_t(DropReason::kIpv4BadIhl)],
          &e.ledger.dropped[size_t(DropReason::kIpv6BadVersion)], &e.other_drops["newer"]}) {
      *figure = below(1000);
    }
    if (below(3) == 0) e.faults = {"flows: lost", "flows: lost again"};
    if (below(5) == 0) e.read_errors = {"a.pcap: cut"};
    e.origin.missing = {"worker 1"};
    const TaskConfig& flows = later ? wide_ : flows_;
    e.tasks.resize(4);
    e.tasks[0].task = &flows;
    e.tasks[0].records = rows<FlowRecord>(flows.fields, [&](FlowRecord& r) {
      r.counters = {1 + below(9), 100 * below(3), below(100), 100 + below(100),
                    static_cast<uint8_t>(below(64))};
    });
    if (below(2) == 0) e.tasks[0].overflow = {below(9), below(900), 5, 6, 2};
    e.tasks[1].task = &hitters_;
    e.tasks[1].source = &flows;
    e.tasks[1].threshold = below(9);
    e.tasks[1].heavy_hitters = rows<HeavyHitterRecord>(hitters_.fields, [&](HeavyHitterRecord& r) {
      r = {r.key, below(9), below(9), below(9), below(9)};
    });
    e.tasks[2].task = later ? &net_spread_ : &net_;
    const KeyFields fields = e.tasks[2].task->fields;
    if (later) {
      e.tasks[2].spreads = rows<SpreadRecord>(fields, [&](SpreadRecord& r) { r.spread = below(99); });
    } else {
      e.tasks[2].records = rows<FlowRecord>(fields, [&](FlowRecord& r) {
        r.counters = {below(9), 2, 3, 4, 5};
      });
    }
    e.tasks[3].task = &hosts_;
    e.tasks[3].source = &flows;
    e.tasks[3].cardinality = below(99);
    e.tasks[3].standard_error = 0.5;
    for (const size_t task : {1, 2, 3}) {
      if (below(2) == 0 && e.tasks[task].task->kind != TaskKind::kExact) {
        e.tasks[task].state.resize(below(1500) + 1, static_cast<std::byte>(i));
      }
    }
    return e;
  }

  QueryScope scope() {
    QueryScope scope;
    if (below(2) == 0) scope.from_ns = kStart + below(20) * 10 * kSecond;
    if (below(2) == 0) scope.to_ns = kStart + below(25) * 10 * kSecond;
    if (below(3) == 0) scope.site = below(2) == 0 ? "ams" : "fra";
    if (below(3) == 0) scope.probe = below(2) == 0 ? "edge-1" : "edge-2";
    return scope;
  }

  std::string name() {
    return Texts{"flows", "flows", "flows", "net", "hitters", "hosts", "nothing"}[below(7)];
  }

  std::vector<Condition> where() {
    std::vector<Condition> all;
    while (below(2) == 0) {
      Condition c{static_cast<ConditionField>(below(7)), below(3) == 0};
      if (c.field <= ConditionField::kDstIp) {
        c.addresses = {{4, ipv4(10, 0, 0, 1), ipv4(192, 168, 255, 255)}};
        if (below(2) == 0) c.addresses.push_back({6, {0x20}, {0x20, 0xff}});
      } else {
        c.numbers = {{6, 6}, {30, 443}, {4000, 4000}};
      }
      all.push_back(std::move(c));
    }
    return all;
  }

  std::mt19937 random_{20140429};
  std::string file_;
  const TaskConfig wide_ = task("flows", TaskKind::kExact, KeyFields::five_tuple() | only({KeyField::kVlan}));
  const TaskConfig net_ = task("net", TaskKind::kExact, only({KeyField::kVlan, KeyField::kDstIp}));
  const TaskConfig net_spread_ = task("net", TaskKind::kSuperSpreader, only({KeyField::kSrcIp}));
  const TaskConfig hitters_ = task("hitters", TaskKind::kHeavyHitters, only({KeyField::kSrcIp}));
  const TaskConfig hosts_ = task("hosts", TaskKind::kCardinality, only({KeyField::kSrcIp}));
  std::unique_ptr<QuerySource> clickhouse_, sqlite_;
};

TEST_F(SameAnswersTest, AsSqliteToManyQuestions) {
  int rows = 0, refused = 0;
  for (int i = 0; i < 60 && !HasFailure(); ++i) {
    AggregateQuery query{scope(), name()};
    for (size_t f = 0; f < kKeyFieldCount; ++f) {
      if (below(4) == 0) query.by.add(static_cast<KeyField>(f));
    }
    query.where = where();
    query.order = static_cast<OrderBy>(below(3));
    if (below(2) == 0) query.limit = below(20);
    if (below(3) == 0) query.offset = below(5);
    if (below(2) == 0) query.bucket_ns = 30 * kSecond;
    if (below(4) == 0) query.exactly_known_to = "hosts";
    const Texts expected = sums(*sqlite_, query);
    ASSERT_EQ(sums(*clickhouse_, query), expected)
        << query.task << " " << fields_text(query.by) << " question " << i;
    rows += static_cast<int>(expected.size());
    refused += expected.size() == 1 && expected[0].find(": task") != std::string::npos;
    const RecordsQuery records{query.scope, query.task, query.where, query.limit, query.offset};
    ASSERT_EQ(listed(*clickhouse_, records), listed(*sqlite_, records)) << query.task << " question " << i;
  }
  EXPECT_GT(rows, 100);
  EXPECT_GT(refused, 5);
  for (int i = 0; i < 5 && !HasFailure(); ++i) {
    const QueryScope s = scope();
    ASSERT_EQ(tasks(*clickhouse_, s), tasks(*sqlite_, s));
    ASSERT_EQ(probes(*clickhouse_, s), probes(*sqlite_, s));
    const uint64_t bucket_ns = (1 + below(25)) * kSecond, limit = 1 + below(9);
    const auto buckets = clickhouse_->buckets(s, bucket_ns, limit);
    ASSERT_TRUE(buckets.ok()) << buckets.status();
    ASSERT_EQ(*buckets, *sqlite_->buckets(s, bucket_ns, limit));
    for (const char* task : {"", "flows", "net", "hitters", "hosts", "nothing"}) {
      ASSERT_EQ(ledger(*clickhouse_, s, task), ledger(*sqlite_, s, task)) << task;
      if (*task != '\0') {
        ASSERT_EQ(estimated(*clickhouse_, s, task), estimated(*sqlite_, s, task)) << task;
      }
    }
  }
}

}  // namespace
}  // namespace netspectra

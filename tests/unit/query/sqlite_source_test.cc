#include "query/sqlite_source.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "gtest/gtest.h"
#include "sqlite_query_fixture.h"
#include "task/task.h"

namespace netspectra {
namespace {

using sqlite_test::clock_now_ns;
using sqlite_test::fields;
using sqlite_test::kSecond;
using sqlite_test::kStart;
using sqlite_test::numbers;
using sqlite_test::task;

class SqliteSourceTest : public sqlite_test::QueryFixture {};

TEST_F(SqliteSourceTest, TimesFrom2262OnComeLast) {
  const auto store = opened();
  const uint64_t late_ns = (uint64_t{1} << 63) + 5, latest_ns = UINT64_MAX - 1;
  for (const uint64_t start_ns : {latest_ns, kStart, late_ns}) {
    ASSERT_TRUE(store->put(flows(start_ns, {record(1, 1, 1)})).ok());
  }
  const auto asked = source();
  std::vector<uint64_t> starts;
  for (const StoredRow& row : listed(*asked, {.task = "flows"})) starts.push_back(row.start_ns);
  EXPECT_EQ(starts, (std::vector<uint64_t>{kStart, late_ns, latest_ns}));
  EXPECT_EQ(packets(*asked, {.from_ns = late_ns}), 2u);
  EXPECT_EQ(packets(*asked, {.from_ns = late_ns + 1}), 1u);
  EXPECT_EQ(packets(*asked, {.to_ns = late_ns}), 1u);
  EXPECT_EQ(packets(*asked, {.from_ns = kStart, .to_ns = late_ns + 1}), 2u);
  EXPECT_EQ(packets(*asked, {.from_ns = kStart + 1, .to_ns = late_ns + 1}), 1u);
}

TEST_F(SqliteSourceTest, ASumThatDoesNotFitStaysAtTheLargest) {
  const auto store = opened();
  for (uint64_t i = 0; i < 4; ++i) {
    ASSERT_TRUE(store->put(flows(kStart + i * kSecond, {record(1, UINT64_MAX, 1)})).ok());
  }
  constexpr uint64_t kMost = INT64_MAX;  // of one stored count
  const auto asked = source();
  EXPECT_EQ(packets(*asked, {.to_ns = kStart + kSecond}), kMost);
  EXPECT_EQ(packets(*asked, {.to_ns = kStart + 2 * kSecond}), 2 * kMost);
  EXPECT_EQ(packets(*asked, {}), UINT64_MAX);
  EXPECT_EQ(sums(*asked, {.task = "flows"})[0].record.counters.bytes, 4u);
  EXPECT_EQ(asked->ledger({}, "flows")->counted_packets, UINT64_MAX);
}

TEST_F(SqliteSourceTest, HeavyHittersAndSpreadsAreListedWithTheirBounds) {
  TaskConfig top = task("top", TaskKind::kHeavyHitters, fields({KeyField::kSrcIp}));
  TaskConfig scan = task("scan", TaskKind::kSuperSpreader, fields({KeyField::kDstPort}));
  EpochResult result = epoch();
  result.tasks.assign(2, TaskResult());
  const KeyMask ip(top.fields), port(scan.fields);
  result.tasks[0].task = &top;
  result.tasks[0].heavy_hitters = {{ip.apply(record(9, 0, 0).key), 9, 900, 1, 100},
                                   {ip.apply(record(2, 0, 0).key), 8, 800, 0, 0}};
  result.tasks[1].task = &scan;
  result.tasks[1].spreads = {{port.apply(record(1, 0, 0).key), 812}};
  ASSERT_TRUE(opened()->put(result).ok());
  const auto asked = source();
  const auto hitters = listed(*asked, {.task = "top"});
  ASSERT_EQ(hitters.size(), 2u);
  EXPECT_EQ(hitters[0].key, ip.apply(record(2, 0, 0).key));
  EXPECT_EQ(std::tuple(hitters[1].counters.packets, hitters[1].counters.bytes, hitters[1].error_packets,
                       hitters[1].error_bytes, hitters[1].spread),
            std::tuple(9u, 900u, 1u, 100u, 0u));
  const auto spreads = listed(*asked, {.task = "scan"});
  ASSERT_EQ(spreads.size(), 1u);
  EXPECT_EQ(spreads[0].key, port.apply(record(1, 0, 0).key));
  EXPECT_EQ(std::tuple(spreads[0].spread, spreads[0].counters.packets), std::tuple(812u, 0u));
}

TEST_F(SqliteSourceTest, AnEstimateIsGivenWithTheStateThatItLeft) {
  TaskConfig hosts = task("hosts", TaskKind::kCardinality, fields({KeyField::kSrcIp}));
  hosts.seed = 5;
  const auto estimate = make_estimate(hosts);
  std::vector<FlowRecord> records;
  for (uint32_t i = 0; i < 200; ++i) records.push_back(record(i, 1, 60));
  estimate->add(records);
  const auto store = opened();
  for (const bool derived : {true, false}) {
    EpochResult result = flows(kStart + (derived ? 0 : 10) * kSecond, records);
    result.tasks.resize(2);
    estimate->report({}, result.tasks[1]);
    result.tasks[1].task = &hosts;
    result.tasks[1].source = &flows_;
    if (!derived) result.tasks[1].state = estimate->save();
    ASSERT_TRUE(store->put(result).ok());
  }
  const auto asked = source();
  std::vector<uint64_t> starts;
  absl::Status status = asked->estimates({}, "hosts", [&](const StoredEstimate& stored) {
    starts.push_back(stored.start_ns);
    EXPECT_EQ(std::tie(stored.site, stored.probe), std::make_tuple("ams", "edge-1"));
    EXPECT_EQ(stored.cardinality, 200u);
    EXPECT_EQ(stored.state.empty(), stored.start_ns == kStart);
    if (!stored.state.empty()) {
      const auto restored = restore_estimate((*asked->tasks({}))[1].config, stored.state);
      EXPECT_TRUE(restored.ok()) << restored.status();
      TaskResult again;
      if (restored.ok()) (*restored)->report({}, again);
      EXPECT_EQ(again.cardinality, 200u);
    }
    return absl::OkStatus();
  });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(starts, (std::vector<uint64_t>{kStart, kStart + 10 * kSecond}));
  int seen = 0;
  status = asked->estimates({}, "hosts", [&](const StoredEstimate&) {
    ++seen;
    return absl::AbortedError("enough");
  });
  EXPECT_EQ(status, absl::AbortedError("enough"));
  EXPECT_EQ(seen, 1);
  EXPECT_EQ(asked->estimates({}, "flows", [](const StoredEstimate&) { return absl::OkStatus(); }).message(),
            "task 'flows' is of kind exact: it has records, no estimates");
}

TEST_F(SqliteSourceTest, NoMoreRowsOfOneTimeAreHeldThanMayBe) {
  constexpr uint32_t kMany = 5000;
  std::vector<FlowRecord> records;
  for (uint32_t i = kMany; i > 0; --i) records.push_back(record(i, 1, 60));
  const auto store = opened();
  for (const uint64_t seconds : {0, 10}) {
    ASSERT_TRUE(store->put(flows(kStart + seconds * kSecond, records)).ok());
  }
  const auto asked = source();
  RecordsQuery query{.task = "flows", .where = {numbers(ConditionField::kDstPort, {{80, 80}})}};
  query.max_rows = kMany;
  EXPECT_EQ(listed(*asked, query).size(), 2 * kMany) << "each time by itself";
  query.max_rows = kMany - 1;
  EXPECT_EQ(
      asked->records(query, [](const StoredRow&) { ADD_FAILURE() << "a row"; }),
      absl::ResourceExhaustedError("more than 4999 rows of one time, 1398798000000000000, would have to "
                                   "be put in order; narrow where, or site and probe"));
  query.limit = 10;
  EXPECT_EQ(listed(*asked, query).size(), 10u) << "a page of the first needs no more than a few of them";
}

TEST_F(SqliteSourceTest, BucketsAreThoseInWhichEpochsStart) {
  const auto store = opened();
  constexpr uint64_t kLate = (uint64_t{1} << 63) + 5 * kSecond;  // negative in SQLite
  for (const uint64_t start_ns : {kLate, kStart + 59 * kSecond, kStart, kStart + 200 * kSecond}) {
    ASSERT_TRUE(store->put(flows(start_ns, {}, "a")).ok());
    ASSERT_TRUE(store->put(flows(start_ns + 1, {}, "b")).ok());
  }
  const auto asked = source();
  const auto in = [&](const QueryScope& scope, uint64_t bucket_s, uint64_t limit) {
    std::vector<uint64_t> buckets = *asked->buckets(scope, bucket_s * kSecond, limit);
    for (uint64_t& bucket : buckets) bucket -= kStart;
    return buckets;
  };
  using Starts = std::vector<uint64_t>;
  const uint64_t late = kLate - kLate % (10 * kSecond) - kStart;
  EXPECT_EQ(in({}, 10, 9), (Starts{0, 50 * kSecond, 200 * kSecond, late}));
  EXPECT_EQ(in({}, 10, 2), (Starts{0, 50 * kSecond}));
  EXPECT_EQ(in({.from_ns = kStart + 59 * kSecond + 1, .to_ns = kStart + 201 * kSecond}, 10, 9),
            (Starts{50 * kSecond, 200 * kSecond}));
  EXPECT_EQ(in({.from_ns = kStart + 59 * kSecond + 1, .probe = "a"}, 10, 1), Starts{200 * kSecond});
  EXPECT_EQ(in({.probe = "c"}, 10, 9), Starts{});
}

TEST_F(SqliteSourceTest, OnlyEpochsInWhichAnEstimatorFollowsFromTheRecordsCanBeAsked) {
  const TaskConfig hosts = task("hosts", TaskKind::kCardinality, fields({KeyField::kSrcIp}));
  const TaskConfig other = task("other", TaskKind::kExact, fields({KeyField::kSrcIp}));
  const auto store = opened();
  for (const int i : {0, 1, 2, 3}) {  // derived; with a state; of another task; measured by itself
    EpochResult result = flows(kStart + static_cast<uint64_t>(i) * kSecond, {record(1, 1u << i, 1)});
    result.tasks.resize(2);
    result.tasks[1].task = &hosts;
    result.tasks[1].source = i < 2 ? &flows_ : i == 2 ? &other : nullptr;
    if (i % 2 == 1) result.tasks[1].state = {std::byte{1}};
    ASSERT_TRUE(store->put(result).ok());
  }
  AggregateQuery query{.task = "flows"};
  const auto asked = source();
  EXPECT_EQ(sums(*asked, query)[0].record.counters.packets, 15u);
  query.exactly_known_to = "hosts";
  EXPECT_EQ(sums(*asked, query)[0].record.counters.packets, 1u);
  query.exactly_known_to = "nothing";
  EXPECT_EQ(aggregate_status(*asked, query),
            absl::NotFoundError("no task 'nothing'; there are: flows, hosts"));
}

TEST_F(SqliteSourceTest, ATaskThatWasConfiguredAnewIsAskedWhereItHasTheFields) {
  TaskConfig before = task("flows", TaskKind::kExact, fields({KeyField::kSrcIp, KeyField::kProtocol}));
  TaskConfig after = task("flows", TaskKind::kExact, fields({KeyField::kSrcIp, KeyField::kDstPort}));
  const auto store = opened();
  for (const TaskConfig* config : {&before, &after}) {
    FlowRecord r = record(1, config == &before ? 1 : 2, 60);
    r.key = KeyMask(config->fields).apply(r.key);
    EpochResult result = flows(config == &before ? kStart : kStart + kSecond, {r});
    result.tasks[0].task = config;
    ASSERT_TRUE(store->put(result).ok());
  }
  const auto asked = source();
  const auto of = [&](KeyFields by, const QueryScope& scope = {}) {
    return sums(*asked, {.scope = scope, .task = "flows", .by = by})[0].record.counters.packets;
  };
  EXPECT_EQ(of(fields({})), 3u);
  EXPECT_EQ(of(fields({KeyField::kSrcIp})), 3u);
  EXPECT_EQ(of(fields({KeyField::kProtocol})), 1u);
  EXPECT_EQ(of(fields({KeyField::kDstPort})), 2u);
  EXPECT_EQ(listed(*asked, {.task = "flows"}).size(), 2u);
  EXPECT_EQ(
      listed(*asked, {.task = "flows", .where = {numbers(ConditionField::kDstPort, {{80, 80}})}}).size(), 1u);

  const auto refusal = [&](AggregateQuery query) {
    query.task = "flows";
    const absl::Status status = aggregate_status(*asked, query);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return std::string(status.message());
  };
  EXPECT_EQ(
      refusal({.by = fields({KeyField::kVlan, KeyField::kSrcIp})}),
      "task 'flows' has no field vlan; it has: src_ip, dst_port, tcp_flags; src_ip, protocol, tcp_flags");
  EXPECT_EQ(
      refusal({.by = fields({KeyField::kProtocol, KeyField::kDstPort})}),
      "task 'flows' never had dst_port, protocol together; it has had: src_ip, dst_port, tcp_flags; src_ip, "
      "protocol, tcp_flags");
  // What is in the scope counts.
  EXPECT_EQ(refusal({.scope = {.to_ns = kStart + 1}, .where = {numbers(ConditionField::kDstPort, {{1, 1}})}}),
            "task 'flows' has no field dst_port; it has: src_ip, protocol, tcp_flags");
  EXPECT_EQ(
      refusal({.scope = {.from_ns = kStart + 9 * kSecond}, .by = fields({KeyField::kVlan})}),
      "task 'flows' has no field vlan; it has: src_ip, dst_port, tcp_flags; src_ip, protocol, tcp_flags");
  const auto tasks = asked->tasks({});
  ASSERT_EQ(tasks->size(), 2u);
  EXPECT_EQ(tasks->at(0).config.fields, before.fields);
  EXPECT_EQ(tasks->at(1).config.fields, after.fields);
}

TEST_F(SqliteSourceTest, AWrongQuestionIsNamed) {
  const TaskConfig hosts = task("hosts", TaskKind::kCardinality, fields({KeyField::kSrcIp}));
  const TaskConfig top = task("top", TaskKind::kHeavyHitters, fields({KeyField::kSrcIp}));
  EpochResult result = epoch();
  result.tasks.resize(3);
  result.tasks[1].task = &hosts;
  result.tasks[2].task = &top;
  ASSERT_TRUE(opened()->put(result).ok());
  const auto asked = source();
  const std::string unknown = "no task 'x'; there are: flows, hosts, top";
  EXPECT_EQ(aggregate_status(*asked, {.task = "x"}), absl::NotFoundError(unknown));
  const auto records = [&](const RecordsQuery& query) {
    return asked->records(query, [](const StoredRow&) { ADD_FAILURE(); });
  };
  EXPECT_EQ(records({.task = "x"}), absl::NotFoundError(unknown));
  EXPECT_EQ(asked->ledger({}, "x").status(), absl::NotFoundError(unknown));
  EXPECT_EQ(asked->estimates({}, "x", [](const StoredEstimate&) { return absl::OkStatus(); }),
            absl::NotFoundError(unknown));
  EXPECT_EQ(aggregate_status(*asked, {.task = "top"}),
            absl::InvalidArgumentError(
                "task 'top' is of kind heavy_hitters: only the records of an exact task can be added up"));
  EXPECT_EQ(records({.task = "hosts"}),
            absl::InvalidArgumentError("task 'hosts' is of kind cardinality: it has no rows with keys"));
  EXPECT_EQ(records({.task = "top", .where = {numbers(ConditionField::kTcpFlags, {{2, 2}})}}),
            absl::InvalidArgumentError("task 'top' has no field tcp_flags; it has: src_ip"));
}

TEST_F(SqliteSourceTest, NamesAreComparedNeverRun) {
  const std::string evil = "x'; DROP TABLE epochs; --";
  const TaskConfig hostile = task(evil.c_str(), TaskKind::kExact, KeyFields::five_tuple());
  EpochResult result = flows(kStart, {record(1, 3, 60)}, evil.c_str());
  result.origin.site = "a\"b\\'";
  result.tasks[0].task = &hostile;
  const auto store = opened();
  ASSERT_TRUE(store->put(result).ok());
  const auto asked = source();
  const QueryScope scope{.site = "a\"b\\'", .probe = evil};
  EXPECT_EQ(sums(*asked, {.scope = scope, .task = evil})[0].record.counters.packets, 3u);
  EXPECT_EQ(listed(*asked, {.scope = scope, .task = evil})[0].probe, evil);
  EXPECT_EQ(asked->ledger(scope, evil)->counted_packets, 3u);
  EXPECT_EQ(asked->probes(scope)->at(0).probe, evil);
  EXPECT_EQ(asked->tasks(scope)->at(0).config.name, evil);
  EXPECT_EQ(asked->ledger({.site = "' OR 1=1 --"}, "")->epochs, 0u);
  EXPECT_EQ(aggregate_status(*asked, {.task = "' OR 1=1 --"}).code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(store->put(flows(kStart + kSecond, {record(1, 3, 60)})).ok());
}

TEST_F(SqliteSourceTest, TasksAreListedWithTheirTimesEpochsAndRows) {
  const TaskConfig hosts = task("a-hosts", TaskKind::kCardinality, fields({KeyField::kSrcIp}));
  const auto store = opened();
  for (const uint32_t amendment : {0, 1}) {
    for (const uint64_t i : {0, 1, 2}) {
      EpochResult result = flows(kStart + i * 10 * kSecond, {record(1, 1, 1), record(2, 1, 1)});
      result.origin.amendment = amendment;
      if (i > 0) {
        result.tasks.resize(2);
        result.tasks[1].task = &hosts;
        result.tasks[1].source = &flows_;
      }
      ASSERT_TRUE(store->put(result).ok());
    }
  }
  const auto tasks = source()->tasks({.to_ns = kStart + 15 * kSecond});
  ASSERT_TRUE(tasks.ok()) << tasks.status();
  ASSERT_EQ(tasks->size(), 2u);
  const StoredTask &a = tasks->at(0), &b = tasks->at(1);
  EXPECT_EQ(std::tie(a.config.name, a.derived_from, a.first_start_ns, a.last_start_ns, a.epochs, a.rows),
            std::make_tuple("a-hosts", "flows", kStart + 10 * kSecond, kStart + 10 * kSecond, 1u, 0u));
  EXPECT_EQ(std::tie(b.config.name, b.derived_from, b.first_start_ns, b.last_start_ns, b.epochs, b.rows),
            std::make_tuple("flows", "", kStart, kStart + 10 * kSecond, 2u, 8u));
}

TEST_F(SqliteSourceTest, WhatIsWrittenIsSeenAtOnceWholeAndWithoutEnd) {
  const auto store = opened("?retention=4h&partition=1h");
  ASSERT_TRUE(store->put(flows(kStart, {record(1, 3, 1), record(2, 4, 1)})).ok());
  const auto asked = source();
  EXPECT_EQ(packets(*asked, {}), 7u);
  const TaskConfig later = task("later", TaskKind::kExact, KeyFields::five_tuple());
  // Partitions begin and go, a task comes. Of five hours one is older than the retention.
  for (uint64_t hours = 1; hours < 12; ++hours) {
    clock_now_ns = kStart + hours * 3600 * kSecond;
    EpochResult result = flows(clock_now_ns, {record(1, 3, 1), record(2, 4, 1)});
    if (hours == 5) {
      result.tasks.push_back(result.tasks[0]);
      result.tasks.back().task = &later;
    }
    ASSERT_TRUE(store->put(result).ok());
    EXPECT_EQ(packets(*asked, {}), 7 * std::min<uint64_t>(hours + 1, 5)) << hours;
    EXPECT_EQ(asked->ledger({}, "")->expired_epochs, hours < 5 ? 0 : hours - 4) << hours;
    EXPECT_EQ(aggregate_status(*asked, {.scope = {.to_ns = 1}, .task = "later"}).ok(), hours >= 5) << hours;
  }
}

TEST_F(SqliteSourceTest, AWriterInAnotherThreadNeverShowsHalfAnEpoch) {
  constexpr uint64_t kEpochs = 60;
  std::vector<FlowRecord> records;
  for (uint32_t i = 0; i < 250; ++i) records.push_back(record(i, 2, 60));
  ASSERT_TRUE(opened()->put(flows(kStart, records)).ok());
  std::thread writer([&] {
    const auto store = opened();
    for (uint64_t i = 1; i < kEpochs; ++i) {
      EXPECT_TRUE(store->put(flows(kStart + i * 10 * kSecond, records)).ok());
    }
  });
  const auto asked = source();
  uint64_t last = 0;
  while (last < kEpochs * 500 && !HasFailure()) {
    const uint64_t now = packets(*asked, {});
    EXPECT_EQ(now % 500, 0u);
    EXPECT_GE(now, last);
    last = now;
  }
  writer.join();
}

TEST_F(SqliteSourceTest, WhatTakesLongerThanItMayEndsAndTheNextCallIsAnswered) {
  std::vector<FlowRecord> records;
  for (uint32_t i = 0; i < 200'000; ++i) {
    FlowRecord r = record(1, 1, 1);
    r.key.src_ip[15] = static_cast<uint8_t>(i);
    r.key.src_ip[14] = static_cast<uint8_t>(i >> 8);
    r.key.src_ip[13] = static_cast<uint8_t>(i >> 16);
    records.push_back(r);
  }
  ASSERT_TRUE(opened()->put(flows(kStart, records)).ok());
  const auto asked = source();
  const AggregateQuery query{.task = "flows", .by = fields({KeyField::kSrcIp})};
  const absl::Status late = absl::DeadlineExceededError(path() + ": the answer takes longer than it may");
  asked->set_deadline(QuerySource::Clock::now() + std::chrono::milliseconds(5));
  EXPECT_EQ(aggregate_status(*asked, query), late);
  EXPECT_EQ(asked->records({.task = "flows"}, [](const StoredRow&) {}), late);
  EXPECT_EQ(asked->tasks({}).status(), late);
  EXPECT_EQ(asked->probes({}).status(), late);
  EXPECT_EQ(asked->ledger({}, "").status(), late);
  asked->set_deadline(QuerySource::Clock::now() + std::chrono::minutes(5));
  EXPECT_EQ(sums(*asked, query).size(), 200'000u);
}

}  // namespace
}  // namespace netspectra

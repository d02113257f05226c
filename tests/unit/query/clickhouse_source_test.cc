#include "query/clickhouse_source.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "clickhouse_answers.h"
#include "gmock/gmock.h"

// A question names what it is about and leaves out the rest.
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

namespace netspectra {
namespace {

using namespace clickhouse_test;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST_F(ClickHouseSourceTest, SumsAndRowsAreThoseOfCommittedEpochs) {
  const auto store = opened(url());
  EpochResult e = epoch_at(kStart);
  add_records(e, flows_, {{flow(1, 80), {3, 1800, 5, 9, 1}}, {flow(2, 80), {1, 60, 4, 4, 2}}});
  ASSERT_TRUE(store->put(e).ok());
  e.start_ns += 10 * kSecond;
  ASSERT_TRUE(store->put(e).ok());
  lines("INSERT INTO record_rows(day, task, start_ns, attempt, packets) VALUES ('2026-01-01', 'flows', " +
        std::to_string(kStart) + ", 5, 1000)");
  const auto asked = source();
  EXPECT_THAT(
      sums(*asked, {.task = "flows", .by = only({KeyField::kDstPort})}),
      ElementsAre(
          "0 v0 00000000000000000000000000000000 00000000000000000000000000000000 0 80 0 0 8 3720 4 9 3"));
  EXPECT_THAT(listed(*asked, {.task = "flows", .limit = 1}),
              ElementsAre("ams/edge-1 1398798000000000000 10000000000 v4 00000000000000000000ffff0a000001 "
                          "00000000000000000000ffffc0a8ff09 1234 80 6 0 3 1800 5 9 1 0 0 0"));
}

TEST_F(ClickHouseSourceTest, NamesAreComparedNeverRun) {
  const std::string name = "x') OR 1 = 1; DROP TABLE epochs; -- \\' \" \n\xff";
  const TaskConfig hostile = task(name, TaskKind::kExact, KeyFields::five_tuple());
  EpochResult e = epoch_at(kStart, name);
  e.origin.site = name;
  add_records(e, hostile, {{flow(1, 80), {3, 1800, 5, 9, 1}}});
  const auto store = opened(url());
  ASSERT_TRUE(store->put(e).ok());
  e = epoch_at(kStart, "other");
  add_records(e, flows_, {{flow(1, 80), {4, 1800, 5, 9, 1}}});
  ASSERT_TRUE(store->put(e).ok());
  const auto asked = source();
  const QueryScope scope{0, UINT64_MAX, name, name};
  EXPECT_EQ(sums(*asked, {.scope = scope, .task = name}).size(), 1u);
  EXPECT_EQ(listed(*asked, {.scope = scope, .task = name}).size(), 1u);
  EXPECT_EQ(asked->ledger(scope, name)->counted_packets, 3u);
  EXPECT_EQ(probes(*asked, scope).size(), 1u);
  EXPECT_EQ(tasks(*asked, scope).size(), 1u);
  EXPECT_THAT(sums(*asked, {.scope = {0, UINT64_MAX, "' OR ''='", ""}, .task = "flows"}), IsEmpty());
  EXPECT_THAT(sums(*asked, {.task = "flows' OR ''='"})[0],
              HasSubstr("NOT_FOUND: no task 'flows' OR ''=''; there are: flows, x')"));
  EXPECT_THAT(sums(*asked, {.task = "flows", .exactly_known_to = "' OR ''='"})[0], HasSubstr("NOT_FOUND"));
  EXPECT_EQ(asked->ledger({}, "")->epochs, 2u) << "all is still there";
}

TEST_F(ClickHouseSourceTest, WhatTheRetentionTookIsConfessed) {
  const TaskConfig scan = task("scan", TaskKind::kSuperSpreader, only({KeyField::kSrcIp}));
  const auto store = opened(url() + "?retention=1d");
  for (uint64_t day = 0; day < 4; ++day) {
    clock_now_ns = kStored + day * kDay;
    EpochResult e = epoch_at(kStart + day * 10 * kSecond);
    add_records(e, flows_, {{flow(1, 80), {1 + day, 1, 1, 1, 1}}});
    e.tasks.emplace_back().task = &scan;
    e.tasks.back().state.assign(10, std::byte{1});
    ASSERT_TRUE(store->put(e).ok());
  }
  // On the fourth day, those of the first two are more than a day old.
  const auto asked = source();
  EXPECT_EQ(asked->ledger({}, "flows")->expired_epochs, 2u);
  EXPECT_EQ(asked->ledger({kStart + 20 * kSecond}, "flows")->expired_epochs, 0u);
  EXPECT_THAT(sums(*asked, {.task = "flows"}), ElementsAre(HasSubstr(" 7 2 1 1 1")));
  EXPECT_EQ(estimated(*asked, {}, "scan").size(), 2u) << "without its state it would pass for an exact one";
}

TEST_F(ClickHouseSourceTest, StatesLargerThanARowAreGivenWhole) {
  const TaskConfig scan = task("scan", TaskKind::kSuperSpreader, only({KeyField::kSrcIp}));
  const auto store = opened(url());
  std::vector<std::byte> state((5 << 20) + 7);
  for (size_t i = 0; i < state.size(); ++i) state[i] = static_cast<std::byte>(i * 2654435761u >> 13);
  EpochResult e = epoch_at(kStart);
  e.tasks.emplace_back().task = &scan;
  e.tasks[0].state = state;
  ASSERT_TRUE(store->put(e).ok());
  const auto asked = source();
  int given = 0;
  const absl::Status status = asked->estimates({}, "scan", [&](const StoredEstimate& estimate) {
    ++given;
    EXPECT_TRUE(std::equal(state.begin(), state.end(), estimate.state.begin(), estimate.state.end()));
    return absl::AbortedError("enough");
  });
  EXPECT_EQ(status, absl::AbortedError("enough"));
  EXPECT_EQ(given, 1);
  lines("ALTER TABLE state_rows DROP PARTITION '2026-01-01'");
  lines(
      "INSERT INTO state_rows(day, task, start_ns, attempt, part, state) SELECT day, 'scan', start_ns, "
      "attempt, 0, 'ab' "
      "FROM epochs");
  EXPECT_THAT(estimated(*asked, {}, "scan")[0],
              HasSubstr("epoch 1398798000000000000 of edge-1: 2 of 5242887 bytes"));
}

TEST_F(ClickHouseSourceTest, WhatTakesTooLongOrTooMuchEndsAndTheNextCallIsAnswered) {
  const auto store = opened(url());
  EpochResult e = epoch_at(kStart);
  std::vector<FlowRecord> records(300'000);
  for (size_t i = 0; i < records.size(); ++i) {
    records[i].key.ip_version = 4;
    std::memcpy(&records[i].key.src_ip[8], &i, sizeof(i));
    records[i].counters = {1, 1, 1, 1, 1};
  }
  add_records(e, flows_, std::move(records));
  ASSERT_TRUE(store->put(e).ok());
  const auto asked = source();
  const AggregateQuery all{.task = "flows", .by = KeyFields::five_tuple(), .limit = 1};
  asked->set_deadline(QuerySource::Clock::now() - std::chrono::seconds(1));
  EXPECT_THAT(sums(*asked, all)[0], HasSubstr("DEADLINE_EXCEEDED: " + url() + ": there is no time left"));
  // A server that does not answer at all.
  server().signal(SIGSTOP);
  asked->set_deadline(QuerySource::Clock::now() + std::chrono::milliseconds(200));
  EXPECT_THAT(sums(*asked, all)[0], HasSubstr("DEADLINE_EXCEEDED: " + url() + ": no answer in time"));
  server().signal(SIGCONT);
  asked->set_deadline(QuerySource::Clock::time_point::max());
  EXPECT_EQ(sums(*asked, all).size(), 1u);
  const auto small = open_query_source(url("small@"));
  ASSERT_TRUE(small.ok()) << small.status();
  EXPECT_THAT(sums(**small, all)[0],
              HasSubstr("RESOURCE_EXHAUSTED: " + url() + ": Memory limit (for query) exceeded"));
  const auto slow = open_query_source(url("slow@"));
  ASSERT_TRUE(slow.ok()) << slow.status();
  EXPECT_THAT(sums(**slow, all)[0],
              HasSubstr("DEADLINE_EXCEEDED: " + url() + ": Query is executing too slow"));
}

TEST_F(ClickHouseSourceTest, OnlyAStoreCanBeAsked) {
  EXPECT_EQ(open_query_source(url()).status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(server().lines("SELECT count() FROM system.databases WHERE name = '" + database() + "'"),
              ElementsAre("0"));
}

TEST_F(ClickHouseSourceTest, AWriterInAnotherThreadNeverShowsHalfAnEpoch) {
  opened(url());
  std::thread writer([this] {
    const auto store = opened(url());
    for (uint64_t i = 0; i < 20; ++i) {
      EpochResult e = epoch_at(kStart + i * 10 * kSecond);
      add_records(e, flows_, {{flow(1, 80), {3, 1, 1, 1, 1}}, {flow(2, 80), {4, 1, 1, 1, 1}}});
      EXPECT_TRUE(store->put(e).ok());
    }
  });
  const auto asked = source();
  uint64_t epochs = 0;
  while (epochs < 20 && !HasFailure()) {
    std::vector<uint64_t> packets;
    const absl::Status status =
        asked->aggregate({.task = "flows", .bucket_ns = kSecond},
                         [&](const AggregateRow& row) { packets.push_back(row.record.counters.packets); });
    EXPECT_TRUE(status.ok() || absl::IsNotFound(status)) << status;
    EXPECT_EQ(packets, std::vector<uint64_t>(packets.size(), 7));
    EXPECT_GE(packets.size(), epochs);
    epochs = packets.size();
  }
  writer.join();
}

}  // namespace
}  // namespace netspectra

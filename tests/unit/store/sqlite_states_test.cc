#include "store/sqlite_states.h"

#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "sqlite_fixture.h"
#include "store/sqlite_schema.h"
#include "store/sqlite_tasks.h"

namespace netspectra {
namespace {

using Lines = std::vector<std::string>;
using sqlite_test::clock_now_ns;
using sqlite_test::kSecond;
using sqlite_test::kStart;
using sqlite_test::query;
using sqlite_test::task;

std::vector<std::byte> noise(size_t size) {
  std::mt19937_64 random(size);
  std::vector<std::byte> bytes(size);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
  return bytes;
}

class SqliteStatesTest : public sqlite_test::StoreFixture {
 protected:
  SqliteStatesTest() { hosts_.fields.add(KeyField::kSrcIp); }

  EpochResult estimate(uint64_t start_ns, std::vector<std::byte> state) const {
    EpochResult result = epoch(start_ns);
    result.tasks.resize(2);
    result.tasks[1].task = &hosts_;
    result.tasks[1].source = &flows_;
    result.tasks[1].cardinality = 1;
    result.tasks[1].state = std::move(state);
    return result;
  }

  // What the store holds of the epoch's estimate.
  absl::StatusOr<std::vector<std::byte>> stored(uint64_t start_ns) const {
    auto db = open_sqlite_schema_to_read(path());
    EXPECT_TRUE(db.ok()) << db.status();
    const auto one = [&](const char* column) {
      return *db->number(
          "SELECT x." + std::string(column) +
          " FROM epochs e, task_results x, tasks t WHERE x.epoch_id = e.id AND t.id = x.task_id AND "
          "t.name = 'hosts' AND e.start_ns = " +
          std::to_string(start_ns));
    };
    return read_sqlite_state(*db, one("partition_id"), {one("first_state"), one("state_count")});
  }

  TaskConfig hosts_ = task("hosts", TaskKind::kCardinality, KeyFields());
};

TEST_F(SqliteStatesTest, AnEstimatorsStateIsReadBackAsItWas) {
  const auto store = opened();
  const std::vector<std::byte> random = noise(100'000), zeros(100'000);
  ASSERT_TRUE(store->put(estimate(kStart, random)).ok());
  ASSERT_TRUE(store->put(estimate(kStart + kSecond, {})).ok());
  ASSERT_TRUE(store->put(estimate(kStart + 2 * kSecond, zeros)).ok());
  EXPECT_EQ(*stored(kStart), random);
  EXPECT_EQ(*stored(kStart + kSecond), std::vector<std::byte>());
  EXPECT_EQ(*stored(kStart + 2 * kSecond), zeros);
  EXPECT_EQ(query(path(), "SELECT task, state_count FROM results ORDER BY start_ns, task_id"),
            (Lines{"flows|0", "hosts|1", "flows|0", "hosts|0", "flows|0", "hosts|1"}));
  EXPECT_EQ(query(path(), "SELECT id, state_bytes, length(state) < 1000 FROM states_1"),
            (Lines{"1|100000|0", "2|100000|1"}));
}

TEST_F(SqliteStatesTest, ALargeStateIsKeptInBlocks) {
  std::vector<std::byte> large(SqliteStates::kBlockBytes + 5);
  for (size_t i = 0; i < large.size(); i += 4096) large[i] = static_cast<std::byte>(i >> 12);
  large.back() = std::byte{7};
  ASSERT_TRUE(opened()->put(estimate(kStart, large)).ok());
  EXPECT_EQ(query(path(), "SELECT state_bytes FROM states_1"), (Lines{"67108864", "5"}));
  EXPECT_TRUE(*stored(kStart) == large);
}

TEST_F(SqliteStatesTest, StatesGoWithTheirPartition) {
  auto store = opened("?retention=1h&partition=1h");
  for (const int hours : {0, 1, 3}) {
    clock_now_ns = kStart + hours * 3600 * kSecond;
    ASSERT_TRUE(store->put(estimate(clock_now_ns, noise(1000))).ok());
  }
  EXPECT_EQ(query(path(), "SELECT name FROM sqlite_master WHERE name LIKE 'states%' ORDER BY 1"),
            (Lines{"states_2", "states_3"}));
  EXPECT_EQ(*stored(clock_now_ns), noise(1000));
}

TEST_F(SqliteStatesTest, AStateThatIsNotAsItWasWrittenIsRefused) {
  ASSERT_TRUE(opened()->put(estimate(kStart, noise(1000))).ok());
  const auto after = [&](const char* change) {
    sqlite_test::Reader(path()).lines(change);
    return stored(kStart).status();
  };
  for (const char* change :
       {"UPDATE states_1 SET state_bytes = 999", "UPDATE states_1 SET state_bytes = 1001",
        "UPDATE states_1 SET state_bytes = 1 << 40", "UPDATE states_1 SET state_bytes = -1",
        "UPDATE states_1 SET state_bytes = 1000, state = x'00'", "DELETE FROM states_1"}) {
    const absl::Status status = after(change);
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << change;
    EXPECT_EQ(status.message(), path() + ": states_1: row 1 is not as it was written") << change;
  }
}

TEST_F(SqliteStatesTest, ATaskIsReadBackAsItWasConfigured) {
  TaskConfig scan = task("x'; DROP TABLE epochs; --", TaskKind::kSuperSpreader, KeyFields());
  scan.fields.add(KeyField::kSrcIp);
  scan.fields.add(KeyField::kVlan);
  scan.elements.add(KeyField::kDstPort);
  scan.threshold.count = UINT64_MAX;
  scan.memory_bytes = 1 << 20;
  scan.seed = UINT64_MAX - 1;
  TaskConfig top = task("top", TaskKind::kHeavyHitters, KeyFields::five_tuple());
  top.threshold.share_ppm = 10'000;
  top.by = RankBy::kBytes;
  EpochResult result = epoch();
  result.tasks.resize(3);
  result.tasks[1].task = &scan;
  result.tasks[2].task = &top;
  result.tasks[2].source = &flows_;
  ASSERT_TRUE(opened()->put(result).ok());
  auto db = open_sqlite_schema_to_read(path());
  ASSERT_TRUE(db.ok()) << db.status();
  const auto tasks = read_sqlite_tasks(*db);
  ASSERT_TRUE(tasks.ok()) << tasks.status();
  ASSERT_EQ(tasks->size(), 3u);
  const TaskConfig* const expected[] = {&flows_, &scan, &top};
  for (size_t i = 0; i < 3; ++i) {
    const TaskConfig &is = (*tasks)[i].config, &was = *expected[i];
    EXPECT_EQ(is.name, was.name);
    EXPECT_EQ(is.kind, was.kind);
    EXPECT_EQ(is.fields, was.fields);
    EXPECT_EQ(is.elements, was.elements);
    EXPECT_EQ(is.threshold.count, was.threshold.count);
    EXPECT_EQ(is.threshold.share_ppm, was.threshold.share_ppm);
    EXPECT_EQ(is.by, was.by);
    EXPECT_EQ(is.memory_bytes, was.memory_bytes);
    EXPECT_EQ(is.seed, was.seed);
    EXPECT_EQ((*tasks)[i].derived_from, i == 2 ? "flows" : "");
  }
}

TEST_F(SqliteStatesTest, WhateverATasksResultsDependOnMakesItAnother) {
  const auto store = opened();
  std::vector<TaskConfig> configs(7, hosts_);
  configs[1].threshold.count = 5;
  configs[2].threshold.share_ppm = 5;
  configs[3].memory_bytes = 5;
  configs[4].seed = 5;
  configs[5].capacity = 5;  // not this
  uint64_t start_ns = kStart;
  for (const TaskConfig& config : configs) {
    for (const TaskConfig* source : {static_cast<const TaskConfig*>(nullptr), &flows_}) {
      EpochResult result = epoch(start_ns += kSecond);
      result.tasks[0] = TaskResult();
      result.tasks[0].task = &config;
      result.tasks[0].source = source;
      ASSERT_TRUE(store->put(result).ok());
    }
  }
  EXPECT_EQ(
      query(path(), "SELECT threshold, threshold_share_ppm, memory_bytes, seed, derived_from FROM tasks"),
      (Lines{"0|0|0|1|", "0|0|0|1|flows", "5|0|0|1|", "5|0|0|1|flows", "0|5|0|1|", "0|5|0|1|flows",
             "0|0|5|1|", "0|0|5|1|flows", "0|0|0|5|", "0|0|0|5|flows"}));
}

TEST_F(SqliteStatesTest, ATaskOfAKindOrFieldThatIsNotKnownIsNamed) {
  for (const char* column : {"kind", "fields", "elements"}) {
    ASSERT_TRUE(opened()->put(epoch()).ok());
    sqlite_test::Reader(path()).lines(std::string("UPDATE tasks SET ") + column + " = 'colour'");
    auto db = open_sqlite_schema_to_read(path());
    EXPECT_EQ(read_sqlite_tasks(*db).status().message(),
              path() + ": task 'flows' has a kind or a field that this program does not know");
    std::filesystem::remove(path());
  }
}

}  // namespace
}  // namespace netspectra

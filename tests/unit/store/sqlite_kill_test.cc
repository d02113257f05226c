#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "sqlite_fixture.h"
#include "store/sqlite_store.h"

namespace netspectra {
namespace {

using Lines = std::vector<std::string>;

using sqlite_test::clock_now_ns;
using sqlite_test::kSecond;
using sqlite_test::kStart;
using sqlite_test::test_clock;

// Epoch n has 500 + n % 7 * 100 records in each of two tasks, of n + 1 packets each.
uint64_t records_of(uint64_t n) { return 500 + n % 7 * 100; }

EpochResult epoch(uint64_t n, const TaskConfig& flows, const TaskConfig& hosts) {
  EpochResult result;
  result.origin.probe = "edge-1";
  result.origin.run = 1;
  result.start_ns = kStart + n * 10 * kSecond;
  result.period_ns = 10 * kSecond;
  result.ledger.rx_packets = 2 * records_of(n) * (n + 1);
  result.ledger.dropped[size_t(DropReason::kLlc)] = 1;
  result.tasks.resize(2);
  for (size_t t = 0; t < 2; ++t) {
    result.tasks[t].task = t == 0 ? &flows : &hosts;
    for (uint64_t i = 0; i < records_of(n); ++i) {
      FlowRecord& record = result.tasks[t].records.emplace_back();
      record.key.ip_version = 4;
      std::memcpy(&record.key.src_ip[8], &i, sizeof(i));
      record.counters = {n + 1, 100 * (n + 1), result.start_ns, result.start_ns, 0};
    }
  }
  return result;
}

// Stores epochs from `first` on, a partition for every five, until it is killed; says so after each.
[[noreturn]] void store_until_killed(const SqliteOptions& options, uint64_t first, int told) {
  KeyFields src;
  src.add(KeyField::kSrcIp);
  const TaskConfig flows = sqlite_test::task("flows", TaskKind::kExact, KeyFields::five_tuple());
  const TaskConfig hosts = sqlite_test::task("hosts", TaskKind::kExact, src);
  clock_now_ns = kStart + first * 10 * kSecond;
  auto store = open_sqlite_store(options, test_clock);
  if (!store.ok()) ::_exit(3);
  for (uint64_t n = first;; ++n) {
    clock_now_ns = kStart + n * 10 * kSecond;
    if (!(*store)->put(epoch(n, flows, hosts)).ok()) ::_exit(4);
    if (::write(told, &n, sizeof(n)) != sizeof(n)) ::_exit(5);
  }
}

class SqliteKillTest : public sqlite_test::Fixture {
 protected:
  // Forks a writer, kills it so long after so many epochs; the first epoch that it has not told of.
  uint64_t write_and_kill(const SqliteOptions& options, uint64_t first, uint64_t epochs,
                          useconds_t after_us) {
    int pipe_ends[2];
    EXPECT_EQ(::pipe(pipe_ends), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      ::close(pipe_ends[0]);
      store_until_killed(options, first, pipe_ends[1]);
    }
    ::close(pipe_ends[1]);
    uint64_t next = first;
    const auto read_next = [&] {
      uint64_t told;
      if (::read(pipe_ends[0], &told, sizeof(told)) != sizeof(told)) return false;
      next = told + 1;
      return true;
    };
    while (next < first + epochs && read_next()) {
    }
    ::usleep(after_us);
    ::kill(child, SIGKILL);
    int how = 0;
    ::waitpid(child, &how, 0);
    EXPECT_TRUE(WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL) << "exit status " << WEXITSTATUS(how);
    while (read_next()) {
    }
    ::close(pipe_ends[0]);
    return next;
  }

  // Every epoch that is there is whole; they are 0, 1, 2... without a gap. How many.
  uint64_t check_epochs() {
    const sqlite_test::Reader reader(path());
    EXPECT_EQ(reader.lines("PRAGMA integrity_check"), Lines{"ok"});
    const uint64_t stored = std::stoull(reader.lines("SELECT count(*) FROM epochs")[0]);
    const uint64_t tables =
        std::stoull(reader.lines("SELECT count(*) FROM sqlite_master WHERE name GLOB 'records_[0-9]*'")[0]);
    EXPECT_EQ(tables, std::stoull(reader.lines("SELECT count(*) FROM partitions")[0]));
    Lines expected_results, expected_rows;
    const uint64_t oldest =
        stored == 0 ? 0 : std::stoull(reader.lines("SELECT coalesce(min(start_ns), 0) FROM records")[0]);
    uint64_t packets = 0;
    for (uint64_t n = 0; n < stored; ++n) {
      const uint64_t start_ns = kStart + n * 10 * kSecond;
      for (const char* task : {"flows", "hosts"}) {
        const std::string line = std::to_string(start_ns) + "|" + task + "|" + std::to_string(records_of(n)) +
                                 "|" + std::to_string(records_of(n) * (n + 1));
        expected_results.push_back(line);
        if (start_ns >= oldest) expected_rows.push_back(line);
      }
      packets += 2 * records_of(n) * (n + 1);
    }
    EXPECT_EQ(reader.lines("SELECT start_ns, task, row_count, packets FROM results ORDER BY 1, 2"),
              expected_results);
    if (stored > 0) {
      EXPECT_EQ(reader.lines(
                    "SELECT start_ns, task, count(*), sum(packets) FROM records GROUP BY 1, 2 ORDER BY 1, 2"),
                expected_rows);
      EXPECT_EQ(reader.lines("SELECT sum(packets) FROM drops"), Lines{std::to_string(stored)});
      EXPECT_EQ(
          reader.lines("SELECT (SELECT sum(packets) FROM hours) + (SELECT sum(packets) FROM rollup_1h_rest)"),
          Lines{std::to_string(packets)});
    }
    return stored;
  }
};

TEST_F(SqliteKillTest, AfterASigkillAtAnyMomentEveryEpochIsWholeOrAbsentAndNoneThatWasStoredIsLost) {
  const SqliteOptions options{path(), 200 * kSecond, 50 * kSecond};
  std::mt19937 random(20140429);
  uint64_t next = 0;
  int in_between = 0;  // the kill came after the commit, before the word of it
  for (int round = 0; round < 30; ++round) {
    const uint64_t epochs = round < 10 ? 0 : random() % 5;  // at first, while the tables are made
    const uint64_t told = write_and_kill(options, next, epochs, static_cast<useconds_t>(random() % 20'000));
    if (!std::filesystem::exists(path())) continue;  // killed before it was made
    if (sqlite_test::query(path(), "SELECT count(*) FROM sqlite_master")[0] == "0") {
      ASSERT_EQ(told, 0u);
      continue;
    }
    const uint64_t stored = check_epochs();
    ASSERT_GE(stored, told);
    ASSERT_LE(stored, told + 1);
    in_between += stored > told;
    next = told;  // what was not told of is delivered again
    if (HasFailure()) return;
  }
  EXPECT_GT(next, 20u) << "the writer got nowhere";
  RecordProperty("kills_between_commit_and_word", in_between);
}

}  // namespace
}  // namespace netspectra

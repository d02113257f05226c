#include <atomic>
#include <chrono>
#include <cstring>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "clickhouse_epochs.h"

namespace netspectra {
namespace {

using namespace clickhouse_test;
using Lines = std::vector<std::string>;

constexpr int kKills = 12;
constexpr uint64_t kRecords = 2000;  // of each task

// Epoch n's records have n + 1 packets each; it has a spread and a state, too.
EpochResult epoch(uint64_t n, const TaskConfig& flows, const TaskConfig& hosts, const TaskConfig& scan) {
  EpochResult result = epoch_at(kStart + n * kSecond);
  result.ledger.rx_packets = 2 * kRecords * (n + 1);
  for (const TaskConfig* task : {&flows, &hosts}) {
    std::vector<FlowRecord> records(kRecords);
    for (uint64_t i = 0; i < kRecords; ++i) {
      records[i].key.ip_version = 4;
      std::memcpy(&records[i].key.src_ip[8], &i, sizeof(i));
      records[i].counters = {n + 1, 100 * (n + 1), result.start_ns, result.start_ns, 0};
    }
    add_records(result, *task, std::move(records));
  }
  TaskResult& spreads = result.tasks.emplace_back();
  spreads.task = &scan;
  spreads.spreads = {{flow(1, 80), n + 1}};
  spreads.state.assign(1000, std::byte{1});
  return result;
}

// As the engine does: what failed is asked about, and put again unless it is there.
class Putter {
 public:
  explicit Putter(std::string url) : url_(std::move(url)) {}
  bool put(const EpochResult& result) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    for (bool in_doubt = false; std::chrono::steady_clock::now() < end; in_doubt = true) {
      if (store_ == nullptr) {
        absl::StatusOr<std::unique_ptr<Store>> store = open_store(url_);
        if (!store.ok()) continue;
        store_ = *std::move(store);
      }
      if (in_doubt) {
        const auto found = store_->find(result.origin, result.start_ns);
        if (found.ok() && !found->empty()) {
          ++were_there_;
          return true;
        }
      }
      if (store_->put(result).ok()) return true;
      ++failures_;
      store_.reset();
    }
    return false;
  }
  int failures() const { return failures_; }
  int were_there() const { return were_there_; }

 private:
  const std::string url_;
  std::unique_ptr<Store> store_;
  int failures_ = 0, were_there_ = 0;
};

class ClickHouseKillTest : public clickhouse_test::Fixture {};

TEST_F(ClickHouseKillTest, AServerThatIsKilledAtAnyMomentLosesNothingAndDoublesNothing) {
  KeyFields src = only({KeyField::kSrcIp});
  const TaskConfig flows = task("flows", TaskKind::kExact, KeyFields::five_tuple()),
                   hosts = task("hosts", TaskKind::kExact, src),
                   scan = task("scan", TaskKind::kSuperSpreader, src);
  Putter putter(url());
  std::atomic<bool> over = false, given_up = false;
  std::atomic<uint64_t> done = 0;
  std::thread writer([&] {
    while (!over && !given_up) {
      if (putter.put(epoch(done, flows, hosts, scan))) {
        ++done;
      } else {
        given_up = true;
      }
    }
  });
  std::mt19937 random(20140429);
  for (int i = 0; i < kKills && !given_up; ++i) {
    // Not before something was stored since the last time.
    for (const uint64_t before = done; done == before && !given_up;) std::this_thread::yield();
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 100'000));
    server().kill();
    server().start();  // on this thread, with which the server ends
  }
  over = true;
  writer.join();
  ASSERT_FALSE(given_up);
  const uint64_t n = done;
  // The first epochs go round once more, as a redelivery does.
  for (uint64_t i = 0; i < std::min<uint64_t>(n, 20); ++i)
    ASSERT_TRUE(putter.put(epoch(i, flows, hosts, scan)));

  const std::string packets = std::to_string(kRecords * n * (n + 1) / 2);
  EXPECT_EQ(
      lines("SELECT count(), uniqExact(start_ns), sum(rx_packets) FROM ledger"),
      Lines{std::to_string(n) + "\t" + std::to_string(n) + "\t" + std::to_string(kRecords * n * (n + 1))});
  EXPECT_EQ(lines("SELECT task, count(), sum(packets), sum(bytes) FROM records GROUP BY task ORDER BY task"),
            (Lines{"flows\t" + std::to_string(kRecords * n) + "\t" + packets + "\t" + packets + "00",
                   "hosts\t" + std::to_string(kRecords * n) + "\t" + packets + "\t" + packets + "00"}));
  EXPECT_EQ(lines("SELECT count(), sum(spread) FROM spreads"),
            Lines{std::to_string(n) + "\t" + std::to_string(n * (n + 1) / 2)});
  EXPECT_EQ(lines("SELECT count() FROM state_rows WHERE attempt IN (SELECT attempt FROM ledger)"),
            Lines{std::to_string(n)});
  EXPECT_GT(putter.failures(), 0) << "no kill met a put";
  RecordProperty("epochs", static_cast<int>(n));
  RecordProperty("failed_puts", putter.failures());
  RecordProperty("commits_whose_answer_was_lost", putter.were_there());
  RecordProperty(
      "uncommitted_records",
      lines("SELECT count() FROM record_rows WHERE attempt NOT IN (SELECT attempt FROM epochs)")[0]);
}

}  // namespace
}  // namespace netspectra

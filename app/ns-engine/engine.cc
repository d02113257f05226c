#include "engine.h"

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/units.h"
#include "bus/consumer.h"
#include "common/report.h"
#include "common/signals.h"
#include "merge/stream_aggregator.h"
#include "writer.h"

namespace netspectra {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr milliseconds kLookEvery(100);
// What is not acknowledged comes again to the next engine well before its grace is over.
constexpr nanoseconds kLongestAckWait = std::chrono::seconds(10);
constexpr size_t kMissingShown = 3;

uint64_t now_ns() {
  return static_cast<uint64_t>(
      std::chrono::duration_cast<nanoseconds>(Clock::now().time_since_epoch()).count());
}

// Of the exact tasks as measured; derived ones repeat them.
std::string epoch_line(const EpochResult& result, const TaskPlan& plan) {
  uint64_t records = 0, overflow_packets = 0;
  for (size_t task : plan.measured) {
    records += result.tasks[task].records.size();
    overflow_packets += result.tasks[task].overflow.packets;
  }
  const EpochOrigin& origin = result.origin;
  std::string line =
      absl::StrCat(origin.site, "/", origin.probe, " run ", origin.run, " epoch ", result.start_ns);
  if (origin.amendment != 0) absl::StrAppend(&line, ", amendment ", origin.amendment);
  absl::StrAppend(&line, ": ", result.ledger.rx_packets, " packets, ", records, " records, ",
                  result.source.lost(), " lost, ", overflow_packets, " without a record, ");
  if (origin.complete()) return line + "complete";
  const size_t shown = std::min(kMissingShown, origin.missing.size());
  absl::StrAppend(
      &line, origin.missing_snapshots, " of ", origin.expected_snapshots, " snapshots missing: ",
      absl::StrJoin(origin.missing.begin(), origin.missing.begin() + static_cast<ptrdiff_t>(shown), "; "));
  if (shown < origin.missing.size()) line += "; ...";
  return line;
}

class Engine {
 public:
  explicit Engine(const EngineOptions& options) : options_(options) {}

  absl::Status open() {
    absl::StatusOr<std::unique_ptr<Writer>> writer =
        Writer::open(options_.store, [this](unsigned seconds) { return pause(seconds); });
    if (!writer.ok()) return writer.status();
    writer_ = *std::move(writer);
    const BlockedSignals blocked;  // for nats.c's threads
    const nanoseconds ack_wait = std::min(nanoseconds(options_.grace_ns) / 3, kLongestAckWait);
    absl::StatusOr<std::unique_ptr<Consumer>> consumer =
        Consumer::open(options_.nats, {options_.subject(), options_.consumer, ack_wait});
    if (!consumer.ok()) return consumer.status();
    consumer_ = *std::move(consumer);
    aggregator_.emplace(
        AggregatorConfig{.grace_ns = options_.grace_ns, .memory_limit_bytes = options_.memory_limit_bytes},
        [this](const EpochOrigin& epoch, uint64_t start_ns) { return writer_->find(epoch, start_ns); });
    return absl::OkStatus();
  }

  int run() {
    report_error(absl::StrCat("engine: ", options_.subject(), " as ", options_.consumer, " into ",
                              options_.store, ", grace ", exact_duration_ns(options_.grace_ns), ", at most ",
                              human_bytes(options_.memory_limit_bytes)));
    DeliveredMessage message;
    bool stored = true;
    while (stored && !over()) {
      if (consumer_->next(message, kLookEvery)) stored = take(message);
      stored = stored && write_ready();
      settle();
    }
    return finish(stored);
  }

 private:
  bool over() const {
    return interrupt_.raised() ||
           (options_.duration_ns != 0 && Clock::now() - began_ >= nanoseconds(options_.duration_ns));
  }

  // While the store is down.
  bool pause(unsigned seconds) {
    const Clock::time_point until = Clock::now() + std::chrono::seconds(seconds);
    while (!over() && Clock::now() < until) {
      ::poll(nullptr, 0, static_cast<int>(kLookEvery.count()));
      settle();
    }
    return !over();
  }

  // False where it could not be taken until the end.
  bool take(const DeliveredMessage& message) {
    while (true) {
      const absl::StatusOr<StreamAggregator::Intake> taken =
          aggregator_->add(message.subject, message.bytes, message.ticket, now_ns());
      if (taken.ok()) {
        if (*taken != StreamAggregator::Intake::kHeld) consumer_->acknowledge(message.ticket);
        return true;
      }
      if (!pause(1)) return false;
    }
  }

  bool write_ready() {
    while (std::optional<CollectedEpoch> epoch = aggregator_->next(now_ns())) {
      if (!write(*std::move(epoch))) return false;
    }
    return true;
  }

  bool write(CollectedEpoch epoch) {
    const std::vector<uint64_t> tickets = std::move(epoch.tickets);
    const std::shared_ptr<const TaskPlan> plan = epoch.plan;  // which the result borrows
    std::vector<CollectedEpoch> one;
    one.push_back(std::move(epoch));
    const EpochResult result = merge_epochs(std::move(one));
    if (!writer_->put(result)) return false;
    for (uint64_t ticket : tickets) consumer_->acknowledge(ticket);
    report_error(epoch_line(result, *plan));
    for (const std::string& fault : result.faults) {
      report_error(absl::StrCat(result.origin.site, "/", result.origin.probe, ": ", fault));
    }
    return true;
  }

  void settle() {
    for (uint64_t ticket : aggregator_->take_given_up()) consumer_->acknowledge(ticket);
    consumer_->hold();
    for (const std::string& line : aggregator_->take_complaints(now_ns())) report_error(line);
    for (const std::string& event : consumer_->take_events()) report_error(event);
  }

  int finish(bool stored) {
    stored = stored && write_ready();
    while (stored && !consumer_->redelivers()) {
      std::optional<CollectedEpoch> epoch = aggregator_->next_unfinished();
      if (!epoch) break;
      stored = write(*std::move(epoch));
    }
    settle();
    consumer_->close();
    const absl::Status closed = writer_->close();
    if (!closed.ok()) report_error(absl::StrCat("store: ", std::string(closed.message())));
    const StreamAggregator::Counters& counters = aggregator_->counters();
    report_error(absl::StrCat("engine: ", counters.messages, " messages taken, ", counters.repeats,
                              " of them repeats, ", counters.refused, " refused"));
    if (!stored)
      report_error("engine: ended while the store was down; what was not stored is not acknowledged");
    return stored && closed.ok() ? kExitDone : kExitFailed;
  }

  const EngineOptions& options_;
  const InterruptFlag interrupt_;
  const Clock::time_point began_ = Clock::now();
  std::unique_ptr<Writer> writer_;
  std::unique_ptr<Consumer> consumer_;
  std::optional<StreamAggregator> aggregator_;
};

}  // namespace

int run_engine(const EngineOptions& options) {
  Engine engine(options);
  if (absl::Status opened = engine.open(); !opened.ok()) {
    report_error(std::string(opened.message()));
    return absl::IsInvalidArgument(opened) ? kExitUsage : kExitFailed;
  }
  return engine.run();
}

}  // namespace netspectra

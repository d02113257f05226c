#include "engine.h"

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "alert/alert_desk.h"
#include "api_server.h"
#include "base/system_clock.h"
#include "base/units.h"
#include "bus/consumer.h"
#include "common/report.h"
#include "common/signals.h"
#include "engine_status.h"
#include "epoch_event.h"
#include "merge/stream_aggregator.h"
#include "writer.h"

namespace netspectra {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr milliseconds kLookEvery(100);
constexpr milliseconds kTickEvery(1000);
constexpr size_t kMostAlertRows = 1000;
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
    status_.change([&](EngineFigures& figures) { figures.memory_limit_bytes = options_.memory_limit_bytes; });
    if (!options_.alerts.state_file.empty()) {
      absl::StatusOr<std::unique_ptr<AlertDesk>> alerts =
          AlertDesk::open(options_.alerts, system_clock_ns(), report_error);
      if (!alerts.ok()) return alerts.status();
      alerts_ = *std::move(alerts);
    }
    if (!options_.http.address.empty()) {
      absl::StatusOr<std::unique_ptr<ApiServer>> api =
          ApiServer::start(options_.http, options_.store, status_);
      if (!api.ok()) return api.status();
      api_ = *std::move(api);
    }
    aggregator_.emplace(
        AggregatorConfig{.grace_ns = options_.grace_ns, .memory_limit_bytes = options_.memory_limit_bytes},
        [this](const EpochOrigin& epoch, uint64_t start_ns) { return writer_->find(epoch, start_ns); });
    return absl::OkStatus();
  }

  int run() {
    report_error(absl::StrCat("engine: ", options_.subject(), " as ", options_.consumer, " into ",
                              store_name(options_.store), ", grace ", exact_duration_ns(options_.grace_ns),
                              ", at most ", human_bytes(options_.memory_limit_bytes)));
    if (api_ != nullptr) report_error(absl::StrCat("engine: listening on ", listening_on()));
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

  // The aggregator's clock, which stands still while nothing is taken: epochs then do not grow old.
  uint64_t intake_now_ns() const { return now_ns() - paused_ns_; }

  // While the store is down.
  bool pause(unsigned seconds) {
    const uint64_t began_ns = now_ns();
    const Clock::time_point until = Clock::now() + std::chrono::seconds(seconds);
    while (!over() && Clock::now() < until) {
      ::poll(nullptr, 0, static_cast<int>(kLookEvery.count()));
      settle();
    }
    paused_ns_ += now_ns() - began_ns;
    return !over();
  }

  // False where it could not be taken until the end.
  bool take(const DeliveredMessage& message) {
    while (true) {
      const absl::StatusOr<StreamAggregator::Intake> taken =
          aggregator_->add(message.subject, message.bytes, message.ticket, intake_now_ns());
      if (taken.ok()) {
        if (*taken != StreamAggregator::Intake::kHeld) consumer_->acknowledge(message.ticket);
        return true;
      }
      if (!pause(1)) return false;
    }
  }

  bool write_ready() {
    while (std::optional<CollectedEpoch> epoch = aggregator_->next(intake_now_ns())) {
      if (!write(*std::move(epoch))) return false;
      settle();
    }
    return true;
  }

  bool write(CollectedEpoch epoch) {
    const std::vector<uint64_t> tickets = std::move(epoch.tickets);
    const std::shared_ptr<const TaskPlan> plan = epoch.plan;  // which the result borrows
    std::vector<CollectedEpoch> one;
    one.push_back(std::move(epoch));
    const EpochResult result = merge_epochs(std::move(one));
    const Clock::time_point began = Clock::now();
    const uint64_t began_ns = now_ns(), paused_before_ns = paused_ns_;
    if (!writer_->put(result)) return false;
    paused_ns_ = paused_before_ns + (now_ns() - began_ns);  // the pauses in it included
    note_stored(result, *plan, Clock::now() - began);
    for (uint64_t ticket : tickets) consumer_->acknowledge(ticket);
    if (api_ != nullptr) api_->publish("epoch", epoch_event(result, *plan));
    if (alerts_ != nullptr) {
      const std::vector<AlertEvent> events = alerts_->on_epoch(result, system_clock_ns());
      tell_alerts(events);
      if (!events.empty()) show_alerts();
    }
    report_error(epoch_line(result, *plan));
    for (const std::string& fault : result.faults) {
      report_error(absl::StrCat(result.origin.site, "/", result.origin.probe, ": ", fault));
    }
    return true;
  }

  void settle() {
    for (uint64_t ticket : aggregator_->take_given_up()) consumer_->acknowledge(ticket);
    consumer_->hold();
    for (const std::string& line : aggregator_->take_complaints(intake_now_ns())) report_error(line);
    for (const std::string& event : consumer_->take_events()) report_error(event);
    // While nothing can be taken, nobody is silent.
    const bool listens = consumer_->connected() && writer_->trouble().empty();
    if (const Clock::time_point now = Clock::now();
        alerts_ != nullptr && listens && now - ticked_ >= kTickEvery) {
      ticked_ = now;
      tell_alerts(alerts_->tick(system_clock_ns()));
      show_alerts();
    }
    note_state();
  }

  void tell_alerts(const std::vector<AlertEvent>& events) {
    for (const AlertEvent& event : events) {
      if (api_ != nullptr) api_->publish("alert", alert_json(event));
    }
  }

  void show_alerts() {
    std::vector<ActiveAlert> alerts = alerts_->alerts();
    const auto fires = [](const ActiveAlert& alert) { return alert.state == AlertState::kFiring; };
    const auto pending = std::stable_partition(alerts.begin(), alerts.end(), fires);
    const auto firing = static_cast<uint64_t>(pending - alerts.begin());
    std::string answer = "{\"rows\":[";
    const size_t shown = std::min(kMostAlertRows, alerts.size());
    for (size_t i = 0; i < shown; ++i) absl::StrAppend(&answer, i == 0 ? "" : ",", alert_json(alerts[i]));
    absl::StrAppend(&answer, "],\"left_out\":", alerts.size() - shown, ",\"next\":null}\n");
    auto shared = std::make_shared<const std::string>(std::move(answer));
    status_.change([&](EngineFigures& figures) {
      figures.alerts = std::move(shared);
      figures.alerts_firing = firing;
      figures.alerts_untracked_keys = alerts_->counters().untracked_keys;
      figures.alerts_delivered = figures.alerts_failed = figures.alerts_waiting = 0;
      for (const Courier::Counters& receiver : alerts_->deliveries()) {
        figures.alerts_delivered += receiver.delivered;
        figures.alerts_failed += receiver.failed + receiver.dropped;
        figures.alerts_waiting += receiver.queued;
      }
    });
  }

  // With the port that was chosen where any would do.
  std::string listening_on() const {
    const std::string& address = options_.http.address;
    return absl::StrCat(options_.http.tls_key.empty() ? "http://" : "https://",
                        address.substr(0, address.rfind(':')), ":", api_->port());
  }

  void note_stored(const EpochResult& result, const TaskPlan& plan, Clock::duration took) {
    const uint64_t wall_ns = system_clock_ns();
    const uint64_t end_ns = result.start_ns + result.period_ns;
    status_.change([&](EngineFigures& figures) {
      ++figures.epochs;
      figures.store_ns += static_cast<uint64_t>(std::chrono::duration_cast<nanoseconds>(took).count());
      for (const size_t task : plan.measured) figures.records += result.tasks[task].records.size();
      const std::pair<std::string, std::string> name(result.origin.site, result.origin.probe);
      if (!figures.probes.contains(name) && figures.probes.size() >= EngineStatus::kMaxProbes) {
        ++figures.probes_left_out;
        return;
      }
      EngineFigures::Probe& probe = figures.probes[name];
      ++probe.epochs;
      probe.amendments += result.origin.amendment != 0;
      probe.incomplete_epochs += !result.origin.complete();
      probe.rx_packets += result.ledger.rx_packets;
      probe.rx_bytes += result.ledger.rx_bytes;
      probe.source += result.source;
      for (const size_t task : plan.measured) probe.overflow_packets += result.tasks[task].overflow.packets;
      if (result.start_ns < probe.last_start_ns) return;
      probe.last_start_ns = result.start_ns;
      probe.last_delay_s = wall_ns < end_ns ? 0 : static_cast<double>(wall_ns - end_ns) / 1e9;
    });
  }

  void note_state() {
    status_.change([&](EngineFigures& figures) {
      figures.nats_connected = consumer_->connected();
      figures.store_trouble = writer_->trouble();
      figures.messages = aggregator_->counters().messages;
      figures.repeats = aggregator_->counters().repeats;
      figures.refused = aggregator_->counters().refused;
      figures.held_bytes = aggregator_->held_bytes();
      figures.heard_ns = now_ns();
    });
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
    if (alerts_ != nullptr) alerts_->close();
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
  std::unique_ptr<AlertDesk> alerts_;  // null: there are no rules
  Clock::time_point ticked_;
  uint64_t paused_ns_ = 0;
  EngineStatus status_;
  std::unique_ptr<ApiServer> api_;  // null: none is wanted
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

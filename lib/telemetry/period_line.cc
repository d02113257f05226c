#include "telemetry/period_line.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/units.h"

namespace netspectra {
namespace {

using Counts = WorkerStatus::Counts;
using Workers = std::vector<const WorkerStatus*>;

constexpr uint64_t kSecond = 1'000'000'000;
constexpr size_t kListed = 8;              // queues of one port; more are summarised
constexpr uint64_t kFullPercent = 80;      // a table from which on its load is said
constexpr double kNotIpPercent = 1;        // some ARP and LLDP is everywhere
constexpr double kLengthTolerance = 0.05;  // of the period: a burst more or less is no news

double percent(double part, double whole) { return whole > 0 ? 100 * part / whole : 0; }

std::string percent_text(double value) {
  return value > 0 && value < 0.01 ? "<0.01 %" : absl::StrFormat("%.2f %%", value);
}

// "2023-11-14T22:13:20Z", with as many decimals as the epoch's start needs.
std::string time_text(uint64_t time_ns) {
  std::string text = format_time_ns(time_ns);
  text[text.find(' ')] = 'T';
  if (time_ns % kSecond == 0) return text.substr(0, text.find('.')) + "Z";
  text.pop_back();
  return text.substr(0, text.find_last_not_of('0') + 1) + "Z";
}

std::string period_text(const ProbeStatus& status) {
  const std::string period = exact_duration_ns(status.period_ns);
  const double period_s = static_cast<double>(status.period_ns) / static_cast<double>(kSecond);
  if (std::abs(status.last_elapsed_s - period_s) <= kLengthTolerance * period_s) return period;
  return absl::StrFormat("%.3gs (period %s)", status.last_elapsed_s, period);
}

// "10s: 14.88 Mpps 10.00 Gbit/s"; a whole capture as one period has no length, hence no rate.
std::string traffic(const ProbeStatus& status, const Counts& last) {
  const double seconds = status.last_elapsed_s;
  const double bits = 8 * static_cast<double>(last.rx_bytes);
  if (seconds <= 0)
    return absl::StrCat(human_count(last.rx_packets), " packets ", human_bytes(last.rx_bytes));
  std::string rate = human_count(std::llround(static_cast<double>(last.rx_packets) / seconds));
  if (rate.find(' ') == std::string::npos) rate += ' ';  // "999" + " " + "pps", "1.23 M" + "pps"
  return absl::StrCat(period_text(status), ": ", rate, "pps ", human_bits_per_second(bits / seconds));
}

// Of the exact task with the most records: every other one's key is coarser, or its table too small.
void add_flows(const ProbeStatus& status, std::vector<std::string>& parts) {
  bool any = false;
  uint64_t flows = 0;
  for (const TaskStatus& task : status.tasks) {
    if (task.kind != "exact") continue;
    any = true;
    flows = std::max(flows, task.last_records);
  }
  if (any) parts.push_back(absl::StrCat(human_count(flows), " flows"));
}

std::string losses(const Counts& last) {
  const SourceStats& source = last.source;
  if (source.lost() == 0) return "lost 0";
  std::vector<std::string> kinds;
  source.each_loss([&](const char* name, uint64_t packets) {
    if (packets != 0) kinds.push_back(absl::StrCat(name, " ", format_count(packets)));
  });
  const double lost = static_cast<double>(source.lost());
  return absl::StrCat("LOST ", format_count(source.lost()), " = ",
                      percent_text(percent(lost, lost + static_cast<double>(last.rx_packets))), " (",
                      absl::StrJoin(kinds, ", "), ")");
}

// What should not be, and is not lost either.
void add_troubles(const ProbeStatus& status, const Counts& last, std::vector<std::string>& parts) {
  const double received = static_cast<double>(last.rx_packets);
  const auto packets = [&](const char* what, uint64_t count) {
    parts.push_back(absl::StrCat(what, " ", format_count(count), " = ",
                                 percent_text(percent(static_cast<double>(count), received))));
  };
  if (last.overflow_packets != 0) packets("OVERFLOW", last.overflow_packets);
  for (const TaskStatus& task : status.tasks) {
    const double load = percent(static_cast<double>(task.peak_records), static_cast<double>(task.capacity));
    if (load >= kFullPercent) parts.push_back(absl::StrFormat("table %s %.0f %% full", task.name, load));
  }
  if (last.source.epoch_overruns != 0) {
    parts.push_back(absl::StrCat("EPOCH OVERRUNS ", last.source.epoch_overruns));
  }
  if (last.malformed != 0) packets("malformed", last.malformed);
  if (percent(static_cast<double>(last.not_ip), received) >= kNotIpPercent) packets("not IP", last.not_ip);
  for (const PortStatus& port : status.ports) {
    if (!port.link_up) parts.push_back(absl::StrCat("LINK DOWN ", port.spec));
  }
}

std::vector<Workers> by_port(const ProbeStatus& status) {
  std::vector<Workers> ports;
  for (const WorkerStatus& worker : status.workers) {
    const auto port = std::find_if(ports.begin(), ports.end(),
                                   [&](const Workers& workers) { return workers[0]->port == worker.port; });
    if (port == ports.end()) {
      ports.push_back({&worker});
    } else {
      port->push_back(&worker);
    }
  }
  return ports;
}

// "25 25 26 24", or "min 2 median 3 max 31 at queue 17".
template <class Value>
std::string spread(const Workers& workers, Value value) {
  std::vector<std::pair<double, uint32_t>> values;
  for (const WorkerStatus* worker : workers) values.emplace_back(value(*worker), worker->queue);
  if (values.size() <= kListed) {
    return absl::StrJoin(
        values, " ", [](std::string* out, const auto& v) { absl::StrAppendFormat(out, "%.0f", v.first); });
  }
  std::sort(values.begin(), values.end());
  const size_t half = values.size() / 2;
  const double median =
      values.size() % 2 == 1 ? values[half].first : (values[half - 1].first + values[half].first) / 2;
  return absl::StrFormat("min %.0f median %.0f max %.0f at queue %d", values.front().first, median,
                         values.back().first, values.back().second);
}

void add_queues(const ProbeStatus& status, std::vector<std::string>& parts) {
  const std::vector<Workers> ports = by_port(status);
  if (ports.empty()) return;
  std::vector<std::string> shares, busy;
  for (const Workers& workers : ports) {
    uint64_t packets = 0;
    for (const WorkerStatus* worker : workers) packets += worker->last.rx_packets;
    const std::string share = spread(workers, [&](const WorkerStatus& worker) {
      return percent(static_cast<double>(worker.last.rx_packets), static_cast<double>(packets));
    });
    shares.push_back(ports.size() == 1 ? share : absl::StrCat(workers[0]->port, " ", share));
    busy.push_back(spread(workers, [](const WorkerStatus& worker) {
      const SourceStats& source = worker.last.source;
      return percent(static_cast<double>(source.busy_ns), static_cast<double>(source.total_ns));
    }));
  }
  // One queue has all of its port: nothing to balance.
  if (status.workers.size() > ports.size()) {
    parts.push_back(absl::StrCat("queues ", absl::StrJoin(shares, " | "), " %"));
  }
  parts.push_back(absl::StrCat("busy ", absl::StrJoin(busy, " | "), " %"));
}

void add_nats(const ProbeStatus& status, std::vector<std::string>& parts) {
  if (!status.publishes) return;
  const PublisherStats& nats = status.nats;
  parts.emplace_back(nats.connected ? "nats ok" : "NATS LOST");
  const auto waiting = [&](const char* where, uint64_t messages, uint64_t bytes) {
    if (messages == 0) return;
    parts.push_back(absl::StrCat(where, " ", format_count(messages), " (", human_bytes(bytes), ")"));
  };
  waiting("queued", nats.queued, nats.queued_bytes);
  waiting("spooled", nats.spooled, nats.spooled_bytes);
  if (nats.dropped != 0) {
    parts.push_back(absl::StrCat("NATS DROPPED ", format_count(nats.dropped), " of ",
                                 format_count(nats.dropped_epochs),
                                 nats.dropped_epochs == 1 ? " epoch" : " epochs", " since the start"));
  }
}

}  // namespace

std::string period_line(const ProbeStatus& status) {
  if (status.epochs == 0) return "no whole period yet";
  const Counts last = status.sum(&WorkerStatus::last);
  std::vector<std::string> parts = {
      absl::StrCat(time_text(status.last_epoch_start_ns), " ", traffic(status, last))};
  add_flows(status, parts);
  parts.push_back(losses(last));
  add_troubles(status, last, parts);
  add_queues(status, parts);
  add_nats(status, parts);
  return absl::StrJoin(parts, ", ");
}

}  // namespace netspectra

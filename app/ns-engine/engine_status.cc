#include "engine_status.h"

#include <chrono>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "telemetry/exposition.h"

namespace netspectra {
namespace {

using Clock = std::chrono::steady_clock;

// Longer than storing the largest epoch takes.
constexpr uint64_t kLongestSilenceNs = 60'000'000'000;

using Probes = decltype(EngineFigures::probes);

struct ProbeCounter {
  const char* name;
  const char* help;
  uint64_t (*value)(const EngineFigures::Probe&);
};
constexpr ProbeCounter kProbeCounters[] = {
    {"probe_epochs_total", "Epochs stored, amendments included.",
     [](const EngineFigures::Probe& p) { return p.epochs; }},
    {"probe_amendments_total", "Of those, what came too late for its epoch.",
     [](const EngineFigures::Probe& p) { return p.amendments; }},
    {"probe_incomplete_epochs_total", "Of those, stored while something was missing.",
     [](const EngineFigures::Probe& p) { return p.incomplete_epochs; }},
    {"probe_rx_packets_total", "Frames that were decoded.",
     [](const EngineFigures::Probe& p) { return p.rx_packets; }},
    {"probe_rx_bytes_total", "Their lengths on the wire.",
     [](const EngineFigures::Probe& p) { return p.rx_bytes; }},
    {"probe_overflow_packets_total", "Packets of flows for which an exact task had no room.",
     [](const EngineFigures::Probe& p) { return p.overflow_packets; }},
};

std::string probe_labels(const Probes::value_type& probe) {
  return absl::StrCat(label("site", probe.first.first), ",", label("probe", probe.first.second));
}

void put_probes(const Probes& probes, Exposition& out) {
  for (const ProbeCounter& counter : kProbeCounters) {
    out.each(counter.name, "counter", counter.help, probes, probe_labels,
             [&](const Probes::value_type& probe) { return counter.value(probe.second); });
  }
  out.begin("probe_lost_packets_total", "counter",
            "Frames that arrived and were not measured, by what lost them.");
  for (const auto& probe : probes) {
    probe.second.source.each_loss([&](const char* reason, uint64_t packets) {
      out.sample(absl::StrCat(probe_labels(probe), ",", label("reason", reason)), packets);
    });
  }
  out.each("probe_last_epoch_start_timestamp_seconds", "gauge", "Start of the newest epoch.", probes,
           probe_labels, [](const Probes::value_type& probe) { return seconds(probe.second.last_start_ns); });
  out.each("probe_last_delay_seconds", "gauge", "From the end of the newest epoch until it was stored.",
           probes, probe_labels, [](const Probes::value_type& probe) {
             return absl::StrFormat("%.3f", probe.second.last_delay_s);
           });
}

}  // namespace

std::string not_ready_because(const EngineFigures& figures) {
  if (!figures.store_trouble.empty()) return absl::StrCat("store: ", figures.store_trouble);
  if (!figures.nats_connected) return "NATS: not connected";
  const auto now_ns = static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch()).count());
  if (now_ns - figures.heard_ns > kLongestSilenceNs && now_ns > figures.heard_ns) return "the intake hangs";
  return "";
}

std::string metrics_text(const EngineFigures& figures, const HttpStats& http) {
  Exposition out("netspectra_engine_");
  out.begin("info", "gauge", "The program; always 1.");
  out.sample(label("version", NETSPECTRA_VERSION), 1);
  out.gauge("ready", "Whether it takes snapshots and stores them.",
            not_ready_because(figures).empty() ? 1 : 0);
  out.gauge("nats_connected", "Whether NATS is there.", figures.nats_connected ? 1 : 0);
  out.gauge("store_up", "Whether the store takes epochs.", figures.store_trouble.empty() ? 1 : 0);
  out.counter("messages_total", "Messages taken from NATS.", figures.messages);
  out.counter("repeats_total", "Of those, that were known already.", figures.repeats);
  out.counter("refused_messages_total", "Of those, that are no snapshots, or contradict others.",
              figures.refused);
  out.gauge("held_bytes", "Memory of what waits to be complete.", figures.held_bytes);
  out.gauge("memory_limit_bytes", "Beyond it, epochs are stored unfinished.", figures.memory_limit_bytes);
  out.counter("epochs_total", "Epochs and amendments stored.", figures.epochs);
  out.counter("records_total", "Records of exact tasks that are measured, stored.", figures.records);
  out.begin("store_seconds_total", "counter", "Time spent in the store.");
  out.sample("", seconds(figures.store_ns));
  put_probes(figures.probes, out);
  out.counter("probes_left_out_total", "Epochs of probes beyond the first thousand, not shown one by one.",
              figures.probes_left_out);
  out.gauge("alerts_firing", "Alerts that fire.", figures.alerts_firing);
  out.counter("alerts_untracked_keys_total", "Keys over a threshold that a rule had no room for.",
              figures.alerts_untracked_keys);
  out.counter("alerts_delivered_total", "Messages of alerts that were delivered.", figures.alerts_delivered);
  out.counter("alerts_failed_total", "Messages of alerts that were given up.", figures.alerts_failed);
  out.gauge("alerts_waiting", "Messages of alerts on their way.", figures.alerts_waiting);
  out.counter("http_requests_total", "HTTP requests.", http.requests);
  out.counter("http_refused_total", "Of those, answered with an error.", http.refused);
  out.gauge("http_connections", "HTTP connections.", http.connections);
  out.gauge("http_listeners", "Listeners of live events.", http.listeners);
  out.counter("http_events_missed_total", "Events that listeners were too slow for.", http.events_missed);
  return out.take();
}

}  // namespace netspectra

#include "telemetry/metrics_text.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "telemetry/exposition.h"

namespace netspectra {
namespace {

using Counts = WorkerStatus::Counts;

// A figure of each worker since the start of the run.
struct WorkerCounter {
  const char* name;
  const char* help;
  uint64_t (*value)(const Counts&);
};

constexpr WorkerCounter kPacketCounters[] = {
    {"rx_packets_total", "Frames that were decoded.", [](const Counts& c) { return c.rx_packets; }},
    {"rx_bytes_total", "Their lengths on the wire, link header included.",
     [](const Counts& c) { return c.rx_bytes; }},
    {"ip_packets_total", "Frames counted as IP.", [](const Counts& c) { return c.ip_packets; }},
    {"not_ip_packets_total", "Frames that carry no IP.", [](const Counts& c) { return c.not_ip; }},
    {"malformed_packets_total", "Frames whose IP header cannot be read.",
     [](const Counts& c) { return c.malformed; }},
    {"overflow_packets_total", "Packets of flows for which an exact task had no room.",
     [](const Counts& c) { return c.overflow_packets; }},
    {"driver_received_packets_total", "Frames that the driver handed over.",
     [](const Counts& c) { return c.source.received; }},
    {"epoch_overruns_total", "Epochs extended because the last one had not been taken yet.",
     [](const Counts& c) { return c.source.epoch_overruns; }},
};

constexpr WorkerCounter kTimes[] = {
    {"busy_seconds_total", "Time spent on polls that found packets.",
     [](const Counts& c) { return c.source.busy_ns; }},
    {"polling_seconds_total", "All the time that was polled.",
     [](const Counts& c) { return c.source.total_ns; }},
};

void put_probe(const ProbeStatus& status, Exposition& out) {
  out.begin("info", "gauge", "The program and its run; always 1.");
  out.sample(absl::StrCat(label("version", status.version), ",", label("site", status.site), ",",
                          label("probe", status.probe), ",", label("run", absl::StrCat(status.run))),
             1);
  out.counter("epochs_total", "Whole periods so far.", status.epochs);
  out.gauge("period_seconds", "Configured length of a period.", seconds(status.period_ns));
  if (status.epochs == 0) return;  // a time of 0 would be an alert on its age
  out.gauge("last_epoch_start_timestamp_seconds", "Start of the last whole period.",
            seconds(status.last_epoch_start_ns));
  out.gauge("last_epoch_seconds", "Length of the last whole period.",
            absl::StrFormat("%.9f", status.last_elapsed_s));
}

void put_workers(const std::vector<WorkerStatus>& workers, Exposition& out) {
  const auto labels = [](const WorkerStatus& worker) {
    return absl::StrCat(label("port", worker.port), ",", label("queue", absl::StrCat(worker.queue)));
  };
  for (const WorkerCounter& counter : kPacketCounters) {
    out.each(counter.name, "counter", counter.help, workers, labels,
             [&](const WorkerStatus& worker) { return counter.value(worker.total); });
  }
  for (const WorkerCounter& counter : kTimes) {
    out.each(counter.name, "counter", counter.help, workers, labels,
             [&](const WorkerStatus& worker) { return seconds(counter.value(worker.total)); });
  }
  out.begin("lost_packets_total", "counter", "Frames that arrived and were not measured, by what lost them.");
  for (const WorkerStatus& worker : workers) {
    worker.total.source.each_loss([&](const char* reason, uint64_t packets) {
      out.sample(absl::StrCat(labels(worker), ",", label("reason", reason)), packets);
    });
  }
  // Not a histogram: that would need the sum of all fills, which nobody counts.
  constexpr size_t kSteps = SourceStats::kFills - 1;
  out.begin("polls_total", "counter", "Polls by how full their burst was: 0 empty, n/7 up to that share.");
  for (const WorkerStatus& worker : workers) {
    for (size_t fill = 0; fill <= kSteps; ++fill) {
      const std::string share = fill == 0 ? "0" : absl::StrCat(fill, "/", kSteps);
      out.sample(absl::StrCat(labels(worker), ",", label("fill", share)), worker.total.source.polls[fill]);
    }
  }
  out.each("worker_cpu", "gauge", "The CPU that polls the queue; -1 if not known.", workers, labels,
           [](const WorkerStatus& worker) { return absl::StrCat(worker.cpu); });
}

void put_ports(const std::vector<PortStatus>& ports, Exposition& out) {
  const auto port_label = [](const PortStatus& port) { return label("port", port.spec); };
  const auto facts = [](const PortStatus& port) {
    return absl::StrCat(label("port", port.spec), ",", label("driver", port.driver), ",",
                        label("rss", port.rss));
  };
  out.each("port_info", "gauge", "The port's driver and how it spreads packets; always 1.", ports, facts,
           [](const PortStatus&) { return uint64_t{1}; });
  out.each("port_link_up", "gauge", "1 while the link is up.", ports, port_label,
           [](const PortStatus& port) { return uint64_t{port.link_up}; });
  out.each("port_link_bits_per_second", "gauge", "Speed of the link; 0 if not known.", ports, port_label,
           [](const PortStatus& port) { return uint64_t{port.link_mbps} * 1'000'000; });
  out.each("port_hardware_timestamps", "gauge", "1 if the NIC stamps packets.", ports, port_label,
           [](const PortStatus& port) { return uint64_t{port.hardware_timestamps}; });
}

void put_tasks(const std::vector<TaskStatus>& tasks, Exposition& out) {
  const auto task_label = [](const TaskStatus& task) { return label("task", task.name); };
  const auto facts = [](const TaskStatus& task) {
    return absl::StrCat(label("task", task.name), ",", label("kind", task.kind), ",",
                        label("derived", task.derived ? "true" : "false"));
  };
  std::vector<TaskStatus> exact, tables;
  for (const TaskStatus& task : tasks) {
    if (task.kind != "exact") continue;
    exact.push_back(task);
    if (!task.derived) tables.push_back(task);
  }
  out.each("task_info", "gauge",
           "A task's kind, and whether it is computed from another's records; always 1.", tasks, facts,
           [](const TaskStatus&) { return uint64_t{1}; });
  out.each("task_records", "gauge", "Records of an exact task in the last period, over all workers.", exact,
           task_label, [](const TaskStatus& task) { return task.last_records; });
  out.each("task_capacity_records", "gauge", "Room for records of an exact task, of one worker.", tables,
           task_label, [](const TaskStatus& task) { return task.capacity; });
  out.each("task_peak_records", "gauge", "Records of the fullest worker in the last period.", tables,
           task_label, [](const TaskStatus& task) { return task.peak_records; });
  out.each("task_overflow_packets_total", "counter", "Packets of flows for which the task had no room.",
           tables, task_label, [](const TaskStatus& task) { return task.overflow_packets; });
}

void put_nats(const PublisherStats& nats, Exposition& out) {
  out.gauge("nats_connected", "1 while NATS can be reached.", uint64_t{nats.connected});
  out.counter("nats_published_messages_total", "Messages that NATS acknowledged.", nats.published);
  out.counter("nats_published_bytes_total", "Their bytes.", nats.published_bytes);
  out.gauge("nats_queued_messages", "Messages in memory alone, not acknowledged.", nats.queued);
  out.gauge("nats_queued_bytes", "Their bytes.", nats.queued_bytes);
  out.gauge("nats_spooled_messages", "Messages on disk, not acknowledged.", nats.spooled);
  out.gauge("nats_spooled_bytes", "Their bytes.", nats.spooled_bytes);
  out.counter("nats_retries_total", "Messages sent again.", nats.retries);
  out.counter("nats_dropped_messages_total", "Messages given up because queue and spool were full.",
              nats.dropped);
  out.counter("nats_dropped_epochs_total", "Epochs that they belonged to.", nats.dropped_epochs);
}

}  // namespace

std::string metrics_text(const ProbeStatus& status) {
  Exposition out("netspectra_probe_");
  put_probe(status, out);
  put_workers(status.workers, out);
  put_ports(status.ports, out);
  put_tasks(status.tasks, out);
  if (status.publishes) put_nats(status.nats, out);
  return out.take();
}

}  // namespace netspectra

#include "telemetry/telemetry_commands.h"

#include <rte_telemetry.h>

#include <algorithm>
#include <cstring>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "telemetry/label_text.h"

namespace netspectra {
namespace {

// DPDK's 16 KiB for an answer hold that many of the largest: a name of 64, four figures of 20 digits.
constexpr size_t kListedTasks = 60;

const StatusBoard* board_of_process = nullptr;  // DPDK's callbacks take no argument of their own

void put(rte_tel_data* dict, const char* name, uint64_t value) {
  rte_tel_data_add_dict_u64(dict, name, value);
}

void put(rte_tel_data* dict, const char* name, const std::string& value) {
  rte_tel_data_add_dict_string(dict, name, label_text(value).c_str());
}

// `dict` owns what it takes; what it refuses is freed here.
void put_container(rte_tel_data* dict, const char* name, rte_tel_data* inner) {
  if (rte_tel_data_add_dict_container(dict, name, inner, 0) != 0) rte_tel_data_free(inner);
}

template <class Fill>
void put_dict(rte_tel_data* dict, const char* name, Fill fill) {
  rte_tel_data* const inner = rte_tel_data_alloc();
  if (inner == nullptr) return;
  rte_tel_data_start_dict(inner);
  fill(inner);
  put_container(dict, name, inner);
}

void put_counts(rte_tel_data* dict, const char* name, const WorkerStatus::Counts& counts) {
  put_dict(dict, name, [&](rte_tel_data* inner) {
    const SourceStats& source = counts.source;
    put(inner, "rx_packets", counts.rx_packets);
    put(inner, "rx_bytes", counts.rx_bytes);
    put(inner, "ip_packets", counts.ip_packets);
    put(inner, "not_ip", counts.not_ip);
    put(inner, "malformed", counts.malformed);
    put(inner, "overflow_packets", counts.overflow_packets);
    put(inner, "received", source.received);
    source.each_loss([&](const char* reason, uint64_t packets) { put(inner, reason, packets); });
    put(inner, "epoch_overruns", source.epoch_overruns);
    put(inner, "busy_ns", source.busy_ns);
    put(inner, "total_ns", source.total_ns);
    rte_tel_data* const polls = rte_tel_data_alloc();
    if (polls == nullptr) return;
    rte_tel_data_start_array(polls, RTE_TEL_U64_VAL);
    for (const uint64_t count : source.polls) rte_tel_data_add_array_u64(polls, count);
    put_container(inner, "polls", polls);
  });
}

void put_nats(rte_tel_data* dict, const PublisherStats& nats) {
  put_dict(dict, "nats", [&](rte_tel_data* inner) {
    put(inner, "connected", nats.connected);
    put(inner, "published", nats.published);
    put(inner, "published_bytes", nats.published_bytes);
    put(inner, "queued", nats.queued);
    put(inner, "queued_bytes", nats.queued_bytes);
    put(inner, "spooled", nats.spooled);
    put(inner, "spooled_bytes", nats.spooled_bytes);
    put(inner, "retries", nats.retries);
    put(inner, "dropped", nats.dropped);
    put(inner, "dropped_epochs", nats.dropped_epochs);
  });
}

void put_all_workers(rte_tel_data* dict, const ProbeStatus& status) {
  put(dict, "version", status.version);
  put(dict, "site", status.site);
  put(dict, "probe", status.probe);
  put(dict, "run", status.run);
  put(dict, "period_ns", status.period_ns);
  put(dict, "epochs", status.epochs);
  put(dict, "last_epoch_start_ns", status.last_epoch_start_ns);
  put(dict, "last_elapsed_ns", static_cast<uint64_t>(status.last_elapsed_s * 1e9));
  put(dict, "workers", status.workers.size());
  put_counts(dict, "total", status.sum(&WorkerStatus::total));
  put_counts(dict, "last", status.sum(&WorkerStatus::last));
  if (status.publishes) put_nats(dict, status.nats);
}

void put_worker(rte_tel_data* dict, const WorkerStatus& worker, const std::vector<PortStatus>& ports) {
  put(dict, "port", worker.port);
  put(dict, "queue", worker.queue);
  rte_tel_data_add_dict_int(dict, "cpu", worker.cpu);
  put_counts(dict, "total", worker.total);
  put_counts(dict, "last", worker.last);
  const auto port =
      std::find_if(ports.begin(), ports.end(), [&](const auto& p) { return p.spec == worker.port; });
  if (port == ports.end()) return;
  put(dict, "driver", port->driver);
  put(dict, "link_up", port->link_up);
  put(dict, "link_mbps", port->link_mbps);
  put(dict, "rss", port->rss);
  put(dict, "hardware_timestamps", port->hardware_timestamps);
}

void put_task(rte_tel_data* dict, const TaskStatus& task) {
  put(dict, "name", task.name);
  put(dict, "kind", task.kind);
  put(dict, "derived", task.derived);
  if (task.kind != "exact") return;
  put(dict, "capacity", task.capacity);
  put(dict, "last_records", task.last_records);
  put(dict, "peak_records", task.peak_records);
  put(dict, "overflow_packets", task.overflow_packets);
}

// The element that `params` chooses, or nullptr, and then the answer says why.
template <class Element>
const Element* chosen(const char* params, const std::vector<Element>& of, const char* what,
                      rte_tel_data* answer) {
  uint64_t index = 0;
  if (absl::SimpleAtoi(params, &index) && index < of.size()) return &of[index];
  put(answer, "error",
      absl::StrCat("no ", what, " \"", params, "\": there are ", of.size(), ", counted from 0"));
  return nullptr;
}

bool given(const char* params) { return params != nullptr && *params != '\0'; }

int on_stats(const char*, const char* params, rte_tel_data* answer) {
  const ProbeStatus status = board_of_process->read();
  rte_tel_data_start_dict(answer);
  if (!given(params)) {
    put_all_workers(answer, status);
  } else if (const WorkerStatus* worker = chosen(params, status.workers, "worker", answer)) {
    put_worker(answer, *worker, status.ports);
  }
  return 0;
}

int on_tasks(const char*, const char* params, rte_tel_data* answer) {
  const std::vector<TaskStatus> tasks = board_of_process->read().tasks;
  rte_tel_data_start_dict(answer);
  if (given(params)) {
    if (const TaskStatus* task = chosen(params, tasks, "task", answer)) put_task(answer, *task);
    return 0;
  }
  put(answer, "tasks", tasks.size());
  for (size_t i = 0; i < std::min(tasks.size(), kListedTasks); ++i) {
    put_dict(answer, absl::StrCat(i).c_str(), [&](rte_tel_data* inner) { put_task(inner, tasks[i]); });
  }
  return 0;
}

}  // namespace

absl::Status register_telemetry_commands(const StatusBoard& board) {
  board_of_process = &board;
  struct Command {
    const char* name;
    telemetry_cb answer;
    const char* help;
  };
  for (const Command& command :
       {Command{"/netspectra/stats", on_stats,
                "What was measured and lost, over all workers. Parameters: int worker"},
        Command{"/netspectra/tasks", on_tasks,
                "The tasks and how full their tables are. Parameters: int task"}}) {
    const int error = rte_telemetry_register_cmd(command.name, command.answer, command.help);
    if (error < 0) {
      return absl::InternalError(
          absl::StrCat("DPDK telemetry refused the command ", command.name, ": ", std::strerror(-error)));
    }
  }
  return absl::OkStatus();
}

}  // namespace netspectra

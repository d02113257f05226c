#include "status_keeper.h"

#include <algorithm>
#include <utility>

#include "task/task_words.h"

namespace netspectra {
namespace {

std::vector<TaskStatus> tasks_of(const TaskPlan& plan) {
  std::vector<TaskStatus> tasks;
  for (size_t i = 0; i < plan.tasks.size(); ++i) {
    const TaskConfig& task = plan.tasks[i];
    tasks.push_back({.name = task.name,
                     .kind = kind_name(task.kind),
                     .derived = plan.derived(i),
                     .capacity = task.kind == TaskKind::kExact ? task.capacity : 0});
  }
  return tasks;
}

}  // namespace

StatusKeeper::StatusKeeper(const ProbeOptions& options, uint64_t run, std::vector<WorkerStatus> workers,
                           const TaskPlan& plan) {
  status_.version = NETSPECTRA_VERSION;
  status_.site = options.site;
  status_.probe = options.probe_id;
  status_.run = run;
  status_.period_ns = options.period_ns;
  status_.publishes = options.sink == ProbeSink::kNats;
  status_.workers = std::move(workers);
  status_.tasks = tasks_of(plan);
}

void StatusKeeper::add(const EpochPart& part) {
  Epoch& epoch = open_[part.start_ns];
  epoch.workers.resize(status_.workers.size());
  if (epoch.tasks.empty()) epoch.tasks = tasks_of(*part.plan);
  epoch.end_ns = std::max(epoch.end_ns, part.end_ns);
  count(part, epoch);
}

void StatusKeeper::count(const EpochPart& part, Epoch& epoch) const {
  const Ledger& ledger = part.ledger;
  WorkerStatus::Counts counts = {.rx_packets = ledger.rx_packets,
                                 .rx_bytes = ledger.rx_bytes,
                                 .ip_packets = ledger.ip_packets,
                                 .not_ip = ledger.not_ip(),
                                 .malformed = ledger.malformed(),
                                 .source = part.source};
  for (size_t i = 0; i < part.measured.size(); ++i) {
    counts.overflow_packets += part.measured[i].overflow.packets;
    const size_t index = part.plan->measured[i];
    if (index >= epoch.tasks.size()) continue;  // the tasks were changed within the epoch
    TaskStatus& task = epoch.tasks[index];
    task.last_records += part.measured[i].records.size();
    task.peak_records = std::max<uint64_t>(task.peak_records, part.measured[i].records.size());
    task.overflow_packets += part.measured[i].overflow.packets;
  }
  epoch.workers[part.worker] += counts;
}

void StatusKeeper::finish_before(uint64_t watermark_ns, const std::function<void(ProbeStatus&)>& on_period) {
  while (!open_.empty() && open_.begin()->first < watermark_ns) {
    const auto node = open_.extract(open_.begin());
    const Epoch& epoch = node.mapped();
    for (size_t i = 0; i < status_.workers.size(); ++i) {
      status_.workers[i].last = epoch.workers[i];
      status_.workers[i].total += epoch.workers[i];
    }
    std::map<std::string, uint64_t> overflow_before;
    for (const TaskStatus& task : status_.tasks) overflow_before[task.name] = task.overflow_packets;
    status_.tasks = epoch.tasks;
    for (TaskStatus& task : status_.tasks) task.overflow_packets += overflow_before[task.name];
    status_.last_epoch_start_ns = node.key();
    status_.last_elapsed_s =
        epoch.end_ns == UINT64_MAX ? 0 : static_cast<double>(epoch.end_ns - node.key()) * 1e-9;
    ++status_.epochs;
    on_period(status_);
  }
}

}  // namespace netspectra

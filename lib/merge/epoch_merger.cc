#include "merge/epoch_merger.h"

#include <algorithm>
#include <utility>

#include "flow/record_sum.h"

namespace netspectra {
namespace {

bool ranks_before(const FlowRecord& a, const FlowRecord& b) {
  if (a.counters.bytes != b.counters.bytes) return a.counters.bytes > b.counters.bytes;
  return a.key < b.key;
}

std::vector<FlowRecord> merge_records(std::vector<TaskPart>& parts, KeyFields fields) {
  if (parts.size() == 1) return std::move(parts.front().records);
  std::vector<std::span<const FlowRecord>> records;
  for (const TaskPart& part : parts) records.push_back(part.records);
  return sum_records(records, fields);
}

}  // namespace

EpochMerger::EpochMerger(const TaskPlan& plan, uint64_t period_ns, uint64_t ranked)
    : plan_(plan), period_ns_(period_ns), ranked_(ranked) {}

void EpochMerger::add(EpochPart part) {
  Pending& pending = pending_[part.start_ns];
  pending.measured.resize(plan_.measured.size());
  pending.fallback.resize(plan_.fallback.size());
  pending.ledger.merge(part.ledger);
  for (size_t i = 0; i < part.measured.size(); ++i)
    pending.measured[i].push_back(std::move(part.measured[i]));
  for (size_t i = 0; i < part.fallback.size(); ++i)
    pending.fallback[i].push_back(std::move(part.fallback[i]));
}

void EpochMerger::emit_before(uint64_t watermark_ns, const OnEpoch& on_epoch) {
  while (!pending_.empty() && pending_.begin()->first < watermark_ns) {
    auto node = pending_.extract(pending_.begin());
    on_epoch(finish(node.key(), std::move(node.mapped())));
  }
}

void EpochMerger::emit_all(const OnEpoch& on_epoch) {
  while (!pending_.empty()) {
    auto node = pending_.extract(pending_.begin());
    on_epoch(finish(node.key(), std::move(node.mapped())));
  }
}

EpochResult EpochMerger::finish(uint64_t start_ns, Pending pending) const {
  EpochResult result;
  result.start_ns = start_ns;
  result.period_ns = period_ns_;
  result.ledger = pending.ledger;
  result.tasks.resize(plan_.tasks.size());
  for (size_t i = 0; i < plan_.tasks.size(); ++i) result.tasks[i].task = &plan_.tasks[i];

  for (size_t i = 0; i < plan_.measured.size(); ++i) {
    TaskResult& measured = result.tasks[plan_.measured[i]];
    if (measured.task->kind != TaskKind::kExact) continue;
    for (const TaskPart& part : pending.measured[i]) measured.overflow.merge(part.overflow);
    measured.records = merge_records(pending.measured[i], measured.task->fields);
  }
  const FlowCounters total = {.packets = result.ledger.ip_packets, .bytes = result.ledger.ip_bytes};
  size_t fallback = 0;
  for (size_t i = 0; i < plan_.tasks.size(); ++i) {
    TaskResult& task = result.tasks[i];
    const size_t by = plan_.measured_by[i];
    const TaskResult& source = result.tasks[plan_.measured[by]];
    if (task.task->kind == TaskKind::kExact) {
      if (!plan_.derived(i)) continue;
      task.records = sum_records(source.records, task.task->fields);
      task.overflow = source.overflow;
      continue;
    }
    const std::unique_ptr<Estimate> estimate = make_estimate(*task.task);
    if (plan_.derived(i)) estimate->add(source.records);
    for (const TaskPart& part : plan_.derived(i) ? pending.fallback[fallback++] : pending.measured[by]) {
      // Never fails: all parts are of one configuration, and so of one shape.
      if (part.estimate != nullptr) estimate->merge(*part.estimate).IgnoreError();
    }
    estimate->report(total, task);
  }
  for (TaskResult& task : result.tasks) rank(task.records);
  return result;
}

void EpochMerger::rank(std::vector<FlowRecord>& records) const {
  if (ranked_ == 0 || ranked_ >= records.size()) {
    std::sort(records.begin(), records.end(), ranks_before);
  } else {
    std::partial_sort(records.begin(), records.begin() + static_cast<ptrdiff_t>(ranked_), records.end(),
                      ranks_before);
  }
}

}  // namespace netspectra

#include "merge/epoch_merger.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
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

void note_fault(const TaskConfig& task, const absl::Status& status, EpochResult& result) {
  if (!status.ok()) result.faults.push_back(absl::StrCat(task.name, ": ", status.message()));
}

void rank(std::vector<FlowRecord>& records, uint64_t ranked) {
  if (ranked == 0 || ranked >= records.size()) {
    std::sort(records.begin(), records.end(), ranks_before);
  } else {
    std::partial_sort(records.begin(), records.begin() + static_cast<ptrdiff_t>(ranked), records.end(),
                      ranks_before);
  }
}

}  // namespace

void EpochParts::add(EpochPart part) {
  measured.resize(std::max(measured.size(), part.measured.size()));
  fallback.resize(std::max(fallback.size(), part.fallback.size()));
  ledger.merge(part.ledger);
  source += part.source;
  total.packets += part.ledger.ip_packets;
  total.bytes += part.ledger.ip_bytes;
  for (size_t i = 0; i < part.measured.size(); ++i) measured[i].push_back(std::move(part.measured[i]));
  for (size_t i = 0; i < part.fallback.size(); ++i) fallback[i].push_back(std::move(part.fallback[i]));
}

EpochResult merge_parts(const TaskPlan& plan, EpochParts parts, uint64_t ranked) {
  parts.measured.resize(plan.measured.size());
  parts.fallback.resize(plan.fallback.size());
  EpochResult result;
  result.ledger = parts.ledger;
  result.source = parts.source;
  result.tasks.resize(plan.tasks.size());
  for (size_t i = 0; i < plan.tasks.size(); ++i) result.tasks[i].task = &plan.tasks[i];

  for (size_t i = 0; i < plan.measured.size(); ++i) {
    TaskResult& measured = result.tasks[plan.measured[i]];
    if (measured.task->kind != TaskKind::kExact) continue;
    for (const TaskPart& part : parts.measured[i]) {
      measured.overflow.merge(part.overflow);
      note_fault(*measured.task, part.status, result);
    }
    measured.records = merge_records(parts.measured[i], measured.task->fields);
  }
  size_t fallback = 0;
  for (size_t i = 0; i < plan.tasks.size(); ++i) {
    TaskResult& task = result.tasks[i];
    const size_t by = plan.measured_by[i];
    const TaskResult& source = result.tasks[plan.measured[by]];
    if (plan.derived(i)) task.source = source.task;
    if (task.task->kind == TaskKind::kExact) {
      if (!plan.derived(i)) continue;
      task.records = sum_records(source.records, task.task->fields);
      task.overflow = source.overflow;
      continue;
    }
    const std::unique_ptr<Estimate> estimate = make_estimate(*task.task);
    bool measured = false;
    if (plan.derived(i)) estimate->add(source.records);
    for (const TaskPart& part : plan.derived(i) ? parts.fallback[fallback++] : parts.measured[by]) {
      absl::Status status = part.status;
      if (part.estimate != nullptr) {
        status.Update(estimate->merge(*part.estimate));
        measured = true;
      }
      note_fault(*task.task, status, result);
    }
    estimate->report(parts.total, task);
    if (measured) task.state = estimate->save();
  }
  for (TaskResult& task : result.tasks) rank(task.records, ranked);
  return result;
}

EpochMerger::EpochMerger(const TaskPlan& plan, uint64_t period_ns, uint64_t ranked)
    : plan_(plan), period_ns_(period_ns), ranked_(ranked) {}

void EpochMerger::add(EpochPart part) { pending_[part.start_ns].add(std::move(part)); }

void EpochMerger::emit_before(uint64_t watermark_ns, const OnEpoch& on_epoch) {
  while (!pending_.empty() && pending_.begin()->first < watermark_ns) emit_first(on_epoch);
}

void EpochMerger::emit_all(const OnEpoch& on_epoch) {
  while (!pending_.empty()) emit_first(on_epoch);
}

void EpochMerger::emit_first(const OnEpoch& on_epoch) {
  auto node = pending_.extract(pending_.begin());
  EpochResult result = merge_parts(plan_, std::move(node.mapped()), ranked_);
  result.start_ns = node.key();
  result.period_ns = period_ns_;
  on_epoch(std::move(result));
}

}  // namespace netspectra

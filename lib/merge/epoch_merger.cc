#include "merge/epoch_merger.h"

#include <algorithm>
#include <utility>

#include "flow/record_map.h"

namespace netspectra {
namespace {

bool ranks_before(const FlowRecord& a, const FlowRecord& b) {
  if (a.counters.bytes != b.counters.bytes) return a.counters.bytes > b.counters.bytes;
  return a.key < b.key;
}

std::vector<FlowRecord> merge_records(std::vector<TaskPart> parts) {
  if (parts.size() == 1) return std::move(parts.front().records);
  RecordMap map;
  size_t largest = 0;
  for (const TaskPart& part : parts) largest = std::max(largest, part.records.size());
  map.reserve(largest);
  for (const TaskPart& part : parts) {
    for (const FlowRecord& record : part.records) map.add(record.key, record.counters);
  }
  return map.take();
}

std::vector<FlowRecord> derive(const std::vector<FlowRecord>& source, KeyFields fields) {
  const KeyMask mask(fields);
  RecordMap map;
  for (const FlowRecord& record : source) map.add(mask.apply(record.key), record.counters);
  return map.take();
}

}  // namespace

EpochMerger::EpochMerger(const TaskPlan& plan, uint64_t period_ns, uint64_t ranked)
    : plan_(plan), period_ns_(period_ns), ranked_(ranked) {}

void EpochMerger::add(EpochPart part) {
  Pending& pending = pending_[part.start_ns];
  pending.parts.resize(plan_.measured.size());
  pending.ledger.merge(part.ledger);
  for (size_t i = 0; i < part.tasks.size(); ++i) pending.parts[i].push_back(std::move(part.tasks[i]));
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
  for (const TaskConfig& task : plan_.tasks) result.tasks.push_back({&task, {}, {}});
  for (size_t i = 0; i < plan_.measured.size(); ++i) {
    TaskResult& measured = result.tasks[plan_.measured[i]];
    for (const TaskPart& part : pending.parts[i]) measured.overflow.merge(part.overflow);
    measured.records = merge_records(std::move(pending.parts[i]));
  }
  for (size_t i = 0; i < plan_.tasks.size(); ++i) {
    if (!plan_.derived(i)) continue;
    const TaskResult& source = result.tasks[plan_.measured[plan_.measured_by[i]]];
    result.tasks[i].records = derive(source.records, plan_.tasks[i].fields);
    result.tasks[i].overflow = source.overflow;
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

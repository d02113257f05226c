#include "merge/part_joiner.h"

#include <algorithm>
#include <utility>

#include "flow/record_sum.h"

namespace netspectra {
namespace {

void join(TaskPart& to, TaskPart from, KeyFields fields) {
  if (to.records.empty()) {
    to.records = std::move(from.records);
  } else if (!from.records.empty()) {
    const std::span<const FlowRecord> both[] = {to.records, from.records};
    to.records = sum_records(both, fields);
  }
  to.overflow.merge(from.overflow);
  to.status.Update(from.status);
  if (to.estimate == nullptr) {
    to.estimate = std::move(from.estimate);
  } else if (from.estimate != nullptr) {
    to.status.Update(to.estimate->merge(*from.estimate));
  }
}

void join(EpochPart& to, EpochPart from) {
  to.end_ns = std::max(to.end_ns, from.end_ns);
  to.ledger.merge(from.ledger);
  to.source += from.source;
  const TaskPlan& plan = *to.plan;
  for (size_t i = 0; i < to.measured.size(); ++i) {
    join(to.measured[i], std::move(from.measured[i]), plan.tasks[plan.measured[i]].fields);
  }
  for (size_t i = 0; i < to.fallback.size(); ++i) {
    join(to.fallback[i], std::move(from.fallback[i]), plan.tasks[plan.fallback[i]].fields);
  }
}

}  // namespace

void PartJoiner::add(EpochPart part) {
  const auto [at, first] = held_.try_emplace({part.start_ns, part.worker});
  if (first) {
    at->second = std::move(part);
  } else {
    join(at->second, std::move(part));
  }
}

void PartJoiner::emit_before(uint64_t watermark_ns, const std::function<void(EpochPart)>& on_part) {
  while (!held_.empty() && held_.begin()->first.first < watermark_ns) {
    on_part(std::move(held_.extract(held_.begin()).mapped()));
  }
}

}  // namespace netspectra

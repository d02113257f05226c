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

EpochPart empty_part(const EpochPart& like, uint32_t worker) {
  EpochPart part;
  part.start_ns = like.start_ns;
  part.end_ns = like.end_ns;
  part.worker = worker;
  part.plan = like.plan;
  part.measured.resize(like.measured.size());
  part.fallback.resize(like.fallback.size());
  return part;
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

void PartJoiner::fill_in_before(uint64_t watermark_ns) {
  for (auto at = held_.begin(); at != held_.end() && at->first.first < watermark_ns;
       at = held_.upper_bound({at->first.first, UINT32_MAX})) {
    const EpochPart& first = at->second;
    for (uint32_t worker = 0; worker < workers_; ++worker) {
      const std::pair key(first.start_ns, worker);
      if (!held_.contains(key)) held_.emplace(key, empty_part(first, worker));
    }
  }
}

void PartJoiner::emit_before(uint64_t watermark_ns, const std::function<void(EpochPart)>& on_part) {
  fill_in_before(watermark_ns);
  while (!held_.empty() && held_.begin()->first.first < watermark_ns) {
    on_part(std::move(held_.extract(held_.begin()).mapped()));
  }
}

}  // namespace netspectra

// Sealed parts -> one result per epoch, with the derived tasks computed.
//
// Purpose: collects the parts of each epoch from all workers, in any order, and emits the epoch once nothing
//   more of it can come. Records and estimates merge in any order with the same result.
// Threads: one thread (the control core).
// Ownership: keeps the parts until their epoch is emitted; borrows the plan, which must outlive the results.
// Cost: with one part per epoch a move; otherwise, and for each derived task, one sum_records().
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <vector>

#include "merge/epoch_result.h"
#include "task/epoch_part.h"
#include "task/task_plan.h"

namespace netspectra {

// All that came of one epoch. Its total is what thresholds by share refer to: more than the ledger's where part of the
// epoch was written before.
struct EpochParts {
  Ledger ledger;
  SourceStats source;
  std::vector<std::vector<TaskPart>> measured;  // by task, in the order of TaskPlan::measured
  std::vector<std::vector<TaskPart>> fallback;  // likewise
  FlowCounters total;

  void add(EpochPart part);  // `total` grows with its ledger
};

// REQUIRES: `plan` outlives the result. `ranked`: as EpochMerger's.
EpochResult merge_parts(const TaskPlan& plan, EpochParts parts, uint64_t ranked);

class EpochMerger {
 public:
  using OnEpoch = std::function<void(EpochResult)>;

  // `ranked`: how many records of each task are to stand in order at the front; 0 = all.
  EpochMerger(const TaskPlan& plan, uint64_t period_ns, uint64_t ranked);

  void add(EpochPart part);
  // Emits every epoch that starts before `watermark_ns`, the earliest first.
  void emit_before(uint64_t watermark_ns, const OnEpoch& on_epoch);
  void emit_all(const OnEpoch& on_epoch);

 private:
  void emit_first(const OnEpoch& on_epoch);

  const TaskPlan& plan_;
  const uint64_t period_ns_;
  const uint64_t ranked_;
  std::map<uint64_t, EpochParts> pending_;  // by start
};

}  // namespace netspectra

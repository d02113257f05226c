// What one worker hands over for one epoch: its books and every measuring task's yield.
//
// Shapes: one part per task that the worker runs, in the orders of TaskPlan::measured and fallback. A delta: several parts
//   of one epoch from one worker add up (packets that came late, a file read after another).
// Threads: plain data.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/ledger.h"
#include "base/source_stats.h"
#include "task/task.h"
#include "task/task_plan.h"

namespace netspectra {

struct EpochPart {
  uint64_t start_ns = 0;
  uint64_t end_ns = 0;  // exclusive; later than a period after the start where the epoch was extended
  uint32_t worker = 0;
  std::shared_ptr<const TaskPlan> plan;  // that it was measured by
  Ledger ledger;
  SourceStats source;
  std::vector<TaskPart> measured;
  std::vector<TaskPart> fallback;
};

}  // namespace netspectra

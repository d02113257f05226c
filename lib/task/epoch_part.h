// What one worker hands over for one epoch: its books and every measuring task's yield.
//
// Shapes: one part per task that the worker runs, in the orders of TaskPlan::measured and fallback. A delta: several parts
//   of one epoch from one worker add up (packets that came late, a file read after another).
// Threads: plain data.
#pragma once

#include <cstdint>
#include <vector>

#include "base/ledger.h"
#include "task/task.h"

namespace netspectra {

struct EpochPart {
  uint64_t start_ns = 0;
  Ledger ledger;
  std::vector<TaskPart> measured;
  std::vector<TaskPart> fallback;
};

}  // namespace netspectra

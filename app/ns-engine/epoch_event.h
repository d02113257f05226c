// A stored epoch, as those hear of it who listen to /api/v1/live.
//
// Shape: docs/query-api.md, "Live events". Threads: pure. Cost: some microseconds, and one pass over the measured exact
//   task's records.
#pragma once

#include <string>

#include "merge/epoch_result.h"
#include "task/task_plan.h"

namespace netspectra {

std::string epoch_event(const EpochResult& result, const TaskPlan& plan);

}  // namespace netspectra

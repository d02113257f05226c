// The tasks that are measured: what a user configures who wants one of each.
#pragma once

#include <cstdint>
#include <vector>

#include "merge/epoch_result.h"
#include "task/epoch_part.h"
#include "task/task_config.h"
#include "task/task_plan.h"

namespace netspectra::bench {

TaskConfig exact_five_tuple(uint64_t flows);  // with room for twice as many
TaskConfig heavy_hitters(KeyField field);
TaskConfig super_spreader(KeyField field, KeyField element);
TaskConfig cardinality();

// Without the exact task every packet meets all five.
std::vector<TaskConfig> estimators();
// One of each. The estimators are derived: they meet no packet while the exact table has room.
std::vector<TaskConfig> everything(uint64_t flows);

// What all of them have measured; they are empty afterwards.
EpochPart drain_all(const WorkerTasks& tasks);
// The result of an epoch of these parts.
EpochResult merge_parts(const TaskPlan& plan, std::vector<EpochPart> parts);

}  // namespace netspectra::bench

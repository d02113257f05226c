// Which tasks the workers run, and which are derived from those.
//
// Purpose: an exact task whose fields are a subset of another exact task's fields is computed on the control
//   core from that task's records: exactly, and at no cost to the workers. Ten tasks over the five-tuple's
//   fields cost what the five-tuple costs.
// Threads: set-up only; immutable afterwards.
#pragma once

#include <cstddef>
#include <vector>

#include "task/task_config.h"

namespace netspectra {

struct TaskPlan {
  std::vector<TaskConfig> tasks;    // as configured
  std::vector<size_t> measured;     // indices into `tasks` of those that the workers run
  std::vector<size_t> measured_by;  // for each of `tasks`: index into `measured` of its source
  bool derived(size_t task) const { return measured[measured_by[task]] != task; }
};

TaskPlan plan_tasks(std::vector<TaskConfig> tasks);

}  // namespace netspectra

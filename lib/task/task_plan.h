// Which tasks the workers run, and which are derived from those.
//
// Purpose: a task whose fields (and elements) are a subset of an exact task's fields is computed on the control
//   core from that task's records: exactly, and at no cost to the workers. Ten tasks over the five-tuple's
//   fields cost what the five-tuple costs. A worker feeds the estimators among the derived tasks only what the
//   exact task found no room for: exact as long as memory lasts, estimates after that.
// Threads: set-up only; immutable afterwards.
#pragma once

#include <cstddef>
#include <vector>

#include "task/task_config.h"

namespace netspectra {

struct TaskPlan {
  std::vector<TaskConfig> tasks;    // as configured
  std::vector<size_t> measured;     // indices into `tasks` of those that see every packet
  std::vector<size_t> fallback;     // indices into `tasks` of the derived estimators
  std::vector<size_t> measured_by;  // for each of `tasks`: index into `measured` of its source
  bool derived(size_t task) const { return measured[measured_by[task]] != task; }
};

TaskPlan plan_tasks(std::vector<TaskConfig> tasks);

}  // namespace netspectra

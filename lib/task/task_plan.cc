#include "task/task_plan.h"

#include <utility>

namespace netspectra {
namespace {

// Whether `coarse` can be computed from `fine`. Of two exact tasks with the same fields the first measures.
bool covers(const std::vector<TaskConfig>& tasks, size_t fine, size_t coarse) {
  if (fine == coarse || tasks[fine].kind != TaskKind::kExact) return false;
  const KeyFields needed = tasks[coarse].fields | tasks[coarse].elements;
  if (tasks[coarse].kind == TaskKind::kExact && needed == tasks[fine].fields) return fine < coarse;
  return needed.subset_of(tasks[fine].fields);
}

}  // namespace

TaskPlan plan_tasks(std::vector<TaskConfig> tasks) {
  TaskPlan plan;
  for (size_t task = 0; task < tasks.size(); ++task) {
    bool covered = false;
    for (size_t other = 0; other < tasks.size(); ++other) covered |= covers(tasks, other, task);
    if (!covered) plan.measured.push_back(task);
  }
  for (size_t task = 0; task < tasks.size(); ++task) {
    size_t by = 0;
    while (plan.measured[by] != task && !covers(tasks, plan.measured[by], task)) ++by;
    plan.measured_by.push_back(by);
    if (plan.measured[by] != task && tasks[task].kind != TaskKind::kExact) plan.fallback.push_back(task);
  }
  plan.tasks = std::move(tasks);
  return plan;
}

}  // namespace netspectra

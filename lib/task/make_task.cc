// The list of task kinds.
#include "absl/strings/str_cat.h"
#include "task/cardinality_task.h"
#include "task/exact_task.h"
#include "task/heavy_hitters_task.h"
#include "task/super_spreader_task.h"
#include "task/task.h"

namespace netspectra {
namespace {

absl::StatusOr<std::unique_ptr<Task>> make_task(const TaskConfig& config) {
  switch (config.kind) {
    case TaskKind::kExact:
      return ExactTask::create(config);
    case TaskKind::kHeavyHitters:
      return HeavyHittersTask::create(config);
    case TaskKind::kSuperSpreader:
      return SuperSpreaderTask::create(config);
    case TaskKind::kCardinality:
      return CardinalityTask::create(config);
  }
  return absl::InternalError("unknown kind of task");
}

absl::Status make_tasks(const TaskPlan& plan, const std::vector<size_t>& which,
                        std::vector<std::unique_ptr<Task>>& made) {
  for (size_t task : which) {
    absl::StatusOr<std::unique_ptr<Task>> one = make_task(plan.tasks[task]);
    if (!one.ok()) {
      return absl::Status(one.status().code(),
                          absl::StrCat("task ", plan.tasks[task].name, ": ", one.status().message()));
    }
    made.push_back(*std::move(one));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<WorkerTasks> make_worker_tasks(const TaskPlan& plan) {
  WorkerTasks tasks;
  absl::Status status = make_tasks(plan, plan.measured, tasks.measured);
  status.Update(make_tasks(plan, plan.fallback, tasks.fallback));
  if (!status.ok()) return status;
  for (size_t i = 0; i < plan.fallback.size(); ++i) {
    Task& source =
        *tasks.measured[plan.measured_by[plan.fallback[i]]];  // exact: only such a task covers another
    static_cast<ExactTask&>(source).feed_overflow_to(*tasks.fallback[i]);
  }
  return tasks;
}

std::unique_ptr<Estimate> make_estimate(const TaskConfig& config) {
  switch (config.kind) {
    case TaskKind::kExact:
      break;
    case TaskKind::kHeavyHitters:
      return make_heavy_hitters_estimate(config);
    case TaskKind::kSuperSpreader:
      return make_super_spreader_estimate(config);
    case TaskKind::kCardinality:
      return make_cardinality_estimate(config);
  }
  return nullptr;
}

absl::StatusOr<std::unique_ptr<Estimate>> restore_estimate(const TaskConfig& config,
                                                           std::span<const std::byte> state) {
  std::unique_ptr<Estimate> estimate = make_estimate(config);
  if (estimate == nullptr) return absl::InvalidArgumentError("an exact task has no estimate");
  if (absl::Status taken = estimate->take_saved(state); !taken.ok()) return taken;
  return estimate;
}

}  // namespace netspectra

#include "task/exact_task.h"
#include "task/task.h"

namespace netspectra {

absl::StatusOr<std::unique_ptr<Task>> make_task(const TaskConfig& config) {
  switch (config.kind) {
    case TaskKind::kExact:
      return ExactTask::create(config);
  }
  return absl::InternalError("unknown kind of task");
}

}  // namespace netspectra

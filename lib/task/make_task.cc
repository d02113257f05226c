#include "task/exact_task.h"
#include "task/task.h"

namespace netspectra {

absl::StatusOr<std::unique_ptr<Task>> make_task(const TaskConfig& config, uint64_t initial) {
  switch (config.kind) {
    case TaskKind::kExact:
      return ExactTask::create(config, initial);
  }
  return absl::InternalError("unknown kind of task");
}

}  // namespace netspectra

#include "task/exact_task.h"

#include "absl/strings/str_cat.h"

namespace netspectra {

absl::StatusOr<std::unique_ptr<ExactTask>> ExactTask::create(const TaskConfig& config) {
  absl::StatusOr<FlowTable> table = FlowTable::create(config.fields, config.capacity);
  if (!table.ok()) {
    return absl::Status(table.status().code(),
                        absl::StrCat("capacity ", config.capacity, ": ", table.status().message()));
  }
  return std::unique_ptr<ExactTask>(new ExactTask(*std::move(table)));
}

void ExactTask::pass_on(const Burst& overflow) {
  for (Task* task : fallback_) task->update(overflow);
}

TaskPart ExactTask::drain() {
  TaskPart part;
  table_.drain(part.records);
  part.overflow = table_.overflow();
  table_.reset();
  return part;
}

}  // namespace netspectra

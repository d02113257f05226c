#include "task/exact_task.h"

#include "absl/strings/str_cat.h"

namespace netspectra {

absl::StatusOr<std::unique_ptr<Task>> ExactTask::create(const TaskConfig& config) {
  absl::StatusOr<FlowTable> table = FlowTable::create(config.fields, config.capacity);
  if (!table.ok()) {
    return absl::Status(table.status().code(), absl::StrCat("task ", config.name, ", capacity ",
                                                            config.capacity, ": ", table.status().message()));
  }
  return std::unique_ptr<Task>(new ExactTask(*std::move(table)));
}

TaskPart ExactTask::drain() {
  TaskPart part;
  table_.drain(part.records);
  part.overflow = table_.overflow();
  table_.reset();
  return part;
}

}  // namespace netspectra

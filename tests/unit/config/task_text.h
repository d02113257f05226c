// A task in one line, as the command line takes it.
#pragma once

#include <string>

#include "config/task_spec.h"

namespace netspectra {

inline std::string task_text(const TaskConfig& task) {
  std::string text = task.name + "=" + kTaskKindNames[static_cast<size_t>(task.kind)];
  char separator = ':';
  for (size_t i = 0; i < kKeyFieldCount; ++i) {
    if (!task.fields.has(static_cast<KeyField>(i))) continue;
    text += separator + std::string(kKeyFieldNames[i]);
    separator = ',';
  }
  return task.capacity == 0 ? text : text + ":capacity=" + std::to_string(task.capacity);
}

}  // namespace netspectra

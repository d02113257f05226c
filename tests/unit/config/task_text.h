// A task in one line, as the command line takes it.
#pragma once

#include <string>

#include "config/task_options.h"
#include "task/task_words.h"

namespace netspectra {

inline std::string fields_text(const KeyFields& fields) {
  std::string text;
  for (size_t i = 0; i < kKeyFieldCount; ++i) {
    if (!fields.has(static_cast<KeyField>(i))) continue;
    text += (text.empty() ? "" : ",") + std::string(kKeyFieldNames[i]);
  }
  return text;
}

// Options only where they differ from what a task has without them; a share in millionths.
inline std::string task_text(const TaskConfig& task) {
  std::string text = task.name + "=" + kind_name(task.kind) + ":" + fields_text(task.fields);
  if (!task.elements.empty()) text += "/" + fields_text(task.elements);
  char separator = ':';
  const auto option = [&](bool given, const std::string& what) {
    if (!given) return;
    text += separator + what;
    separator = ',';
  };
  const Threshold& threshold = task.threshold;
  option(task.capacity != 0, "capacity=" + std::to_string(task.capacity));
  option(threshold.count != 0, "threshold=" + std::to_string(threshold.count));
  option(threshold.share_ppm != 0, "threshold=" + std::to_string(threshold.share_ppm) + "ppm");
  option(task.by != RankBy::kPackets, "by=bytes");
  option(task.memory_bytes != 0, "memory=" + std::to_string(task.memory_bytes));
  option(task.seed != 1, "seed=" + std::to_string(task.seed));
  return text;
}

}  // namespace netspectra

// The options that each kind of task takes.
//
// Shapes: docs/configuration.md, "Tasks".
// Errors: InvalidArgument, with a phrase that follows the option ("is not an option of exact (known: ...)").
// Threads: no state.
#pragma once

#include <array>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "task/task_config.h"

namespace netspectra {

// Of any kind.
inline constexpr std::array<const char*, 5> kTaskOptionNames = {"capacity", "threshold", "by", "memory",
                                                                "seed"};

inline bool takes_elements(TaskKind kind) { return kind == TaskKind::kSuperSpreader; }

absl::Status check_task_option(const std::string& option, TaskKind kind);
// REQUIRES check_task_option() of the task's kind.
absl::Status set_task_option(const std::string& option, const std::string& value, TaskConfig& task);

}  // namespace netspectra

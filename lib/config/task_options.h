// The kinds of task and the options that each of them takes.
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

inline constexpr std::array<const char*, kTaskKindCount> kTaskKindNames = {"exact", "heavy_hitters",
                                                                           "super_spreader", "cardinality"};
// Of any kind.
inline constexpr std::array<const char*, 5> kTaskOptionNames = {"capacity", "threshold", "by", "memory",
                                                                "seed"};

inline const char* kind_name(TaskKind kind) { return kTaskKindNames[static_cast<size_t>(kind)]; }
inline bool takes_elements(TaskKind kind) { return kind == TaskKind::kSuperSpreader; }

absl::Status check_task_option(const std::string& option, TaskKind kind);
// REQUIRES check_task_option() of the task's kind.
absl::Status set_task_option(const std::string& option, const std::string& value, TaskConfig& task);

}  // namespace netspectra

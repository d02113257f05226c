// The task language: what a configured measurement may be called and made of, at both doors.
//
// Shapes: NAME=KIND:FIELD,FIELD[/ELEMENT,ELEMENT][:option=value,...] on the command line; in a file the same
//   parts under the keys name, kind, fields and the options' own names.
// Errors: the set_*() fail with a phrase that follows the part ("is unknown (known: ...)"); a whole
//   specification gives one line for each mistake in it.
// Threads: set-up only.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "task/task_config.h"

namespace netspectra {

inline constexpr std::array<const char*, 1> kTaskKindNames = {"exact"};
inline constexpr std::array<const char*, 1> kTaskOptionNames = {"capacity"};

// Names become file names and subject tokens: no two tasks may share one.
absl::Status set_task_name(const std::string& name, const std::vector<TaskConfig>& others, TaskConfig& task);
absl::Status set_task_kind(const std::string& kind, TaskConfig& task);
absl::Status add_task_field(const std::string& field, TaskConfig& task);
absl::Status set_task_option(const std::string& option, const std::string& value, TaskConfig& task);

// Fills `task` and returns what is wrong with the specification, if anything.
std::vector<std::string> parse_task_spec(const std::string& spec, const std::vector<TaskConfig>& others,
                                         TaskConfig& task);

TaskConfig default_task();  // per_five_tuple: every flow, exactly

}  // namespace netspectra

// The task language: what a configured measurement may be called and made of, at both doors.
//
// Shapes: NAME=KIND:FIELD,FIELD[/ELEMENT,ELEMENT][:option=value,...] on the command line; in a file the same
//   parts under the keys name, kind, fields, elements and the options' own names (config/task_options.h).
// Errors: set_*() and add_task_*() fail with a phrase that follows the part ("is unknown (known: ...)"); a
//   whole specification gives one line for each mistake in it.
// Threads: set-up only.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "task/task_config.h"

namespace netspectra {

// Names become file names and subject tokens: no two tasks may share one.
absl::Status set_task_name(const std::string& name, const std::vector<TaskConfig>& others, TaskConfig& task);
absl::Status set_task_kind(const std::string& kind, TaskConfig& task);
absl::Status add_task_field(const std::string& field, TaskConfig& task);
absl::Status add_task_element(const std::string& element, TaskConfig& task);  // after the fields

// Adds the task, or the default ones, to `tasks`; returns what is wrong with the specification, if anything.
std::vector<std::string> add_task_spec(const std::string& spec, std::vector<TaskConfig>& tasks);

inline constexpr const char* kDefaultTasksWord = "default";  // names default_tasks() at both doors
// Flows, the largest and the most spreading sources and destinations, and how many flows there are.
std::vector<TaskConfig> default_tasks();
TaskConfig default_task();  // per_five_tuple: every flow, exactly

}  // namespace netspectra

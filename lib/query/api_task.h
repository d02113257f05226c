// A task by its name, as it was configured in the time that is asked about.
//
// Purpose: a task that was configured otherwise half-way is two tasks of one name. Where an answer would mix what does
//   not fit together, it is refused, with the time at which the other one begins.
// Threads: pure. Errors: NotFound: no such task, with those that there are; InvalidArgument: "task: ...".
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "query/source.h"

namespace netspectra {

// In the order of time; at least one.
absl::StatusOr<std::vector<StoredTask>> find_task(const std::vector<StoredTask>& all,
                                                  const std::string& name);

using SameTask = bool (*)(const TaskConfig& a, const TaskConfig& b);
bool same_kind(const TaskConfig& a, const TaskConfig& b);
bool same_rows(const TaskConfig& a, const TaskConfig& b);       // likewise, and the same fields
bool same_estimates(const TaskConfig& a, const TaskConfig& b);  // likewise, and estimates that can be merged

absl::Status check_unchanged(const std::vector<StoredTask>& configured, SameTask same);

// REQUIRES: of one kind. Whether all of them have these fields; `parameter` is who asks for them.
absl::Status check_fields(const std::vector<StoredTask>& configured, KeyFields fields,
                          const std::string& parameter);
absl::Status check_conditions(const std::vector<StoredTask>& configured, const std::vector<Condition>& where);

}  // namespace netspectra

// Which of a task's configurations can answer a question about its rows.
//
// Purpose: a task may have been configured otherwise within the time asked for. All configurations that have every field
//   of the question answer it; where none has, the error says what there is.
// Threads: pure. Errors: InvalidArgument.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "packet/flow_key.h"
#include "query/query.h"
#include "task/task_config.h"

namespace netspectra {

// What is asked of a task's rows, within a scope.
struct RowsQuestion {
  std::string task;
  KeyFields fields;  // that are grouped by, beside those of the conditions
  std::vector<Condition> where;
  bool exact_only = false;       // sums: only of an exact task's records
  std::string exactly_known_to;  // as AggregateQuery's
};

// Places in `configurations`, which are the task's own, and not none.
absl::StatusOr<std::vector<size_t>> answering(const RowsQuestion& question,
                                              const std::vector<const TaskConfig*>& configurations);

}  // namespace netspectra

// Estimates of many epochs and probes, merged into one.
//
// Purpose: what one worker would have found over all the traffic of the scope: the states that were stored, and the exact
//   records where an estimate follows from them alone, go into one Estimate by the code that merges workers. So what is
//   known exactly stays exact, and nothing depends on the order or on how epochs and probes cut the traffic.
// Shapes: of the result the list of the task's kind, with threshold and standard_error; a share is of the IP packets or
//   bytes of the epochs that went in: not of those whose rows have expired, which only the ledger still has.
// Threads: one. Ownership: the result borrows `query.task`.
// Errors: InvalidArgument: a threshold below the task's own; DataLoss: a state that cannot be restored, with its epoch;
//   ResourceExhausted: more exact records than `rows_left`; else the source's.
// Cost: states: their size; exact records: about 0.3 us and, for a time, 240 bytes each, beside the source's.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "query/source.h"
#include "task/task_result.h"

namespace netspectra {

struct TopQuery {
  QueryScope scope;
  TaskConfig task;                        // an estimator
  std::vector<std::string> derived_from;  // exact tasks from which it is derived in the scope, each once
  Threshold threshold;                    // not set: the task's own
};

// `rows_left`: how many exact records may be read yet; lowered by those that were.
absl::StatusOr<TaskResult> merge_estimates(QuerySource& source, const TopQuery& query, uint64_t& rows_left);

}  // namespace netspectra

// The parameters of a question, read and checked.
//
// Shapes: docs/query-api.md, "Parameters". A cursor is OFFSET-FROM-TO: it carries the times, too, so that "-15m" is the
//   same quarter of an hour on every page.
// Threads: pure. Errors: NotFound: no such question; InvalidArgument: "PARAMETER: what is wrong".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "query/api.h"
#include "query/parse.h"
#include "query/query.h"
#include "task/task_config.h"

namespace netspectra {

enum class Question : uint8_t { kAggregate, kRecords, kTop, kTasks, kProbes };

struct QueryRequest {
  Question question = Question::kTasks;
  QueryScope scope;
  std::string task;             // "" only where the question is about none
  std::optional<KeyFields> by;  // empty: "none"
  std::vector<Condition> where;
  std::string order;  // "" = the default
  uint64_t limit = 0;
  uint64_t offset = 0;
  uint64_t bucket_ns = 0;
  Threshold threshold;  // not set: the task's own
};

absl::StatusOr<QueryRequest> parse_request(const std::string& path, const QueryParameters& parameters,
                                           uint64_t now_ns, const ApiLimits& limits);

// What `next` holds: where the page after `passed` rows begins.
std::string make_cursor(const QueryScope& scope, uint64_t passed);

// The error of a parameter that is wrong.
absl::Status wrong_parameter(const std::string& name, const std::string& why);
absl::Status wrong_parameter(const std::string& name, const absl::Status& why);

}  // namespace netspectra

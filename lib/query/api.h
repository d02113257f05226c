// The questions of /api/v1, answered: parameters in, JSON out. No HTTP here.
//
// Purpose: aggregate, records, top, tasks, probes. Every answer is {"rows":[...],"ledger":{...},"next":...}: no figure
//   without what is missing from it. `top` merges estimators over epochs and probes as the engine merges them over
//   workers: exactly, from their states and from exact records.
// Shapes: docs/query-api.md, docs/openapi.yaml.
// Threads: one thread for each source. Errors: InvalidArgument (400), NotFound (404), DeadlineExceeded (504),
//   Unavailable (503), ResourceExhausted (413: more than the limits allow), else 500.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "query/parse.h"
#include "query/source.h"

namespace netspectra {

struct ApiLimits {
  uint64_t default_rows = 100;
  uint64_t max_rows = 100'000;           // of one answer
  uint64_t max_merged_rows = 5'000'000;  // that `top` reads
  size_t max_answer_bytes = 64 << 20;
  std::chrono::milliseconds time{30'000};
};

// `path`: "aggregate", "records", "top", "tasks" or "probes"; NotFound where it is none of these.
// An unknown or repeated parameter is a mistake.
absl::StatusOr<std::string> answer_query(QuerySource& source, const std::string& path,
                                         const QueryParameters& parameters, uint64_t now_ns,
                                         const ApiLimits& limits);

}  // namespace netspectra

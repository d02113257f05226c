// A store in ClickHouse that is asked.
//
// Purpose: QuerySource over what open_clickhouse_store() writes; sums, order and limits are the server's
//   work.
// Consistency: a call is one to four queries; an epoch that is committed meanwhile may be in the later ones
//   only. No query sees a part of an epoch.
// Shapes: docs/store.md. Sums are modulo 2^64. Threads, errors: source.h, clickhouse_client.h; what takes the
//   server too long is DeadlineExceeded, what takes too much of its memory ResourceExhausted.
// Cost: about 5 ms a question, and docs/store.md's figures for rows. Memory: a row; of estimates 64 MiB of
//   states, or one.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "query/source.h"
#include "store/clickhouse_url.h"

namespace netspectra {

// The store must be there; nothing is made.
absl::StatusOr<std::unique_ptr<QuerySource>> open_clickhouse_source(const ClickHouseOptions& options);

}  // namespace netspectra

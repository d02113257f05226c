// A SQLite store that is asked.
//
// Purpose: QuerySource over the file that open_sqlite_store() writes, also while it is written, by this process or by
//   another. Partitions and tasks that come are found by themselves.
// Consistency: each call sees one state of the store. The file is opened to be read only; it must be there and be a
//   store. A file on a read-only disk is opened anew for each call, where it has no log.
// Shapes: docs/store.md, "Questions". Threads, errors: source.h; what SQLite says comes with the file's name.
// Cost: 1 ms, 10 us an epoch for the books; for rows 3 us an epoch and 0.4 us a row that is looked at. Memory: an
//   aggregate holds its sums (100 bytes each), records() one start's rows that are asked for (130 bytes each).
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "query/source.h"
#include "store/sqlite_store.h"

namespace netspectra {

// Of the options only the path counts.
absl::StatusOr<std::unique_ptr<QuerySource>> open_sqlite_source(const SqliteOptions& options);

}  // namespace netspectra

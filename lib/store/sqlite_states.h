// Estimators' states -> the table of the open partition, and back.
//
// Purpose: what it takes to merge an epoch's estimate with others later. It goes with the partition, as rows do.
// Shapes: docs/store.md, "States". A state is cut into blocks of kBlockBytes, each compressed by itself (zlib), so that
//   none is too large for SQLite or for memory; task_results holds the first one's number and how many they are.
// Ownership: must not outlive the connection. Threads: one thread. Errors: SqliteDb's; what is read back and is not as
//   it was written: DataLoss.
// Cost: 50 to 230 MB/s to write, 250 to 750 MB/s to read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "store/sqlite_db.h"

namespace netspectra {

struct SqliteStateRange {
  int64_t first_row = 1;
  int64_t row_count = 0;  // 0: there is no state
};

class SqliteStates {
 public:
  static constexpr size_t kBlockBytes = 64 << 20;

  static absl::StatusOr<SqliteStates> open(SqliteDb& db, int64_t partition);
  absl::StatusOr<SqliteStateRange> write(std::span<const std::byte> state);

 private:
  SqliteStatement last_row_, insert_;
};

absl::StatusOr<std::vector<std::byte>> read_sqlite_state(SqliteDb& db, int64_t partition,
                                                         SqliteStateRange range);

}  // namespace netspectra

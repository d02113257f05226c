// What is known of an epoch beside its rows: whose it is, the ledger, and each task's figures.
//
// Shapes: docs/store.md, "Books".
// Ownership: must not outlive the connection. Threads: one thread. Errors: SqliteDb's.
// Cost: about 0.1 ms an epoch.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "merge/epoch_result.h"
#include "store/sqlite_db.h"
#include "store/sqlite_rows.h"
#include "store/sqlite_states.h"

namespace netspectra {

class SqliteBooks {
 public:
  static absl::StatusOr<SqliteBooks> open(SqliteDb& db);

  absl::StatusOr<int64_t> source_id(const EpochOrigin& origin);
  absl::StatusOr<std::vector<EpochOrigin>> find(const EpochOrigin& epoch,
                                                uint64_t start_ns);  // as Store::find()
  absl::StatusOr<bool> has(const EpochResult& epoch, int64_t source);
  // The number under which the epoch's other rows stand.
  absl::StatusOr<int64_t> add(const EpochResult& epoch, int64_t source, uint64_t now_ns);
  absl::Status add_task(int64_t epoch, int64_t task, const TaskResult& result, int64_t partition,
                        SqliteRowRange rows, SqliteStateRange states);
  // Forgets the epochs that were stored before.
  absl::Status sweep(uint64_t stored_before_ns);

 private:
  absl::Status add_drops(int64_t id, const EpochResult& epoch);
  absl::Status add_notes(int64_t epoch, const std::string& kind, const std::vector<std::string>& texts);

  SqliteStatement find_source_, add_source_, find_epoch_, find_amendments_;
  SqliteStatement add_epoch_, last_epoch_;
  SqliteStatement add_drop_, add_ethertype_, add_note_, add_result_, oldest_kept_;
  SqliteStatement sweep_drops_, sweep_ethertypes_, sweep_notes_, sweep_results_, sweep_epochs_;
};

}  // namespace netspectra

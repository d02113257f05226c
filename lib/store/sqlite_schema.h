// The tables of a store in SQLite: made, checked, partitioned.
//
// Purpose: docs/store.md says what each table and column means; here is the SQL.
// Partitions: rows of keys and estimators' states go to tables of the partition that is open (records_7,
//   heavy_hitters_7, spreads_7, states_7). It goes by the time at which an epoch is stored, not by the epoch's own: the
//   number of partitions is then bounded whatever the clocks of probes and captures say. A partition is dropped as a
//   whole, once all in it is older than the retention.
// Threads: no state. Errors: SqliteDb's; a file that is not such a store is refused unchanged.
// Cost: dropping reads the tables' pages: 1.2 s/GB where they are cached, else the disk's speed. Deleting the rows
//   instead would write each page as well.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "store/sqlite_db.h"
#include "task/task_config.h"

namespace netspectra {

inline constexpr int64_t kSqliteApplicationId = 0x4e537063;  // "NSpc"; file(1) shows it
inline constexpr int64_t kSqliteSchemaVersion = 2;

struct RollupLevel {
  const char* name;  // of its tables: rollup_1m, rollup_1m_rest
  const char* view;
  uint64_t bucket_ns;
  uint64_t kept_retentions;  // for so many times the rows' retention
};
inline constexpr RollupLevel kRollupLevels[] = {{"rollup_1m", "minutes", 60'000'000'000, 8},
                                                {"rollup_1h", "hours", 3'600'000'000'000, 64}};
inline constexpr uint64_t kBooksKeptRetentions = 64;

// The tables that hold a kind of task's rows: "records" of "records_7", and their columns beside the key's.
struct SqliteRowKind {
  const char* table;
  TaskKind task_kind;
  const char* values;
};
inline constexpr SqliteRowKind kSqliteRowKinds[] = {
    {"records", TaskKind::kExact, "packets, bytes, first_seen_ns, last_seen_ns, tcp_flags"},
    {"heavy_hitters", TaskKind::kHeavyHitters, "packets, bytes, error_packets, error_bytes"},
    {"spreads", TaskKind::kSuperSpreader, "spread"},
};
// Null where the kind has no rows.
constexpr const SqliteRowKind* sqlite_row_kind(TaskKind kind) {
  for (const SqliteRowKind& rows : kSqliteRowKinds) {
    if (rows.task_kind == kind) return &rows;
  }
  return nullptr;
}

// Opens the store, or makes it in a new or empty file.
absl::StatusOr<SqliteDb> open_sqlite_schema(const std::string& path);
// Opens a store that is there, to read it (SqliteDb::open_to_read). Unavailable where it is still empty.
absl::StatusOr<SqliteDb> open_sqlite_schema_to_read(const std::string& path);

// Within a transaction of the caller's. The number of the partition that was begun.
absl::StatusOr<int64_t> begin_partition(SqliteDb& db, uint64_t now_ns);
absl::Status drop_partition(SqliteDb& db, int64_t partition);

}  // namespace netspectra

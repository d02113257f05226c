// A task's keys and their values -> the tables of the open partition.
//
// Purpose: the one place where it is fast or slow: nine tenths of an epoch are rows.
// Shapes: docs/store.md, "Rows". No index beside the row's number: the rows of a task and epoch stand together, and
//   task_results holds the first one's number and how many they are.
// Ownership: must not outlive the connection. Threads: one thread. Errors: SqliteDb's.
// Cost: about 1 us and 80 bytes a record.
#pragma once

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "store/sqlite_db.h"
#include "task/task_result.h"

namespace netspectra {

// A key as columns; a field that the task has not selected is empty. Borrows the key's addresses.
struct SqliteKey {
  SqliteKey(KeyFields fields, const FlowKey& key);
  std::optional<int64_t> ip_version;
  std::optional<Bytes> src_ip, dst_ip;
  std::optional<int64_t> src_port, dst_port, protocol, vlan;
};

struct SqliteRowRange {
  int64_t first_row = 1;
  int64_t row_count = 0;
};

class SqliteRows {
 public:
  static absl::StatusOr<SqliteRows> open(SqliteDb& db, int64_t partition);
  // All rows of the task's kind.
  absl::StatusOr<SqliteRowRange> write(const TaskResult& result);

 private:
  struct Table {
    SqliteStatement last_row;
    SqliteStatement insert;
  };
  template <class Record>
  static absl::StatusOr<SqliteRowRange> write_list(Table& table, KeyFields fields,
                                                   const std::vector<Record>& records);
  Table records_, heavy_hitters_, spreads_;
};

}  // namespace netspectra

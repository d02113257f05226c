// Tasks as rows of `tasks`: written once for each configuration, and read again.
//
// Shapes: docs/store.md, "Tasks". All that a task's results depend on tells two rows apart, also the exact task that it
//   is derived from, which follows from the other tasks. A capacity is not kept: results say what it left out.
// Ownership: must not outlive the connection. Threads: one thread. Errors: SqliteDb's; read_sqlite_tasks() also refuses
//   a kind or a field that this program does not know.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "store/sqlite_db.h"
#include "task/task_config.h"

namespace netspectra {

class SqliteTasks {
 public:
  static absl::StatusOr<SqliteTasks> open(SqliteDb& db);
  // `source`: the exact task that it is derived from, or null.
  absl::StatusOr<int64_t> id(const TaskConfig& task, const TaskConfig* source);

 private:
  SqliteStatement find_, add_;
};

struct SqliteTask {
  int64_t id = 0;
  TaskConfig config;
  std::string derived_from;  // "" = measured itself
};

// In the order in which they were first stored.
absl::StatusOr<std::vector<SqliteTask>> read_sqlite_tasks(SqliteDb& db);

}  // namespace netspectra

// A question's scope in SQLite's terms: which epochs, tasks and partitions there are for it.
//
// Purpose: the SQL over the books. An epoch is found by its start, a row by its epoch: nothing else is read.
// Shapes: docs/store.md. A time from 2^63 ns on is negative there: a scope is up to two ranges, the later one last.
// Ownership: borrows the connection; what it knows is true for the transaction that it was made in.
// Threads: one thread. Errors: SqliteDb's; NotFound: no task of that name.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "query/query.h"
#include "store/sqlite_db.h"
#include "store/sqlite_tasks.h"

namespace netspectra {

class SqliteScope {
 public:
  struct Origin {
    std::string site, probe;
  };

  static absl::StatusOr<SqliteScope> open(SqliteDb& db, const QueryScope& scope);

  // The epochs (e) with what is joined to them, in the order of time, then of source, run and amendment. Ends where
  // `on_row` returns false. `joined` and `conditions` (" AND ...") are SQL.
  absl::Status each_epoch(const std::string& columns, const std::string& joined,
                          const std::string& conditions,
                          const std::function<bool(const SqliteRow&)>& on_row) const;

  SqliteDb& db() const { return *db_; }
  const std::vector<SqliteTask>& tasks() const { return tasks_; }
  absl::StatusOr<std::vector<const SqliteTask*>> tasks_named(const std::string& name) const;
  const Origin& origin(int64_t source) const { return origins_.at(source); }
  bool has_partition(int64_t partition) const { return partitions_.contains(partition); }

 private:
  explicit SqliteScope(SqliteDb& db) : db_(&db) {}

  SqliteDb* db_;
  std::vector<std::pair<int64_t, int64_t>> starts_;  // first and last
  std::map<int64_t, Origin> origins_;                // those of the scope, by source
  std::string sources_;                              // SQL: " AND ..."
  std::vector<SqliteTask> tasks_;
  absl::flat_hash_set<int64_t> partitions_;
};

// "IN (1,2)"
std::string in_tasks(const std::vector<const SqliteTask*>& tasks);

}  // namespace netspectra

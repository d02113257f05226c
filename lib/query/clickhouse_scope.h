// A question's scope in ClickHouse's terms: SQL over the books, and which configurations of a task can
// answer.
//
// Purpose: rows are found by their task and start (the tables' order), and count where their attempt is that
//   of a committed epoch; a task's configuration stands with its epoch.
// Shapes: docs/store.md. All names come into SQL as hexadecimal literals.
// Threads: pure but for the client. Errors: the client's; NotFound: no such task; InvalidArgument: the task
//   has no such field, or no rows of that kind.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "query/answering.h"
#include "query/source.h"
#include "store/clickhouse_client.h"

namespace netspectra {

// "start_ns >= 1 AND start_ns <= 9"
std::string clickhouse_times(const QueryScope& scope);
// The condition on `epochs` under which one is committed and in the scope.
std::string clickhouse_epochs(const QueryScope& scope);
// A figure of one task in an epoch's arrays: "task_kind[indexOf(task_name, ...)]"; 0 or '' where it has not
// this task.
std::string of_task(const std::string& figure, const std::string& task);
// Whether an epoch's rows were there and are gone with their day.
std::string clickhouse_expired(const ClickHouseClient& client);

absl::StatusOr<std::vector<StoredTask>> clickhouse_tasks(ClickHouseClient& client, const QueryScope& scope);

struct ClickHouseRows {
  std::set<TaskKind> kinds;  // of the configurations that can answer
  // "task = ... AND start_ns ... AND attempt IN (...) AND (...)": the rows, in a table of one of these kinds.
  std::string where;
};

absl::StatusOr<ClickHouseRows> find_clickhouse_rows(ClickHouseClient& client, const QueryScope& scope,
                                                    const RowsQuestion& question);

// The configurations that the scope has of this name; where it has none, those that ever were.
absl::StatusOr<std::vector<StoredTask>> clickhouse_tasks_named(ClickHouseClient& client,
                                                               const QueryScope& scope,
                                                               const std::string& name);

}  // namespace netspectra

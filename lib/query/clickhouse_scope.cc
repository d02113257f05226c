#include "query/clickhouse_scope.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "query/sql.h"
#include "store/clickhouse_schema.h"
#include "task/task_words.h"

namespace netspectra {
namespace {

bool read_task(RowBinaryReader& row, StoredTask& task) {
  TaskConfig& c = task.config;
  c.name = std::string(row.text());
  const bool known = read_kind(row.text(), c.kind) & read_field_list(row.text(), c.fields) &
                     read_field_list(row.text(), c.elements);
  c.by = rank_named(row.text());
  c.threshold.count = row.u64();
  c.threshold.share_ppm = row.number<uint32_t>();
  c.memory_bytes = row.u64();
  c.seed = row.u64();
  task.derived_from = std::string(row.text());
  task.first_start_ns = row.u64();
  task.last_start_ns = row.u64();
  task.epochs = row.u64();
  task.rows = row.u64();
  return known;
}

std::string address_literal(const std::array<uint8_t, 16>& address) {
  return absl::StrCat("toFixedString(",
                      clickhouse_literal({reinterpret_cast<const char*>(address.data()), address.size()}),
                      ", 16)");
}

}  // namespace

std::string clickhouse_times(const QueryScope& scope) {
  if (scope.from_ns >= scope.to_ns) return "start_ns < 0";
  return absl::StrCat("start_ns >= ", scope.from_ns, " AND start_ns <= ", scope.to_ns - 1);
}

std::string clickhouse_epochs(const QueryScope& scope) {
  std::string where = clickhouse_times(scope);
  if (!scope.site.empty()) absl::StrAppend(&where, " AND site = ", clickhouse_literal(scope.site));
  if (!scope.probe.empty()) absl::StrAppend(&where, " AND probe = ", clickhouse_literal(scope.probe));
  return committed_epochs(where);
}

std::string of_task(const std::string& figure, const std::string& task) {
  return absl::StrCat("task_", figure, "[indexOf(task_name, ", clickhouse_literal(task), ")]");
}

std::string clickhouse_expired(const ClickHouseClient& client) {
  const std::string tables =
      absl::StrJoin(kClickHouseRowTables, "','",
                    [](std::string* out, const auto* table) { absl::StrAppend(out, table->name); });
  return absl::StrCat(
      "(arraySum(task_rows) + arraySum(task_state_bytes) > 0 AND toString(day) NOT IN "
      "(SELECT partition FROM system.parts WHERE active AND database = ",
      clickhouse_literal(client.options().database), " AND table IN ('", tables, "')))");
}

absl::StatusOr<std::vector<StoredTask>> clickhouse_tasks(ClickHouseClient& client, const QueryScope& scope) {
  constexpr const char* kColumns[] = {
      "name",         "kind", "fields",      "elements", "rank_by", "threshold_count", "threshold_share_ppm",
      "memory_bytes", "seed", "derived_from"};
  std::string list, joined;
  for (const char* column : kColumns) {
    absl::StrAppend(&list, list.empty() ? "" : ", ", "c_", column);
    absl::StrAppend(&joined, ", task_", column, " AS c_", column);
  }
  std::vector<StoredTask> tasks;
  absl::Status status = client.query(
      absl::StrCat(
          "SELECT ", list,
          ", min(start_ns) AS first_start, max(start_ns), "
          "uniqExact(site, probe, run, start_ns), sum(c_rows) FROM epochs ARRAY JOIN task_rows AS c_rows",
          joined, " WHERE ", clickhouse_epochs(scope), " GROUP BY ", list, " ORDER BY c_name, first_start, ",
          list),
      [&](RowBinaryReader& row) -> absl::Status {
        StoredTask task;
        const bool known = read_task(row, task);
        if (!row.whole()) return absl::OkStatus();
        tasks.push_back(std::move(task));
        if (known) return absl::OkStatus();
        return absl::FailedPreconditionError(
            absl::StrCat(client.options().name(), ": task '", tasks.back().config.name,
                         "' has a kind or a field that this program does not know"));
      });
  if (!status.ok()) return status;
  return tasks;
}

absl::StatusOr<std::vector<StoredTask>> clickhouse_tasks_named(ClickHouseClient& client,
                                                               const QueryScope& scope,
                                                               const std::string& name) {
  const auto named = [&](const QueryScope& in) {
    absl::StatusOr<std::vector<StoredTask>> tasks = clickhouse_tasks(client, in);
    std::set<std::string> names;
    if (!tasks.ok()) return std::make_pair(std::move(tasks), names);
    for (const StoredTask& task : *tasks) names.insert(task.config.name);
    std::erase_if(*tasks, [&](const StoredTask& task) { return task.config.name != name; });
    return std::make_pair(std::move(tasks), names);
  };
  auto [tasks, names] = named(scope);
  if (!tasks.ok() || !tasks->empty()) return tasks;
  std::tie(tasks, names) = named(QueryScope());
  if (!tasks.ok() || !tasks->empty()) return tasks;
  return absl::NotFoundError(absl::StrCat(
      "no task '", name, "'; there ",
      names.empty() ? std::string("is none") : absl::StrCat("are: ", absl::StrJoin(names, ", "))));
}

absl::StatusOr<ClickHouseRows> find_clickhouse_rows(ClickHouseClient& client, const QueryScope& scope,
                                                    const RowsQuestion& question) {
  const absl::StatusOr<std::vector<StoredTask>> named = clickhouse_tasks_named(client, scope, question.task);
  if (!named.ok()) return named.status();
  std::vector<const TaskConfig*> known;
  for (const StoredTask& task : *named) known.push_back(&task.config);
  const absl::StatusOr<std::vector<size_t>> places = answering(question, known);
  if (!places.ok()) return places.status();
  ClickHouseRows rows;
  std::set<std::string> configurations;
  for (const size_t place : *places) {
    const TaskConfig& task = *known[place];
    rows.kinds.insert(task.kind);
    configurations.insert(absl::StrCat("('", kind_name(task.kind), "','", field_list(task.fields), "')"));
  }
  std::string attempts = absl::StrCat("SELECT attempt FROM epochs WHERE ", clickhouse_epochs(scope), " AND (",
                                      of_task("kind", question.task), ", ", of_task("fields", question.task),
                                      ") IN (", absl::StrJoin(configurations, ","), ")");
  if (!question.exactly_known_to.empty()) {
    const auto estimators = clickhouse_tasks_named(client, scope, question.exactly_known_to);
    if (!estimators.ok()) return estimators.status();
    absl::StrAppend(&attempts, " AND ", of_task("derived_from", question.exactly_known_to), " = ",
                    clickhouse_literal(question.task), " AND ",
                    of_task("state_bytes", question.exactly_known_to), " = 0");
  }
  rows.where =
      absl::StrCat("task = ", clickhouse_literal(question.task), " AND ", clickhouse_times(scope),
                   " AND attempt IN (", attempts, ")", conditions_sql(question.where, "", address_literal));
  return rows;
}

}  // namespace netspectra

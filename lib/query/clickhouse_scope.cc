#include "query/clickhouse_scope.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "query/sql.h"
#include "store/clickhouse_schema.h"
#include "task/task_words.h"

namespace netspectra {
namespace {

// What a question needs of a task, and what a task has. TCP flags are part of an exact task's records.
struct Fields {
  KeyFields key;
  bool tcp_flags = false;
  bool in(const Fields& other) const { return key.subset_of(other.key) && (!tcp_flags || other.tcp_flags); }
  std::vector<std::string> names() const {
    std::vector<std::string> names = field_names(key);
    if (tcp_flags) names.emplace_back("tcp_flags");
    return names;
  }
};

Fields fields_of(const TaskConfig& task) { return {task.fields, task.kind == TaskKind::kExact}; }

Fields needed_by(const ClickHouseRowsQuery& query) {
  Fields needed{query.fields, false};
  for (const Condition& condition : query.where) {
    if (condition.field == ConditionField::kTcpFlags) {
      needed.tcp_flags = true;
    } else {
      needed.key.add(static_cast<KeyField>(condition.field));
    }
  }
  return needed;
}

absl::Status wrong_fields(const std::string& task, const Fields& needed,
                          const std::vector<StoredTask>& configured) {
  std::set<std::string> each, all;
  for (const StoredTask& stored : configured) {
    const std::vector<std::string> names = fields_of(stored.config).names();
    each.insert(absl::StrJoin(names, ", "));
    all.insert(names.begin(), names.end());
  }
  std::vector<std::string> missing = needed.names();
  std::erase_if(missing, [&](const std::string& name) { return all.contains(name); });
  const std::string there = absl::StrJoin(each, "; ");
  if (missing.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("task '", task, "' never had ",
                                                   absl::StrJoin(needed.names(), ", "),
                                                   " together; it has had: ", there));
  }
  return absl::InvalidArgumentError(
      absl::StrCat("task '", task, "' has no field ", absl::StrJoin(missing, ", "), "; it has: ", there));
}

absl::Status wrong_kind(const ClickHouseRowsQuery& query, const TaskConfig& task) {
  return absl::InvalidArgumentError(absl::StrCat(
      "task '", query.task, "' is of kind ", kind_name(task.kind), ": ",
      query.exact_only ? "only the records of an exact task can be added up" : "it has no rows with keys"));
}

// Those of the configurations that can answer.
absl::StatusOr<std::vector<StoredTask>> answering(const ClickHouseRowsQuery& query,
                                                  std::vector<StoredTask> tasks) {
  const TaskConfig any = tasks.front().config;
  std::erase_if(tasks, [&](const StoredTask& task) {
    return query.exact_only ? task.config.kind != TaskKind::kExact
                            : task.config.kind == TaskKind::kCardinality;
  });
  if (tasks.empty()) return wrong_kind(query, any);
  const Fields needed = needed_by(query);
  std::vector<StoredTask> found = tasks;
  std::erase_if(found, [&](const StoredTask& task) { return !needed.in(fields_of(task.config)); });
  if (found.empty()) return wrong_fields(query.task, needed, tasks);
  return found;
}

bool read_task(RowBinaryReader& row, StoredTask& task) {
  TaskConfig& c = task.config;
  c.name = std::string(row.text());
  const bool known = read_kind(row.text(), c.kind) & read_field_list(row.text(), c.fields) &
                     read_field_list(row.text(), c.elements);
  c.by = row.text() == "bytes" ? RankBy::kBytes : RankBy::kPackets;
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

absl::StatusOr<ClickHouseRows> find_clickhouse_rows(ClickHouseClient& client,
                                                    const ClickHouseRowsQuery& query) {
  absl::StatusOr<std::vector<StoredTask>> named = clickhouse_tasks_named(client, query.scope, query.task);
  if (!named.ok()) return named.status();
  const absl::StatusOr<std::vector<StoredTask>> tasks = answering(query, *std::move(named));
  if (!tasks.ok()) return tasks.status();
  ClickHouseRows rows;
  std::set<std::string> configurations;
  for (const StoredTask& task : *tasks) {
    rows.kinds.insert(task.config.kind);
    configurations.insert(
        absl::StrCat("('", kind_name(task.config.kind), "','", field_list(task.config.fields), "')"));
  }
  std::string attempts =
      absl::StrCat("SELECT attempt FROM epochs WHERE ", clickhouse_epochs(query.scope), " AND (",
                   of_task("kind", query.task), ", ", of_task("fields", query.task), ") IN (",
                   absl::StrJoin(configurations, ","), ")");
  if (!query.exactly_known_to.empty()) {
    const auto estimators = clickhouse_tasks_named(client, query.scope, query.exactly_known_to);
    if (!estimators.ok()) return estimators.status();
    absl::StrAppend(&attempts, " AND ", of_task("derived_from", query.exactly_known_to), " = ",
                    clickhouse_literal(query.task), " AND ", of_task("state_bytes", query.exactly_known_to),
                    " = 0");
  }
  rows.where =
      absl::StrCat("task = ", clickhouse_literal(query.task), " AND ", clickhouse_times(query.scope),
                   " AND attempt IN (", attempts, ")", conditions_sql(query.where, "", address_literal));
  return rows;
}

}  // namespace netspectra

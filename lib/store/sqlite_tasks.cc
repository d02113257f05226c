#include "store/sqlite_tasks.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "task/task_words.h"

namespace netspectra {
namespace {

bool read_task(const SqliteRow& row, SqliteTask& task) {
  TaskConfig& c = task.config;
  task.id = row.number(0);
  c.name = row.bytes(1);
  if (!read_kind(row.bytes(2), c.kind) || !read_field_list(row.bytes(3), c.fields) ||
      !read_field_list(row.bytes(4), c.elements)) {
    return false;
  }
  c.by = rank_named(row.bytes(5));
  c.threshold = {row.bits(6), static_cast<uint32_t>(row.number(7))};
  c.memory_bytes = row.bits(8);
  c.seed = row.bits(9);
  task.derived_from = row.bytes(10);
  return true;
}

}  // namespace

absl::StatusOr<SqliteTasks> SqliteTasks::open(SqliteDb& db) {
  SqliteTasks tasks;
  absl::Status status = db.prepare(
      "SELECT id FROM tasks WHERE name = ?1 AND kind = ?2 AND fields = ?3 AND elements = ?4 AND rank_by = ?5 "
      "AND threshold = ?6 AND threshold_share_ppm = ?7 AND memory_bytes = ?8 AND seed = ?9 AND derived_from "
      "= "
      "?10",
      tasks.find_);
  if (status.ok()) {
    status = db.prepare(
        "INSERT INTO tasks(name, kind, fields, elements, rank_by, threshold, threshold_share_ppm, "
        "memory_bytes, seed, derived_from) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        tasks.add_);
  }
  if (!status.ok()) return status;
  return tasks;
}

absl::StatusOr<int64_t> SqliteTasks::id(const TaskConfig& task, const TaskConfig* source) {
  const std::string kind = kind_name(task.kind), fields = field_list(task.fields),
                    elements = field_list(task.elements), rank_by = rank_name(task),
                    derived_from = source == nullptr ? "" : source->name;
  const auto with_columns = [&](auto&& use) {
    return use(task.name, kind, fields, elements, rank_by, Bits{task.threshold.count},
               int64_t{task.threshold.share_ppm}, Bits{task.memory_bytes}, Bits{task.seed}, derived_from);
  };
  const auto find = [&](const auto&... columns) { return find_.number(0, columns...); };
  const absl::StatusOr<int64_t> found = with_columns(find);
  if (!found.ok() || *found != 0) return found;
  absl::Status status = with_columns([&](const auto&... columns) { return add_.run(columns...); });
  if (!status.ok()) return status;
  return with_columns(find);
}

absl::StatusOr<std::vector<SqliteTask>> read_sqlite_tasks(SqliteDb& db) {
  SqliteStatement all;
  absl::Status status = db.prepare(
      "SELECT id, name, kind, fields, elements, rank_by, threshold, threshold_share_ppm, memory_bytes, seed, "
      "derived_from FROM tasks ORDER BY id",
      all);
  if (!status.ok()) return status;
  std::vector<SqliteTask> tasks;
  std::string unknown;
  status = all.each([&](const SqliteRow& row) {
    SqliteTask task;
    if (!read_task(row, task)) unknown = task.config.name;
    tasks.push_back(std::move(task));
    return unknown.empty();
  });
  if (!status.ok()) return status;
  if (unknown.empty()) return tasks;
  return absl::FailedPreconditionError(absl::StrCat(
      db.path(), ": task '", unknown, "' has a kind or a field that this program does not know"));
}

}  // namespace netspectra

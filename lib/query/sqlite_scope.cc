#include "query/sqlite_scope.h"

#include <algorithm>
#include <limits>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace netspectra {
namespace {

constexpr uint64_t kSignBit = uint64_t{1} << 63;

std::vector<std::pair<int64_t, int64_t>> start_ranges(const QueryScope& scope) {
  std::vector<std::pair<int64_t, int64_t>> ranges;
  if (scope.from_ns >= scope.to_ns) return ranges;
  const uint64_t last = scope.to_ns - 1;
  if (scope.from_ns < kSignBit) ranges.emplace_back(scope.from_ns, std::min(last, kSignBit - 1));
  if (last >= kSignBit) ranges.emplace_back(std::max(scope.from_ns, kSignBit), last);
  return ranges;
}

}  // namespace

absl::StatusOr<SqliteScope> SqliteScope::open(SqliteDb& db, const QueryScope& scope) {
  SqliteScope s(db);
  s.starts_ = start_ranges(scope);
  SqliteStatement sources, partitions;
  absl::Status status = db.prepare("SELECT id, site, probe FROM sources", sources);
  if (!status.ok()) return status;
  status = sources.each([&](const SqliteRow& row) {
    Origin origin{row.bytes(1), row.bytes(2)};
    const bool in_scope = (scope.site.empty() || origin.site == scope.site) &&
                          (scope.probe.empty() || origin.probe == scope.probe);
    if (in_scope) s.origins_.emplace(row.number(0), std::move(origin));
  });
  if (!status.ok()) return status;
  // "+": by way of the start's index all the same.
  const auto add_id = [](std::string* out, const auto& origin) { absl::StrAppend(out, origin.first); };
  s.sources_ = absl::StrCat(" AND +e.source_id IN (", absl::StrJoin(s.origins_, ",", add_id), ")");
  absl::StatusOr<std::vector<SqliteTask>> tasks = read_sqlite_tasks(db);
  if (!tasks.ok()) return tasks.status();
  s.tasks_ = *std::move(tasks);
  if (status = db.prepare("SELECT id FROM partitions", partitions); !status.ok()) return status;
  status = partitions.each([&](const SqliteRow& row) { s.partitions_.insert(row.number(0)); });
  if (!status.ok()) return status;
  return s;
}

absl::Status SqliteScope::each_epoch(const std::string& columns, const std::string& joined,
                                     const std::string& conditions,
                                     const std::function<bool(const SqliteRow&)>& on_row) const {
  SqliteStatement epochs;
  absl::Status status =
      db_->prepare(absl::StrCat("SELECT ", columns, " FROM epochs e INDEXED BY epochs_by_start ", joined,
                                " WHERE e.start_ns BETWEEN ?1 AND ?2", sources_, conditions,
                                " ORDER BY e.start_ns, e.source_id, e.run, e.amendment"),
                   epochs);
  bool go_on = true;
  for (const auto& [first, last] : starts_) {
    if (!status.ok() || !go_on) break;
    status = epochs.each([&](const SqliteRow& row) { return go_on = on_row(row); }, first, last);
  }
  return status;
}

absl::StatusOr<std::vector<const SqliteTask*>> SqliteScope::tasks_named(const std::string& name) const {
  std::vector<const SqliteTask*> found;
  std::set<std::string> names;
  for (const SqliteTask& task : tasks_) {
    if (task.config.name == name) found.push_back(&task);
    names.insert(task.config.name);
  }
  if (!found.empty()) return found;
  return absl::NotFoundError(absl::StrCat(
      "no task '", name, "'; there ",
      names.empty() ? std::string("is none") : absl::StrCat("are: ", absl::StrJoin(names, ", "))));
}

std::string in_tasks(const std::vector<const SqliteTask*>& tasks) {
  return absl::StrCat(
      "IN (",
      absl::StrJoin(tasks, ",",
                    [](std::string* out, const SqliteTask* task) { absl::StrAppend(out, task->id); }),
      ")");
}

}  // namespace netspectra

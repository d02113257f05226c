#include "query/sqlite_pieces.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "query/sql.h"
#include "store/sqlite_schema.h"
#include "task/task_words.h"

namespace netspectra {
namespace {

// What a question needs of a task, and what a task has. TCP flags are part of an exact task's records.
struct Fields {
  KeyFields key;
  bool tcp_flags = false;
  bool in(const Fields& other) const { return key.subset_of(other.key) && (!tcp_flags || other.tcp_flags); }
};

Fields needed_by(const PieceQuery& query) {
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

Fields fields_of(const SqliteTask& task) {
  return {task.config.fields, task.config.kind == TaskKind::kExact};
}

std::string names_of(const Fields& fields) {
  std::vector<std::string> names = field_names(fields.key);
  if (fields.tcp_flags) names.emplace_back("tcp_flags");
  return absl::StrJoin(names, ", ");
}

using Tasks = std::vector<const SqliteTask*>;

absl::Status wrong_kind(const PieceQuery& query, const SqliteTask& task) {
  return absl::InvalidArgumentError(absl::StrCat(
      "task '", query.task, "' is of kind ", kind_name(task.config.kind), ": ",
      query.exact_only ? "only the records of an exact task can be added up" : "it has no rows with keys"));
}

// A field that none of the tasks has, or that none has together with the others.
absl::Status wrong_fields(const PieceQuery& query, const Fields& needed, const Tasks& tasks) {
  Fields all;
  std::set<std::string> each;
  for (const SqliteTask* task : tasks) {
    const Fields fields = fields_of(*task);
    all = {all.key | fields.key, all.tcp_flags || fields.tcp_flags};
    each.insert(names_of(fields));
  }
  Fields missing{KeyFields(), needed.tcp_flags && !all.tcp_flags};
  for (size_t i = 0; i < kKeyFieldCount; ++i) {
    const auto field = static_cast<KeyField>(i);
    if (needed.key.has(field) && !all.key.has(field)) missing.key.add(field);
  }
  const std::string names = names_of(missing);
  if (names.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("task '", query.task, "' never had ", names_of(needed),
                                                   " together; it has had: ", absl::StrJoin(each, "; ")));
  }
  return absl::InvalidArgumentError(
      absl::StrCat("task '", query.task, "' has no field ", names, "; it has: ", absl::StrJoin(each, "; ")));
}

// Those of the tasks that can answer.
absl::StatusOr<Tasks> answering(const PieceQuery& query, Tasks tasks) {
  const SqliteTask& any = *tasks.front();
  std::erase_if(tasks, [&](const SqliteTask* task) {
    return query.exact_only ? task->config.kind != TaskKind::kExact
                            : sqlite_row_kind(task->config.kind) == nullptr;
  });
  if (tasks.empty()) return wrong_kind(query, any);
  const Fields needed = needed_by(query);
  Tasks found = tasks;
  std::erase_if(found, [&](const SqliteTask* task) { return !needed.in(fields_of(*task)); });
  if (found.empty()) return wrong_fields(query, needed, tasks);
  return found;
}

// " AND ...": epochs in which the estimator follows from the task's records.
absl::StatusOr<std::string> exactly_known(const SqliteScope& scope, const PieceQuery& query) {
  if (query.exactly_known_to.empty()) return std::string();
  absl::StatusOr<Tasks> estimators = scope.tasks_named(query.exactly_known_to);
  if (!estimators.ok()) return estimators.status();
  std::erase_if(*estimators, [&](const SqliteTask* task) { return task->derived_from != query.task; });
  return absl::StrCat(
      " AND EXISTS (SELECT 1 FROM task_results y WHERE y.epoch_id = e.id AND y.state_count = 0 AND "
      "y.task_id ",
      in_tasks(*estimators), ")");
}

std::string blob(const std::array<uint8_t, 16>& bytes) {
  const std::string raw(bytes.begin(), bytes.end());
  return absl::StrCat("x'", absl::BytesToHexString(raw), "'");
}

}  // namespace

absl::StatusOr<std::vector<RowPiece>> find_pieces(const SqliteScope& scope, const PieceQuery& query) {
  absl::StatusOr<Tasks> named = scope.tasks_named(query.task);
  if (!named.ok()) return named.status();
  const absl::StatusOr<std::string> condition = exactly_known(scope, query);
  if (!condition.ok()) return condition.status();
  std::vector<RowPiece> pieces;
  std::set<const SqliteTask*> here;
  absl::Status status = scope.each_epoch(
      "e.start_ns, e.period_ns, e.source_id, x.task_id, x.partition_id, x.first_row, x.row_count",
      "CROSS JOIN task_results x ON x.epoch_id = e.id",
      absl::StrCat(" AND x.task_id ", in_tasks(*named), *condition), [&](const SqliteRow& row) {
        const auto task = std::find_if(named->begin(), named->end(),
                                       [&](const SqliteTask* t) { return t->id == row.number(3); });
        here.insert(*task);
        pieces.push_back(
            {row.bits(0), row.bits(1), row.number(2), *task, row.number(4), row.number(5), row.number(6)});
        return true;
      });
  if (!status.ok()) return status;
  // What can be asked is said by what is in the scope, or, where that is nothing, by what ever was.
  if (!here.empty()) named->assign(here.begin(), here.end());
  const absl::StatusOr<Tasks> tasks = answering(query, *named);
  if (!tasks.ok()) return tasks.status();
  std::erase_if(pieces, [&](const RowPiece& piece) {
    return piece.row_count == 0 || !scope.has_partition(piece.partition) ||
           std::find(tasks->begin(), tasks->end(), piece.task) == tasks->end();
  });
  return pieces;
}

PieceReader::PieceReader(SqliteDb& db, const std::vector<Condition>& where)
    : db_(db), conditions_(conditions_sql(where, "", blob)) {}

absl::StatusOr<SqliteStatement*> PieceReader::statement_of(const RowPiece& piece, KeyFields fields) {
  if (piece.task == last_.task && piece.partition == last_.partition) return last_.statement;
  const SqliteRowKind& kind = *sqlite_row_kind(piece.task->config.kind);  // find_pieces() gives no others
  std::vector<std::string> columns = key_columns(fields);
  columns.emplace_back(kind.values);
  const std::string sql = absl::StrCat("SELECT ", absl::StrJoin(columns, ", "), " FROM ", kind.table, "_",
                                       piece.partition, " WHERE id BETWEEN ?1 AND ?2", conditions_);
  const auto [place, is_new] = statements_.try_emplace(sql);
  if (is_new) {
    if (absl::Status status = db_.prepare(sql, place->second); !status.ok()) return status;
  }
  last_ = {piece.task, piece.partition, &place->second};
  return &place->second;
}

FlowKey read_key(const SqliteRow& row, KeyFields fields, int& column) {
  FlowKey key;
  const auto address = [&](KeyField field, std::array<uint8_t, 16>& to) {
    if (!fields.has(field)) return;
    const Bytes bytes = row.blob(column++);
    if (bytes.size() == to.size()) std::memcpy(to.data(), bytes.data(), to.size());
  };
  const auto number = [&](KeyField field) { return fields.has(field) ? row.number(column++) : 0; };
  if (fields.has(KeyField::kSrcIp) || fields.has(KeyField::kDstIp)) {
    key.ip_version = static_cast<uint8_t>(row.number(column++));
  }
  address(KeyField::kSrcIp, key.src_ip);
  address(KeyField::kDstIp, key.dst_ip);
  key.be_src_port = htons(static_cast<uint16_t>(number(KeyField::kSrcPort)));
  key.be_dst_port = htons(static_cast<uint16_t>(number(KeyField::kDstPort)));
  key.protocol = static_cast<uint8_t>(number(KeyField::kProtocol));
  key.vlan = static_cast<uint16_t>(number(KeyField::kVlan));
  return key;
}

}  // namespace netspectra

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

namespace netspectra {
namespace {

using Tasks = std::vector<const SqliteTask*>;

// " AND ...": epochs in which the estimator follows from the task's records.
absl::StatusOr<std::string> exactly_known(const SqliteScope& scope, const RowsQuestion& question) {
  if (question.exactly_known_to.empty()) return std::string();
  absl::StatusOr<Tasks> estimators = scope.tasks_named(question.exactly_known_to);
  if (!estimators.ok()) return estimators.status();
  std::erase_if(*estimators, [&](const SqliteTask* task) { return task->derived_from != question.task; });
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

absl::StatusOr<std::vector<RowPiece>> find_pieces(const SqliteScope& scope, const RowsQuestion& question) {
  absl::StatusOr<Tasks> named = scope.tasks_named(question.task);
  if (!named.ok()) return named.status();
  const absl::StatusOr<std::string> condition = exactly_known(scope, question);
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
  std::vector<const TaskConfig*> configurations;
  for (const SqliteTask* task : *named) configurations.push_back(&task->config);
  const absl::StatusOr<std::vector<size_t>> places = answering(question, configurations);
  if (!places.ok()) return places.status();
  std::set<const SqliteTask*> tasks;
  for (const size_t place : *places) tasks.insert((*named)[place]);
  std::erase_if(pieces, [&](const RowPiece& piece) {
    return piece.row_count == 0 || !scope.has_partition(piece.partition) || !tasks.contains(piece.task);
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

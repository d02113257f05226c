#include "store/sqlite_rows.h"

#include <arpa/inet.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace netspectra {
namespace {

absl::Status insert(SqliteStatement& into, int64_t row, const SqliteKey& k, const FlowRecord& record) {
  const FlowCounters& c = record.counters;
  return into.run(row, k.ip_version, k.src_ip, k.dst_ip, k.src_port, k.dst_port, k.protocol, k.vlan,
                  Count{c.packets}, Count{c.bytes}, Bits{c.first_seen_ns}, Bits{c.last_seen_ns},
                  int64_t{c.tcp_flags});
}

absl::Status insert(SqliteStatement& into, int64_t row, const SqliteKey& k, const HeavyHitterRecord& record) {
  return into.run(row, k.ip_version, k.src_ip, k.dst_ip, k.src_port, k.dst_port, k.protocol, k.vlan,
                  Count{record.packets}, Count{record.bytes}, Count{record.error_packets},
                  Count{record.error_bytes});
}

absl::Status insert(SqliteStatement& into, int64_t row, const SqliteKey& k, const SpreadRecord& record) {
  return into.run(row, k.ip_version, k.src_ip, k.dst_ip, k.src_port, k.dst_port, k.protocol, k.vlan,
                  Count{record.spread});
}

}  // namespace

SqliteKey::SqliteKey(KeyFields fields, const FlowKey& key) {
  const bool has_src = fields.has(KeyField::kSrcIp), has_dst = fields.has(KeyField::kDstIp);
  if (has_src || has_dst) ip_version = key.ip_version;
  if (has_src) src_ip = Bytes(key.src_ip);
  if (has_dst) dst_ip = Bytes(key.dst_ip);
  if (fields.has(KeyField::kSrcPort)) src_port = ntohs(key.be_src_port);
  if (fields.has(KeyField::kDstPort)) dst_port = ntohs(key.be_dst_port);
  if (fields.has(KeyField::kProtocol)) protocol = key.protocol;
  if (fields.has(KeyField::kVlan)) vlan = key.vlan;
}

absl::StatusOr<SqliteRows> SqliteRows::open(SqliteDb& db, int64_t partition) {
  SqliteRows rows;
  const struct {
    const char* name;
    int columns;
    Table& table;
  } tables[] = {{"records", 13, rows.records_},
                {"heavy_hitters", 12, rows.heavy_hitters_},
                {"spreads", 9, rows.spreads_}};
  for (const auto& [name, columns, table] : tables) {
    const std::string full_name = absl::StrCat(name, "_", partition);
    absl::Status status = db.prepare(absl::StrCat("SELECT max(id) FROM ", full_name), table.last_row);
    if (!status.ok()) return status;
    std::string places = "?";
    for (int i = 1; i < columns; ++i) places += ",?";
    status = db.prepare(absl::StrCat("INSERT INTO ", full_name, " VALUES(", places, ")"), table.insert);
    if (!status.ok()) return status;
  }
  return rows;
}

template <class Record>
absl::StatusOr<SqliteRowRange> SqliteRows::write_list(Table& table, KeyFields fields,
                                                      const std::vector<Record>& records) {
  const absl::StatusOr<int64_t> last_row = table.last_row.number(0);
  if (!last_row.ok()) return last_row.status();
  int64_t row = *last_row;
  for (const Record& record : records) {
    absl::Status status = insert(table.insert, ++row, SqliteKey(fields, record.key), record);
    if (!status.ok()) return status;
  }
  return SqliteRowRange{*last_row + 1, static_cast<int64_t>(records.size())};
}

absl::StatusOr<SqliteRowRange> SqliteRows::write(const TaskResult& result) {
  const KeyFields fields = result.task->fields;
  switch (result.task->kind) {
    case TaskKind::kExact:
      return write_list(records_, fields, result.records);
    case TaskKind::kHeavyHitters:
      return write_list(heavy_hitters_, fields, result.heavy_hitters);
    case TaskKind::kSuperSpreader:
      return write_list(spreads_, fields, result.spreads);
    case TaskKind::kCardinality:
      break;
  }
  return SqliteRowRange();
}

}  // namespace netspectra

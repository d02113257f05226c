#include "store/sqlite_rollup.h"

#include <algorithm>
#include <span>
#include <string>

#include "absl/strings/str_cat.h"
#include "store/sqlite_rows.h"

namespace netspectra {
namespace {

// What a primary key has in place of NULL.
constexpr int64_t kNoNumber = -1;

}  // namespace

absl::StatusOr<SqliteRollup> SqliteRollup::open(SqliteDb& db, const RollupLevel& level) {
  SqliteRollup rollup(level);
  const std::string name = level.name;
  const struct {
    std::string sql;
    SqliteStatement& statement;
  } statements[] = {
      {absl::StrCat(
           "INSERT INTO ", name,
           " VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15) ON CONFLICT DO UPDATE SET packets = "
           "packets + excluded.packets, bytes = bytes + excluded.bytes, first_seen_ns = min(first_seen_ns, "
           "excluded.first_seen_ns), last_seen_ns = max(last_seen_ns, excluded.last_seen_ns), tcp_flags = "
           "tcp_flags | excluded.tcp_flags"),
       rollup.add_key_},
      {absl::StrCat(
           "INSERT INTO ", name,
           "_rest VALUES(?1,?2,?3,1,?4,?5,?6,?7,?8,?9) ON CONFLICT DO UPDATE SET epochs = epochs + 1, "
           "packets "
           "= packets + excluded.packets, bytes = bytes + excluded.bytes, most_packets = most_packets + "
           "excluded.most_packets, most_bytes = most_bytes + excluded.most_bytes, overflow_packets = "
           "overflow_packets + excluded.overflow_packets, overflow_bytes = overflow_bytes + "
           "excluded.overflow_bytes"),
       rollup.add_rest_},
      {absl::StrCat("DELETE FROM ", name, " WHERE bucket_ns >= 0 AND bucket_ns < ?1"), rollup.sweep_keys_},
      {absl::StrCat("DELETE FROM ", name, "_rest WHERE bucket_ns >= 0 AND bucket_ns < ?1"),
       rollup.sweep_rests_},
  };
  for (const auto& [sql, statement] : statements) {
    if (absl::Status status = db.prepare(sql, statement); !status.ok()) return status;
  }
  return rollup;
}

absl::Status SqliteRollup::add(const EpochResult& epoch, int64_t source, const TaskResult& result,
                               int64_t task) {
  if (result.task->kind != TaskKind::kExact || epoch.period_ns == 0 || epoch.period_ns > bucket_ns_) {
    return absl::OkStatus();
  }
  const Bits bucket{epoch.start_ns - epoch.start_ns % bucket_ns_};
  const std::span<const FlowRecord> records(result.records);  // the largest first
  const size_t named = std::min(records.size(), kKeys);
  for (const FlowRecord& record : records.first(named)) {
    const SqliteKey k(result.task->fields, record.key);
    const FlowCounters& c = record.counters;
    absl::Status status = add_key_.run(
        bucket, source, task, k.ip_version.value_or(kNoNumber), k.src_ip.value_or(Bytes()),
        k.dst_ip.value_or(Bytes()), k.src_port.value_or(kNoNumber), k.dst_port.value_or(kNoNumber),
        k.protocol.value_or(kNoNumber), k.vlan.value_or(kNoNumber), Count{c.packets}, Count{c.bytes},
        Bits{c.first_seen_ns}, Bits{c.last_seen_ns}, int64_t{c.tcp_flags});
    if (!status.ok()) return status;
  }
  uint64_t packets = 0, bytes = 0, most_packets = 0, most_bytes = 0;
  for (const FlowRecord& record : records.subspan(named)) {
    packets += record.counters.packets;
    bytes += record.counters.bytes;
    most_packets = std::max(most_packets, record.counters.packets);
    most_bytes = std::max(most_bytes, record.counters.bytes);
  }
  return add_rest_.run(bucket, source, task, Count{packets}, Count{bytes}, Count{most_packets},
                       Count{most_bytes}, Count{result.overflow.packets}, Count{result.overflow.bytes});
}

absl::Status SqliteRollup::sweep(uint64_t before_ns) {
  if (absl::Status status = sweep_keys_.run(Count{before_ns}); !status.ok()) return status;
  return sweep_rests_.run(Count{before_ns});
}

}  // namespace netspectra

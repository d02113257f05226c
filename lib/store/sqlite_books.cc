#include "store/sqlite_books.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace netspectra {
namespace {

Bytes bytes_of(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

// The parts of task_results that a kind does not have are NULL.
template <class Value>
std::optional<Value> only_if(bool has, Value value) {
  return has ? std::optional<Value>(value) : std::nullopt;
}

}  // namespace

absl::StatusOr<SqliteBooks> SqliteBooks::open(SqliteDb& db) {
  SqliteBooks b;
  const struct {
    const char* sql;
    SqliteStatement& statement;
  } statements[] = {
      {"SELECT id FROM sources WHERE site = ?1 AND probe = ?2", b.find_source_},
      {"INSERT INTO sources(site, probe) VALUES(?1, ?2)", b.add_source_},
      {"SELECT id FROM epochs WHERE source_id = ?1 AND run = ?2 AND start_ns = ?3 AND amendment = ?4",
       b.find_epoch_},
      {"SELECT e.amendment, e.expected_snapshots, e.missing_snapshots, e.holds FROM epochs e JOIN sources s "
       "ON s.id = "
       "e.source_id WHERE s.site = ?1 AND s.probe = ?2 AND e.run = ?3 AND e.start_ns = ?4",
       b.find_amendments_},
      {"INSERT INTO epochs(source_id, run, start_ns, amendment, period_ns, stored_ns, expected_snapshots, "
       "missing_snapshots, holds, rx_packets, rx_bytes, ip_packets, ip_bytes, not_ip, malformed, "
       "other_drops, filtered_out, late_packets, "
       "first_seen_ns, last_seen_ns, received, nic_missed, no_mbuf, nic_errors, kernel_dropped, "
       "epoch_overruns, "
       "busy_ns, total_ns) "
       "VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,?20,?21,?22,?23,"
       "?24,?25,?26,?27,?28)",
       b.add_epoch_},
      {"SELECT max(id) FROM epochs", b.last_epoch_},
      {"INSERT INTO drops VALUES(?1, ?2, ?3) ON CONFLICT DO UPDATE SET packets = packets + excluded.packets",
       b.add_drop_},
      {"INSERT INTO ethertypes VALUES(?1, ?2, ?3)", b.add_ethertype_},
      {"INSERT INTO notes VALUES(?1, ?2, ?3, ?4)", b.add_note_},
      {"INSERT INTO task_results VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17)",
       b.add_result_},
      // By number, which is the order of storing: it looks no further than one epoch beyond the old ones.
      {"SELECT id FROM epochs WHERE stored_ns >= ?1 ORDER BY id LIMIT 1", b.oldest_kept_},
      {"DELETE FROM drops WHERE epoch_id < ?1", b.sweep_drops_},
      {"DELETE FROM ethertypes WHERE epoch_id < ?1", b.sweep_ethertypes_},
      {"DELETE FROM notes WHERE epoch_id < ?1", b.sweep_notes_},
      {"DELETE FROM task_results WHERE epoch_id < ?1", b.sweep_results_},
      {"DELETE FROM epochs WHERE id < ?1", b.sweep_epochs_},
  };
  for (const auto& [sql, statement] : statements) {
    if (absl::Status status = db.prepare(sql, statement); !status.ok()) return status;
  }
  return b;
}

absl::StatusOr<int64_t> SqliteBooks::source_id(const EpochOrigin& origin) {
  const absl::StatusOr<int64_t> found = find_source_.number(0, origin.site, origin.probe);
  if (!found.ok() || *found != 0) return found;
  if (absl::Status status = add_source_.run(origin.site, origin.probe); !status.ok()) return status;
  return find_source_.number(0, origin.site, origin.probe);
}

absl::StatusOr<bool> SqliteBooks::has(const EpochResult& epoch, int64_t source) {
  const absl::StatusOr<int64_t> found = find_epoch_.number(
      0, source, Bits{epoch.origin.run}, Bits{epoch.start_ns}, int64_t{epoch.origin.amendment});
  if (!found.ok()) return found.status();
  return *found != 0;
}

absl::StatusOr<std::vector<EpochOrigin>> SqliteBooks::find(const EpochOrigin& epoch, uint64_t start_ns) {
  std::vector<EpochOrigin> found;
  absl::Status status = find_amendments_.each(
      [&](const SqliteRow& row) {
        EpochOrigin& amendment = found.emplace_back();
        amendment.site = epoch.site;
        amendment.probe = epoch.probe;
        amendment.run = epoch.run;
        amendment.amendment = static_cast<uint32_t>(row.number(0));
        amendment.expected_snapshots = static_cast<uint32_t>(row.number(1));
        amendment.missing_snapshots = static_cast<uint32_t>(row.number(2));
        amendment.holds = row.bytes(3);
      },
      epoch.site, epoch.probe, Bits{epoch.run}, Bits{start_ns});
  if (!status.ok()) return status;
  return found;
}

absl::StatusOr<int64_t> SqliteBooks::add(const EpochResult& epoch, int64_t source, uint64_t now_ns) {
  const Ledger& l = epoch.ledger;
  const SourceStats& s = epoch.source;
  uint64_t others = 0;
  for (const auto& [reason, packets] : epoch.other_drops) others += packets;
  const bool seen = l.first_seen_ns != UINT64_MAX;
  absl::Status status = add_epoch_.run(
      source, Bits{epoch.origin.run}, Bits{epoch.start_ns}, int64_t{epoch.origin.amendment},
      Count{epoch.period_ns}, Count{now_ns}, int64_t{epoch.origin.expected_snapshots},
      int64_t{epoch.origin.missing_snapshots}, bytes_of(epoch.origin.holds), Count{l.rx_packets},
      Count{l.rx_bytes}, Count{l.ip_packets}, Count{l.ip_bytes}, Count{l.not_ip()}, Count{l.malformed()},
      Count{others}, Count{l.filtered_out}, Count{l.late_packets}, only_if(seen, Bits{l.first_seen_ns}),
      only_if(seen, Bits{l.last_seen_ns}), Count{s.received}, Count{s.nic_missed}, Count{s.no_mbuf},
      Count{s.nic_errors}, Count{s.kernel_dropped}, Count{s.epoch_overruns}, Count{s.busy_ns},
      Count{s.total_ns});
  if (!status.ok()) return status;
  const absl::StatusOr<int64_t> id = last_epoch_.number(0);
  if (!id.ok()) return id;
  if (status = add_drops(*id, epoch); !status.ok()) return status;
  if (status = add_notes(*id, "missing", epoch.origin.missing); !status.ok()) return status;
  if (status = add_notes(*id, "read_error", epoch.read_errors); !status.ok()) return status;
  if (status = add_notes(*id, "fault", epoch.faults); !status.ok()) return status;
  return id;
}

absl::Status SqliteBooks::add_drops(int64_t id, const EpochResult& epoch) {
  const Ledger& ledger = epoch.ledger;
  for (size_t i = 0; i < kDropReasonCount; ++i) {
    if (ledger.dropped[i] == 0) continue;
    absl::Status status = add_drop_.run(id, std::string(kDropReasonNames[i]), Count{ledger.dropped[i]});
    if (!status.ok()) return status;
  }
  for (const auto& [reason, packets] : epoch.other_drops) {
    if (absl::Status status = add_drop_.run(id, reason, Count{packets}); !status.ok()) return status;
  }
  for (const EthertypeCounts::Slot& slot : ledger.ethertypes.slots()) {
    if (slot.packets == 0) continue;
    absl::Status status = add_ethertype_.run(id, int64_t{slot.ethertype}, Count{slot.packets});
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status SqliteBooks::add_notes(int64_t epoch, const std::string& kind,
                                    const std::vector<std::string>& texts) {
  int64_t number = 0;
  for (const std::string& text : texts) {
    if (absl::Status status = add_note_.run(epoch, kind, ++number, text); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status SqliteBooks::add_task(int64_t epoch, int64_t task, const TaskResult& result, int64_t partition,
                                   SqliteRowRange rows, SqliteStateRange states) {
  const TaskKind kind = result.task->kind;
  const bool exact = kind == TaskKind::kExact;
  const bool listed = kind == TaskKind::kHeavyHitters || kind == TaskKind::kSuperSpreader;
  const bool estimated = kind == TaskKind::kSuperSpreader || kind == TaskKind::kCardinality;
  uint64_t packets = 0, bytes = 0;
  for (const FlowRecord& record : result.records) {
    packets += record.counters.packets;
    bytes += record.counters.bytes;
  }
  const FlowCounters& o = result.overflow;
  const bool overflowed = exact && o.packets != 0;
  return add_result_.run(epoch, task, partition, rows.first_row, rows.row_count,
                         only_if(exact, Count{packets}), only_if(exact, Count{bytes}),
                         only_if(exact, Count{o.packets}), only_if(exact, Count{o.bytes}),
                         only_if(overflowed, Bits{o.first_seen_ns}),
                         only_if(overflowed, Bits{o.last_seen_ns}), only_if(overflowed, int64_t{o.tcp_flags}),
                         only_if(kind == TaskKind::kCardinality, Count{result.cardinality}),
                         only_if(listed, Count{result.threshold}), only_if(estimated, result.standard_error),
                         states.first_row, states.row_count);
}

absl::Status SqliteBooks::sweep(uint64_t stored_before_ns) {
  const absl::StatusOr<int64_t> oldest =
      oldest_kept_.number(std::numeric_limits<int64_t>::max(), Count{stored_before_ns});
  if (!oldest.ok()) return oldest.status();
  SqliteStatement* const sweeps[] = {&sweep_drops_, &sweep_ethertypes_, &sweep_notes_, &sweep_results_,
                                     &sweep_epochs_};
  for (SqliteStatement* sweep : sweeps) {
    if (absl::Status status = sweep->run(*oldest); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace netspectra

#include "query/clickhouse_ledger.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "query/clickhouse_scope.h"
#include "query/ledger_sums.h"

namespace netspectra {
namespace {

constexpr const char* kEnd = "if(start_ns + period < start_ns, 18446744073709551615, start_ns + period)";

using Probes = std::map<std::pair<std::string, std::string>, ProbeBooks>;  // by site and probe

// Within, an epoch with its amendments; only the last of these knows what is missing for good.
std::string books_sql(const ClickHouseClient& client, const QueryScope& scope, const std::string& task) {
  std::string counted = "toUInt64(0)", overflow_packets = "toUInt64(0)", overflow_bytes = "toUInt64(0)";
  if (!task.empty()) {
    // An estimator's results have no sums: it is given every IP packet.
    const std::string kind = of_task("kind", task);
    counted = absl::StrCat("multiIf(", kind, " = 'exact', ", of_task("packets", task), ", ", kind,
                           " = '', toUInt64(0), ip_packets)");
    overflow_packets = of_task("overflow_packets", task);
    overflow_bytes = of_task("overflow_bytes", task);
  }
  std::string inner, outer;
  for (const auto& [name, sum] : kSummedColumns) {
    absl::StrAppend(&inner, ", sum(", name, ") AS s_", name);
    absl::StrAppend(&outer, ", sum(s_", name, ")");
  }
  return absl::StrCat(
      "SELECT site, probe, max(run), uniqExact(run), max(start_ns), argMax(period, start_ns), argMax(stored, "
      "start_ns), min(start_ns), max(",
      kEnd,
      "), count(), sum(missing), toUInt64(countIf(missing > 0)), sum(faults), toUInt64(sum(gone)), "
      "sum(counted), "
      "sum(over_packets), sum(over_bytes)",
      outer,
      " FROM (SELECT site, probe, run, start_ns, max(period_ns) AS period, max(stored_ns) AS stored, "
      "toUInt64(argMax(missing_snapshots, amendment)) AS missing, sum(countEqual(note_kind, 'fault') + "
      "countEqual(note_kind, 'read_error')) AS faults, max(",
      clickhouse_expired(client), ") AS gone, sum(", counted, ") AS counted, sum(", overflow_packets,
      ") AS over_packets, sum(", overflow_bytes, ") AS over_bytes", inner, " FROM epochs WHERE ",
      clickhouse_epochs(scope), " GROUP BY site, probe, run, start_ns) GROUP BY site, probe");
}

absl::Status read_books(ClickHouseClient& client, const QueryScope& scope, const std::string& task,
                        Probes& probes) {
  return client.query(books_sql(client, scope, task), [&](RowBinaryReader& row) {
    ProbeBooks books;
    LedgerSums& ledger = books.ledger;
    books.site = std::string(row.text());
    books.probe = std::string(row.text());
    for (uint64_t* figure :
         {&books.run, &books.runs, &books.last_start_ns, &books.period_ns, &books.last_stored_ns,
          &ledger.first_start_ns, &ledger.last_end_ns, &ledger.epochs, &ledger.missing_snapshots,
          &ledger.incomplete_epochs, &ledger.faults, &ledger.expired_epochs, &ledger.counted_packets,
          &ledger.overflow_packets, &ledger.overflow_bytes}) {
      *figure = row.u64();
    }
    for (const auto& [name, sum] : kSummedColumns) ledger.*sum = row.u64();
    if (row.whole()) probes[{books.site, books.probe}] = std::move(books);
    return absl::OkStatus();
  });
}

absl::Status read_reasons(ClickHouseClient& client, const QueryScope& scope, Probes& probes) {
  return client.query(
      absl::StrCat("SELECT site, probe, reason, sum(of_reason) FROM epochs ARRAY JOIN drop_reason AS reason, "
                   "drop_packets AS of_reason WHERE ",
                   clickhouse_epochs(scope), " AND reason IN (", malformed_reasons_sql(),
                   ") GROUP BY site, probe, reason"),
      [&](RowBinaryReader& row) {
        const std::string site(row.text()), probe(row.text()), reason(row.text());
        const uint64_t packets = row.u64();
        if (!row.whole()) return absl::OkStatus();
        // One that was stored since the first question is left to the next.
        if (const auto place = probes.find({site, probe}); place != probes.end())
          place->second.ledger.malformed_by[reason] = packets;
        return absl::OkStatus();
      });
}

absl::Status read_gaps(ClickHouseClient& client, const QueryScope& scope, Probes& probes) {
  auto place = probes.end();
  uint64_t covered_to_ns = 0;
  return client.query(
      absl::StrCat("SELECT site, probe, start_ns, ", kEnd,
                   " FROM (SELECT site, probe, start_ns, max(period_ns) AS period FROM epochs WHERE ",
                   clickhouse_epochs(scope),
                   " AND period_ns > 0 GROUP BY site, probe, start_ns) ORDER BY site, probe, start_ns"),
      [&](RowBinaryReader& row) {
        std::pair<std::string, std::string> name;
        name.first = std::string(row.text());
        name.second = std::string(row.text());
        const uint64_t start_ns = row.u64(), end_ns = row.u64();
        if (!row.whole()) return absl::OkStatus();
        if (place == probes.end() || place->first != name) {
          place = probes.find(name);
          covered_to_ns = start_ns;
        }
        if (place != probes.end() && start_ns > covered_to_ns) {
          ++place->second.gaps;
          place->second.gap_ns += start_ns - covered_to_ns;
        }
        covered_to_ns = std::max(covered_to_ns, end_ns);
        return absl::OkStatus();
      });
}

}  // namespace

absl::StatusOr<std::vector<ProbeBooks>> read_clickhouse_probes(ClickHouseClient& client,
                                                               const QueryScope& scope) {
  Probes probes;
  absl::Status status = read_books(client, scope, "", probes);
  if (status.ok()) status = read_reasons(client, scope, probes);
  if (status.ok()) status = read_gaps(client, scope, probes);
  if (!status.ok()) return status;
  std::vector<ProbeBooks> list;
  for (auto& [name, books] : probes) list.push_back(std::move(books));
  return list;
}

absl::StatusOr<LedgerSums> read_clickhouse_ledger(ClickHouseClient& client, const QueryScope& scope,
                                                  const std::string& task) {
  if (!task.empty()) {
    const auto known = clickhouse_tasks_named(client, scope, task);
    if (!known.ok()) return known.status();
  }
  Probes probes;
  absl::Status status = read_books(client, scope, task, probes);
  if (status.ok()) status = read_reasons(client, scope, probes);
  if (!status.ok()) return status;
  LedgerSums sums;
  for (const auto& [name, books] : probes) add_ledger(books.ledger, sums);
  return sums;
}

}  // namespace netspectra

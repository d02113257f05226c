#include "query/sqlite_ledger.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/saturating_sum.h"
#include "query/ledger_sums.h"

namespace netspectra {
namespace {

struct EpochRow {
  uint64_t run, start_ns, period_ns, stored_ns, missing_snapshots;
  bool expired;
};

// One probe's epochs in the order of time, an epoch's amendments one after the other.
class ProbeWalk {
 public:
  ProbeBooks books;

  void add_epoch(const EpochRow& row) {
    LedgerSums& l = books.ledger;
    const bool amends = l.epochs > 0 && row.run == last_.run && row.start_ns == last_.start_ns;
    if (!amends) begin_epoch(row);
    // Only the last amendment knows what is missing for good.
    l.missing_snapshots += row.missing_snapshots - (amends ? last_.missing_snapshots : 0);
    l.incomplete_epochs += row.missing_snapshots > 0 ? 1 : 0;
    if (amends && last_.missing_snapshots > 0) --l.incomplete_epochs;
    const bool expired_before = amends && last_.expired;
    if (row.expired && !expired_before) ++l.expired_epochs;
    books.last_stored_ns = row.stored_ns;
    last_ = row;
    last_.expired |= expired_before;
  }

 private:
  void begin_epoch(const EpochRow& row) {
    LedgerSums& l = books.ledger;
    if (l.epochs++ == 0) l.first_start_ns = row.start_ns;
    if (row.period_ns != 0) {
      if (covered_to_ns_ != 0 && row.start_ns > covered_to_ns_) {
        ++books.gaps;
        saturating_add(books.gap_ns, row.start_ns - covered_to_ns_);
      }
      covered_to_ns_ = std::max(covered_to_ns_, saturating_sum(row.start_ns, row.period_ns));
    }
    l.last_end_ns = std::max(l.last_end_ns, saturating_sum(row.start_ns, row.period_ns));
    if (runs_.insert(row.run).second) ++books.runs;
    books.run = std::max(books.run, row.run);
    books.last_start_ns = row.start_ns;
    books.period_ns = row.period_ns;
  }

  EpochRow last_{};
  uint64_t covered_to_ns_ = 0;  // by epochs with a period; 0 = none yet
  std::set<uint64_t> runs_;
};

using Walks = std::map<int64_t, ProbeWalk>;  // by source

absl::Status read_epochs(const SqliteScope& scope, Walks& walks) {
  std::string columns =
      "e.source_id, e.run, e.start_ns, e.period_ns, e.stored_ns, e.missing_snapshots, EXISTS (SELECT 1 FROM "
      "task_results x WHERE x.epoch_id = e.id AND x.partition_id NOT IN (SELECT id FROM partitions))";
  for (const auto& [name, sum] : kSummedColumns) absl::StrAppend(&columns, ", e.", name);
  return scope.each_epoch(columns, "", "", [&](const SqliteRow& row) {
    ProbeWalk& walk = walks[row.number(0)];
    walk.add_epoch({row.bits(1), row.bits(2), row.bits(3), row.bits(4), row.bits(5), row.number(6) != 0});
    int column = 7;
    for (const auto& [name, sum] : kSummedColumns) saturating_add(walk.books.ledger.*sum, row.bits(column++));
    return true;
  });
}

absl::Status read_reasons_and_faults(const SqliteScope& scope, Walks& walks) {
  absl::Status status = scope.each_epoch(
      "e.source_id, d.reason, d.packets", "CROSS JOIN drops d ON d.epoch_id = e.id",
      absl::StrCat(" AND d.reason IN (", malformed_reasons_sql(), ")"), [&](const SqliteRow& row) {
        saturating_add(walks[row.number(0)].books.ledger.malformed_by[row.bytes(1)], row.bits(2));
        return true;
      });
  if (!status.ok()) return status;
  return scope.each_epoch("e.source_id", "CROSS JOIN notes n ON n.epoch_id = e.id",
                          " AND n.kind IN ('fault', 'read_error')", [&](const SqliteRow& row) {
                            ++walks[row.number(0)].books.ledger.faults;
                            return true;
                          });
}

absl::Status read_task_figures(const SqliteScope& scope, const std::string& name, LedgerSums& ledger) {
  const absl::StatusOr<std::vector<const SqliteTask*>> tasks = scope.tasks_named(name);
  if (!tasks.ok()) return tasks.status();
  // An estimator's results have no sums: it is given every IP packet.
  return scope.each_epoch("ifnull(x.packets, e.ip_packets), x.overflow_packets, x.overflow_bytes",
                          "CROSS JOIN task_results x ON x.epoch_id = e.id",
                          absl::StrCat(" AND x.task_id ", in_tasks(*tasks)), [&](const SqliteRow& row) {
                            saturating_add(ledger.counted_packets, row.bits(0));
                            saturating_add(ledger.overflow_packets, row.bits(1));
                            saturating_add(ledger.overflow_bytes, row.bits(2));
                            return true;
                          });
}

}  // namespace

absl::StatusOr<std::vector<ProbeBooks>> read_sqlite_probes(const SqliteScope& scope) {
  Walks walks;
  absl::Status status = read_epochs(scope, walks);
  if (status.ok()) status = read_reasons_and_faults(scope, walks);
  if (!status.ok()) return status;
  std::vector<ProbeBooks> probes;
  for (auto& [source, walk] : walks) {
    walk.books.site = scope.origin(source).site;
    walk.books.probe = scope.origin(source).probe;
    probes.push_back(std::move(walk.books));
  }
  std::sort(probes.begin(), probes.end(), [](const ProbeBooks& a, const ProbeBooks& b) {
    return std::tie(a.site, a.probe) < std::tie(b.site, b.probe);
  });
  return probes;
}

absl::StatusOr<LedgerSums> read_sqlite_ledger(const SqliteScope& scope, const std::string& task) {
  const absl::StatusOr<std::vector<ProbeBooks>> probes = read_sqlite_probes(scope);
  if (!probes.ok()) return probes.status();
  LedgerSums sums;
  for (const ProbeBooks& probe : *probes) add_ledger(probe.ledger, sums);
  if (task.empty()) return sums;
  if (absl::Status status = read_task_figures(scope, task, sums); !status.ok()) return status;
  return sums;
}

}  // namespace netspectra

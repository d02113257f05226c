// A source over merged epochs in memory, written as plainly as its contract reads: for tests of what asks it.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "merge/epoch_result.h"
#include "query/parse.h"
#include "query/source.h"

namespace netspectra {

class MemorySource : public QuerySource {
 public:
  void put(EpochResult epoch) { epochs_.push_back(std::move(epoch)); }

  std::function<void()> on_ledger = [] {},
                        on_rows = [] {};  // called at the end of each ledger() and aggregate()
  Clock::time_point deadline;

  void set_deadline(Clock::time_point at) override { deadline = at; }

  absl::StatusOr<std::vector<StoredTask>> tasks(const QueryScope& scope) override {
    std::map<std::tuple<std::string, std::string, std::vector<uint64_t>>, StoredTask> found;
    for_each(scope, [&](const EpochResult& epoch) {
      for (const TaskResult& result : epoch.tasks) {
        const TaskConfig& c = *result.task;
        const std::string source = result.source == nullptr ? "" : result.source->name;
        StoredTask& task = found[{c.name,
                                  source,
                                  {bits(c.fields), bits(c.elements), uint64_t(c.kind), uint64_t(c.by), c.seed,
                                   c.memory_bytes, c.threshold.count, c.threshold.share_ppm}}];
        if (task.epochs == 0) task.first_start_ns = epoch.start_ns;
        task.config = c;
        task.derived_from = source;
        task.first_start_ns = std::min(task.first_start_ns, epoch.start_ns);
        task.last_start_ns = std::max(task.last_start_ns, epoch.start_ns);
        task.rows += result.records.size() + result.heavy_hitters.size() + result.spreads.size();
        ++task.epochs;
      }
    });
    std::vector<StoredTask> tasks;
    for (const auto& [key, task] : found) tasks.push_back(task);
    std::stable_sort(tasks.begin(), tasks.end(), [](const StoredTask& a, const StoredTask& b) {
      return std::tie(a.config.name, a.first_start_ns) < std::tie(b.config.name, b.first_start_ns);
    });
    return tasks;
  }

  absl::StatusOr<std::vector<ProbeBooks>> probes(const QueryScope& scope) override {
    std::map<std::pair<std::string, std::string>, ProbeBooks> found;
    for_each(scope, [&](const EpochResult& epoch) {
      ProbeBooks& books = found[{epoch.origin.site, epoch.origin.probe}];
      books.site = epoch.origin.site;
      books.probe = epoch.origin.probe;
      books.run = epoch.origin.run;
      books.runs = 1;
      books.last_start_ns = epoch.start_ns;
      books.period_ns = epoch.period_ns;
      add(epoch, "", books.ledger);
    });
    std::vector<ProbeBooks> probes;
    for (const auto& [key, books] : found) probes.push_back(books);
    return probes;
  }

  absl::StatusOr<LedgerSums> ledger(const QueryScope& scope, const std::string& task) override {
    LedgerSums sums;
    for_each(scope, [&](const EpochResult& epoch) { add(epoch, task, sums); });
    on_ledger();
    return sums;
  }

  absl::StatusOr<std::vector<uint64_t>> buckets(const QueryScope& scope, uint64_t bucket_ns,
                                                uint64_t limit) override {
    std::set<uint64_t> found;
    for_each(scope, [&](const EpochResult& epoch) {
      const uint64_t bucket = epoch.start_ns - epoch.start_ns % bucket_ns;
      if (found.size() < limit) found.insert(bucket);  // they come in order
    });
    return std::vector<uint64_t>(found.begin(), found.end());
  }

  absl::Status aggregate(const AggregateQuery& query,
                         const std::function<void(const AggregateRow&)>& on_row) override {
    std::map<std::pair<uint64_t, FlowKey>, FlowCounters> sums;
    const KeyMask mask(query.by);
    for_each(query.scope, [&](const EpochResult& epoch) {
      if (!query.exactly_known_to.empty()) {
        const TaskResult* estimate = task_of(epoch, query.exactly_known_to);
        if (estimate == nullptr || !estimate->state.empty() || estimate->source == nullptr ||
            estimate->source->name != query.task) {
          return;
        }
      }
      const TaskResult* result = task_of(epoch, query.task);
      if (result == nullptr) return;
      const uint64_t bucket = query.bucket_ns == 0 ? 0 : epoch.start_ns - epoch.start_ns % query.bucket_ns;
      for (const FlowRecord& record : result->records) {
        if (!satisfies(query.where, record.key, record.counters.tcp_flags)) continue;
        sums[{bucket, mask.apply(record.key)}].merge(record.counters);
      }
    });
    std::vector<AggregateRow> rows;
    for (const auto& [place, counters] : sums) rows.push_back({place.first, {place.second, counters}});
    const auto rank = [&](const AggregateRow& row) {
      if (query.order == OrderBy::kTime) return UINT64_MAX - row.start_ns;
      return query.order == OrderBy::kBytes ? row.record.counters.bytes : row.record.counters.packets;
    };
    std::stable_sort(rows.begin(), rows.end(), [&](const AggregateRow& a, const AggregateRow& b) {
      return rank(a) != rank(b) ? rank(a) > rank(b) : a.record.key < b.record.key;
    });
    give(rows, query.offset, query.limit, on_row);
    on_rows();
    return absl::OkStatus();
  }

  absl::Status records(const RecordsQuery& query,
                       const std::function<void(const StoredRow&)>& on_row) override {
    std::vector<StoredRow> rows;
    for_each(query.scope, [&](const EpochResult& epoch) {
      const TaskResult* result = task_of(epoch, query.task);
      if (result == nullptr) return;
      const auto add = [&](const FlowKey& key, uint8_t flags) -> StoredRow* {
        if (!satisfies(query.where, key, flags)) return nullptr;
        StoredRow& row = rows.emplace_back();
        row.start_ns = epoch.start_ns;
        row.site = epoch.origin.site;
        row.probe = epoch.origin.probe;
        row.key = key;
        return &row;
      };
      for (const FlowRecord& r : result->records) {
        if (StoredRow* row = add(r.key, r.counters.tcp_flags)) row->counters = r.counters;
      }
      for (const HeavyHitterRecord& r : result->heavy_hitters) {
        StoredRow* row = add(r.key, 0);
        if (row == nullptr) continue;
        row->counters.packets = r.packets;
        row->counters.bytes = r.bytes;
        row->error_packets = r.error_packets;
        row->error_bytes = r.error_bytes;
      }
      for (const SpreadRecord& r : result->spreads) {
        if (StoredRow* row = add(r.key, 0)) row->spread = r.spread;
      }
    });
    std::stable_sort(rows.begin(), rows.end(), [](const StoredRow& a, const StoredRow& b) {
      return a.start_ns != b.start_ns ? a.start_ns < b.start_ns : a.key < b.key;
    });
    give(rows, query.offset, query.limit, on_row);
    return absl::OkStatus();
  }

  absl::Status estimates(const QueryScope& scope, const std::string& task,
                         const std::function<absl::Status(const StoredEstimate&)>& on_estimate) override {
    absl::Status status;
    for_each(scope, [&](const EpochResult& epoch) {
      const TaskResult* result = task_of(epoch, task);
      if (result == nullptr || !status.ok()) return;
      status = on_estimate({epoch.start_ns, epoch.origin.site, epoch.origin.probe, epoch.ledger.ip_packets,
                            epoch.ledger.ip_bytes, result->cardinality, result->threshold,
                            result->standard_error, result->state});
    });
    return status;
  }

 private:
  static uint64_t bits(KeyFields fields) {
    uint64_t bits = 0;
    for (size_t i = 0; i < kKeyFieldCount; ++i) bits |= uint64_t{fields.has(KeyField(i))} << i;
    return bits;
  }
  static const TaskResult* task_of(const EpochResult& epoch, const std::string& name) {
    for (const TaskResult& result : epoch.tasks) {
      if (result.task->name == name) return &result;
    }
    return nullptr;
  }
  static void add(const EpochResult& epoch, const std::string& task, LedgerSums& sums) {
    if (sums.epochs++ == 0) sums.first_start_ns = epoch.start_ns;
    sums.first_start_ns = std::min(sums.first_start_ns, epoch.start_ns);
    sums.last_end_ns = std::max(sums.last_end_ns, epoch.start_ns + epoch.period_ns);
    const Ledger& l = epoch.ledger;
    sums.rx_packets += l.rx_packets;
    sums.rx_bytes += l.rx_bytes;
    sums.ip_packets += l.ip_packets;
    sums.ip_bytes += l.ip_bytes;
    sums.not_ip += l.not_ip();
    sums.malformed += l.malformed();
    for (size_t i = 0; i < kDropReasonCount; ++i) {
      if (is_malformed(DropReason(i)) && l.dropped[i] != 0)
        sums.malformed_by[kDropReasonNames[i]] += l.dropped[i];
    }
    for (const auto& [reason, packets] : epoch.other_drops) sums.malformed_by[reason] += packets;
    sums.nic_missed += epoch.source.nic_missed;
    sums.missing_snapshots += epoch.origin.missing_snapshots;
    sums.incomplete_epochs += epoch.origin.missing_snapshots != 0 ? 1 : 0;
    const TaskResult* result = task_of(epoch, task);
    if (result == nullptr) return;
    if (result->task->kind != TaskKind::kExact) sums.counted_packets += l.ip_packets;
    for (const FlowRecord& record : result->records) sums.counted_packets += record.counters.packets;
    sums.overflow_packets += result->overflow.packets;
    sums.overflow_bytes += result->overflow.bytes;
  }

  template <class Visit>
  void for_each(const QueryScope& scope, Visit visit) const {
    std::vector<const EpochResult*> in_scope;
    for (const EpochResult& epoch : epochs_) {
      if (epoch.start_ns < scope.from_ns || epoch.start_ns >= scope.to_ns) continue;
      if (!scope.site.empty() && epoch.origin.site != scope.site) continue;
      if (!scope.probe.empty() && epoch.origin.probe != scope.probe) continue;
      in_scope.push_back(&epoch);
    }
    std::stable_sort(in_scope.begin(), in_scope.end(),
                     [](const auto* a, const auto* b) { return a->start_ns < b->start_ns; });
    for (const EpochResult* epoch : in_scope) visit(*epoch);
  }

  template <class Row>
  static void give(const std::vector<Row>& rows, uint64_t offset, uint64_t limit,
                   const std::function<void(const Row&)>& on_row) {
    for (uint64_t i = offset; i < rows.size() && (limit == 0 || i - offset < limit); ++i) on_row(rows[i]);
  }

  std::deque<EpochResult> epochs_;
};

}  // namespace netspectra

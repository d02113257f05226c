// What the tests of questions to ClickHouse share: a store of the test's own, and answers as text, so that a difference can
// be read.
#pragma once

#include <string>
#include <vector>

#include "../store/clickhouse_epochs.h"
#include "query/source.h"

namespace netspectra::clickhouse_test {

using Texts = std::vector<std::string>;

inline std::string text(const FlowKey& key) {
  std::string out = "v" + std::to_string(key.ip_version);
  for (const auto* address : {&key.src_ip, &key.dst_ip}) {
    out += ' ';
    for (const uint8_t byte : *address) {
      out += "0123456789abcdef"[byte >> 4];
      out += "0123456789abcdef"[byte & 15];
    }
  }
  for (const unsigned number : {unsigned{ntohs(key.be_src_port)}, unsigned{ntohs(key.be_dst_port)},
                                unsigned{key.protocol}, unsigned{key.vlan}}) {
    out += ' ' + std::to_string(number);
  }
  return out;
}

inline std::string list(std::initializer_list<uint64_t> numbers) {
  std::string out;
  for (const uint64_t number : numbers) out += ' ' + std::to_string(number);
  return out;
}

inline std::string text(const FlowCounters& c) {
  return list({c.packets, c.bytes, c.first_seen_ns, c.last_seen_ns, c.tcp_flags});
}

inline std::string text(const LedgerSums& l) {
  std::string out = list({l.epochs,
                          l.first_start_ns,
                          l.last_end_ns,
                          l.rx_packets,
                          l.rx_bytes,
                          l.ip_packets,
                          l.ip_bytes,
                          l.not_ip,
                          l.malformed,
                          l.other_drops,
                          l.filtered_out,
                          l.late_packets,
                          l.nic_missed,
                          l.no_mbuf,
                          l.nic_errors,
                          l.kernel_dropped,
                          l.missing_snapshots,
                          l.incomplete_epochs,
                          l.epoch_overruns,
                          l.faults,
                          l.expired_epochs,
                          l.counted_packets,
                          l.overflow_packets,
                          l.overflow_bytes});
  for (const auto& [reason, packets] : l.malformed_by) out += ' ' + reason + '=' + std::to_string(packets);
  return out;
}

inline std::string fields_text(KeyFields fields) {
  std::string out;
  for (size_t i = 0; i < kKeyFieldCount; ++i)
    out += fields.has(static_cast<KeyField>(i)) ? kKeyFieldNames[i] : "-";
  return out;
}

inline Texts with(Texts rows, const absl::Status& status) {
  if (!status.ok()) rows.push_back(status.ToString());
  return rows;
}

inline Texts sums(QuerySource& source, const AggregateQuery& query) {
  Texts rows;
  const absl::Status status = source.aggregate(query, [&](const AggregateRow& row) {
    rows.push_back(std::to_string(row.start_ns) + " " + text(row.record.key) + text(row.record.counters));
  });
  return with(rows, status);
}

inline Texts listed(QuerySource& source, const RecordsQuery& query) {
  Texts rows;
  const absl::Status status = source.records(query, [&](const StoredRow& r) {
    rows.push_back(r.site + "/" + r.probe + list({r.start_ns, r.period_ns}) + " " + text(r.key) +
                   text(r.counters) + list({r.error_packets, r.error_bytes, r.spread}));
  });
  return with(rows, status);
}

inline Texts estimated(QuerySource& source, const QueryScope& scope, const std::string& task) {
  Texts rows;
  const absl::Status status = source.estimates(scope, task, [&](const StoredEstimate& e) {
    uint64_t digest = e.state.size();
    for (const std::byte byte : e.state) digest = digest * 31 + static_cast<uint64_t>(byte);
    rows.push_back(e.site + "/" + e.probe +
                   list({e.start_ns, e.ip_packets, e.ip_bytes, e.cardinality, e.threshold, digest}) + " " +
                   std::to_string(e.standard_error));
    return absl::OkStatus();
  });
  return with(rows, status);
}

inline Texts tasks(QuerySource& source, const QueryScope& scope) {
  const auto found = source.tasks(scope);
  if (!found.ok()) return {found.status().ToString()};
  Texts rows;
  for (const StoredTask& t : *found) {
    const TaskConfig& c = t.config;
    rows.push_back(c.name + " " + fields_text(c.fields) + " " + fields_text(c.elements) + " " +
                   t.derived_from +
                   list({uint64_t(c.kind), uint64_t(c.by), c.threshold.count, c.threshold.share_ppm,
                         c.memory_bytes, c.seed, t.first_start_ns, t.last_start_ns, t.epochs, t.rows}));
  }
  return rows;
}

inline Texts probes(QuerySource& source, const QueryScope& scope) {
  const auto found = source.probes(scope);
  if (!found.ok()) return {found.status().ToString()};
  Texts rows;
  for (const ProbeBooks& p : *found) {
    rows.push_back(p.site + "/" + p.probe +
                   list({p.run, p.runs, p.last_start_ns, p.period_ns, p.last_stored_ns, p.gaps, p.gap_ns}) +
                   " |" + text(p.ledger));
  }
  return rows;
}

inline Texts ledger(QuerySource& source, const QueryScope& scope, const std::string& task) {
  const auto found = source.ledger(scope, task);
  return {found.ok() ? text(*found) : found.status().ToString()};
}

class ClickHouseSourceTest : public clickhouse_test::Fixture {
 protected:
  ClickHouseSourceTest() { clock_now_ns = kStored; }
  static std::unique_ptr<QuerySource> source() {
    auto source = open_query_source(url());
    EXPECT_TRUE(source.ok()) << source.status();
    return source.ok() ? *std::move(source) : nullptr;
  }
  const TaskConfig flows_ = task("flows", TaskKind::kExact, KeyFields::five_tuple());
};

}  // namespace netspectra::clickhouse_test

#include "query/clickhouse_source.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "query/clickhouse_ledger.h"
#include "query/clickhouse_scope.h"
#include "query/sql.h"
#include "store/clickhouse_client.h"
#include "store/clickhouse_schema.h"

namespace netspectra {
namespace {

constexpr std::chrono::seconds kOpenTime{10};

constexpr uint64_t kStatesAtOnce = 64 << 20;  // bytes
constexpr size_t kEpochsAtOnce = 4096;        // whose attempts stand in one statement

KeyFields all_fields() {
  KeyFields fields = KeyFields::five_tuple();
  fields.add(KeyField::kVlan);
  return fields;
}

// As key_columns() has them.
FlowKey read_key(RowBinaryReader& row, KeyFields fields) {
  FlowKey key;
  const auto address = [&](KeyField field, std::array<uint8_t, 16>& to) {
    if (!fields.has(field)) return;
    const std::string_view bytes = row.fixed(to.size());
    if (bytes.size() == to.size()) std::memcpy(to.data(), bytes.data(), to.size());
  };
  if (fields.has(KeyField::kSrcIp) || fields.has(KeyField::kDstIp)) key.ip_version = row.number<uint8_t>();
  address(KeyField::kSrcIp, key.src_ip);
  address(KeyField::kDstIp, key.dst_ip);
  if (fields.has(KeyField::kSrcPort)) key.be_src_port = htons(row.number<uint16_t>());
  if (fields.has(KeyField::kDstPort)) key.be_dst_port = htons(row.number<uint16_t>());
  if (fields.has(KeyField::kProtocol)) key.protocol = row.number<uint8_t>();
  if (fields.has(KeyField::kVlan)) key.vlan = row.number<uint16_t>();
  return key;
}

FlowCounters read_counters(RowBinaryReader& row) {
  FlowCounters counters;
  for (uint64_t* value :
       {&counters.packets, &counters.bytes, &counters.first_seen_ns, &counters.last_seen_ns}) {
    *value = row.u64();
  }
  counters.tcp_flags = row.number<uint8_t>();
  return counters;
}

std::string limit_sql(uint64_t limit, uint64_t offset) {
  if (limit == 0 && offset == 0) return "";
  constexpr uint64_t kAll = INT64_MAX;  // the sum of both must fit
  const uint64_t skipped = std::min(offset, kAll / 2);
  return absl::StrCat(" LIMIT ", skipped, ", ", limit == 0 ? kAll / 2 : std::min(limit, kAll / 2));
}

const char* order_sql(OrderBy order) {
  switch (order) {
    case OrderBy::kBytes:
      return "sum_bytes DESC";
    case OrderBy::kPackets:
      return "sum_packets DESC";
    case OrderBy::kTime:
      break;
  }
  return "bucket";
}

// Rows of one kind as rows of all kinds.
std::string rows_sql(TaskKind kind, const std::string& where) {
  const char* values =
      "packets, bytes, first_seen_ns, last_seen_ns, tcp_flags, toUInt64(0) AS error_packets, "
      "toUInt64(0) AS error_bytes, toUInt64(0) AS spread";
  const char* table = kRecordRows.name;
  // As FlowCounters are without packets.
  if (kind == TaskKind::kHeavyHitters) {
    values =
        "packets, bytes, toUInt64(18446744073709551615) AS first_seen_ns, toUInt64(0) AS last_seen_ns, "
        "toUInt8(0) "
        "AS tcp_flags, error_packets, error_bytes, toUInt64(0) AS spread";
    table = kHeavyHitterRows.name;
  } else if (kind == TaskKind::kSuperSpreader) {
    values =
        "toUInt64(0) AS packets, toUInt64(0) AS bytes, toUInt64(18446744073709551615) AS first_seen_ns, "
        "toUInt64(0) AS last_seen_ns, toUInt8(0) AS tcp_flags, toUInt64(0) AS error_packets, "
        "toUInt64(0) AS error_bytes, spread";
    table = kSpreadRows.name;
  }
  return absl::StrCat("SELECT attempt, start_ns, ", absl::StrJoin(key_columns(all_fields()), ", "), ", ",
                      values, " FROM ", table, " WHERE ", where);
}

std::string bucket_sql(uint64_t bucket_ns) {
  if (bucket_ns == 0) return "toUInt64(0)";
  return absl::StrCat("intDiv(start_ns, ", bucket_ns, ") * ", bucket_ns);
}

class ClickHouseSource final : public QuerySource {
 public:
  explicit ClickHouseSource(ClickHouseClient client) : client_(std::move(client)) {}

  absl::Status open() {
    const absl::StatusOr<uint64_t> version = client_.number("SELECT max(version) FROM schema_version");
    if (!version.ok()) return version.status();
    return check_clickhouse_version(client_, *version);
  }

  void set_deadline(Clock::time_point deadline) override { client_.set_deadline(deadline); }

  absl::StatusOr<std::vector<StoredTask>> tasks(const QueryScope& scope) override {
    return clickhouse_tasks(client_, scope);
  }
  absl::StatusOr<std::vector<ProbeBooks>> probes(const QueryScope& scope) override {
    return read_clickhouse_probes(client_, scope);
  }
  absl::StatusOr<LedgerSums> ledger(const QueryScope& scope, const std::string& task) override {
    return read_clickhouse_ledger(client_, scope, task);
  }
  absl::StatusOr<std::vector<uint64_t>> buckets(const QueryScope& scope, uint64_t bucket_ns,
                                                uint64_t limit) override;
  absl::Status aggregate(const AggregateQuery& query,
                         const std::function<void(const AggregateRow&)>& on_row) override;
  absl::Status records(const RecordsQuery& query,
                       const std::function<void(const StoredRow&)>& on_row) override;
  absl::Status estimates(const QueryScope& scope, const std::string& task,
                         const std::function<absl::Status(const StoredEstimate&)>& on_estimate) override;

 private:
  struct KnownEstimate {
    uint64_t attempt = 0, state_bytes = 0;
    StoredEstimate estimate;
  };
  using States = absl::flat_hash_map<uint64_t, std::string>;  // by attempt

  absl::StatusOr<std::vector<KnownEstimate>> known_estimates(const QueryScope& scope,
                                                             const std::string& task);
  absl::StatusOr<States> read_states(const std::string& task, std::span<const KnownEstimate> of);

  ClickHouseClient client_;
};

absl::StatusOr<std::vector<uint64_t>> ClickHouseSource::buckets(const QueryScope& scope, uint64_t bucket_ns,
                                                                uint64_t limit) {
  std::vector<uint64_t> buckets;
  absl::Status status = client_.query(
      absl::StrCat("SELECT ", bucket_sql(bucket_ns), " AS bucket FROM epochs WHERE ",
                   clickhouse_epochs(scope), " GROUP BY bucket ORDER BY bucket", limit_sql(limit, 0)),
      [&](RowBinaryReader& row) {
        const uint64_t bucket = row.u64();
        if (row.whole()) buckets.push_back(bucket);
        return absl::OkStatus();
      });
  if (!status.ok()) return status;
  return buckets;
}

absl::Status ClickHouseSource::aggregate(const AggregateQuery& query,
                                         const std::function<void(const AggregateRow&)>& on_row) {
  const absl::StatusOr<ClickHouseRows> rows = find_clickhouse_rows(
      client_, query.scope, {query.task, query.by, query.where, true, query.exactly_known_to});
  if (!rows.ok()) return rows.status();
  std::string keys;
  for (const std::string& column : key_columns(query.by)) absl::StrAppend(&keys, ", ", column);
  // HAVING: without a key, nothing would be a row of zeros.
  const std::string sql = absl::StrCat(
      "SELECT ", bucket_sql(query.bucket_ns), " AS bucket", keys,
      ", sum(packets) AS sum_packets, sum(bytes) AS sum_bytes, min(first_seen_ns), max(last_seen_ns), "
      "groupBitOr(tcp_flags) FROM ",
      kRecordRows.name, " WHERE ", rows->where, " GROUP BY bucket", keys, " HAVING count() > 0 ORDER BY ",
      order_sql(query.order), keys, ", bucket", limit_sql(query.limit, query.offset));
  return client_.query(sql, [&](RowBinaryReader& row) {
    AggregateRow sum;
    sum.start_ns = row.u64();
    sum.record.key = read_key(row, query.by);
    sum.record.counters = read_counters(row);
    if (row.whole()) on_row(sum);
    return absl::OkStatus();
  });
}

absl::Status ClickHouseSource::records(const RecordsQuery& query,
                                       const std::function<void(const StoredRow&)>& on_row) {
  const absl::StatusOr<ClickHouseRows> rows =
      find_clickhouse_rows(client_, query.scope, {query.task, KeyFields(), query.where, false, ""});
  if (!rows.ok()) return rows.status();
  std::string all;
  for (const TaskKind kind : rows->kinds) {
    absl::StrAppend(&all, all.empty() ? "" : " UNION ALL ", rows_sql(kind, rows->where));
  }
  const std::string keys = absl::StrJoin(key_columns(all_fields()), ", ");
  const std::string sql = absl::StrCat(
      "SELECT start_ns, period_ns, site, probe, ", keys,
      ", packets, bytes, first_seen_ns, last_seen_ns, tcp_flags, error_packets, error_bytes, spread FROM (",
      all, ") ANY INNER JOIN (SELECT attempt, site, probe, run, amendment, period_ns FROM epochs WHERE ",
      clickhouse_epochs(query.scope), ") USING (attempt) ORDER BY start_ns, ", keys,
      ", site, probe, run, amendment", limit_sql(query.limit, query.offset));
  return client_.query(sql, [&](RowBinaryReader& row) {
    StoredRow stored;
    stored.start_ns = row.u64();
    stored.period_ns = row.u64();
    stored.site = std::string(row.text());
    stored.probe = std::string(row.text());
    stored.key = read_key(row, all_fields());
    stored.counters = read_counters(row);
    stored.error_packets = row.u64();
    stored.error_bytes = row.u64();
    stored.spread = row.u64();
    if (row.whole()) on_row(stored);
    return absl::OkStatus();
  });
}

absl::StatusOr<std::vector<ClickHouseSource::KnownEstimate>> ClickHouseSource::known_estimates(
    const QueryScope& scope, const std::string& task) {
  const std::string kind = of_task("kind", task);
  std::vector<KnownEstimate> known;
  // What has expired would pass for an estimate that follows from the records.
  absl::Status status = client_.query(
      absl::StrCat("SELECT attempt, start_ns, site, probe, ip_packets, ip_bytes, ",
                   of_task("cardinality", task), ", ", of_task("threshold", task), ", ",
                   of_task("standard_error", task), ", ", of_task("state_bytes", task), " FROM epochs WHERE ",
                   clickhouse_epochs(scope), " AND ", kind, " NOT IN ('', 'exact') AND NOT ",
                   clickhouse_expired(client_), " ORDER BY start_ns, site, probe, run, amendment"),
      [&](RowBinaryReader& row) {
        KnownEstimate one;
        one.attempt = row.u64();
        one.estimate.start_ns = row.u64();
        one.estimate.site = std::string(row.text());
        one.estimate.probe = std::string(row.text());
        one.estimate.ip_packets = row.u64();
        one.estimate.ip_bytes = row.u64();
        one.estimate.cardinality = row.u64();
        one.estimate.threshold = row.u64();
        one.estimate.standard_error = row.number<double>();
        one.state_bytes = row.u64();
        if (row.whole()) known.push_back(std::move(one));
        return absl::OkStatus();
      });
  if (!status.ok()) return status;
  return known;
}

absl::StatusOr<ClickHouseSource::States> ClickHouseSource::read_states(const std::string& task,
                                                                       std::span<const KnownEstimate> of) {
  std::vector<uint64_t> attempts;
  for (const KnownEstimate& one : of) {
    if (one.state_bytes > 0) attempts.push_back(one.attempt);
  }
  States states;
  if (attempts.empty()) return states;
  absl::Status status = client_.query(
      absl::StrCat("SELECT attempt, state FROM ", kStateRows.name, " WHERE task = ", clickhouse_literal(task),
                   " AND start_ns >= ", of.front().estimate.start_ns,
                   " AND start_ns <= ", of.back().estimate.start_ns, " AND attempt IN (",
                   absl::StrJoin(attempts, ","), ") ORDER BY attempt, part"),
      [&](RowBinaryReader& row) {
        const uint64_t attempt = row.u64();
        const std::string_view part = row.text();
        if (row.whole()) states[attempt].append(part);
        return absl::OkStatus();
      });
  if (!status.ok()) return status;
  return states;
}

absl::Status ClickHouseSource::estimates(
    const QueryScope& scope, const std::string& task,
    const std::function<absl::Status(const StoredEstimate&)>& on_estimate) {
  absl::StatusOr<std::vector<StoredTask>> named = clickhouse_tasks_named(client_, scope, task);
  const auto all_exact = [&] {
    return named.ok() && std::all_of(named->begin(), named->end(),
                                     [](const StoredTask& t) { return t.config.kind == TaskKind::kExact; });
  };
  bool exact = all_exact();
  if (exact) {  // was it ever anything else?
    named = clickhouse_tasks_named(client_, QueryScope(), task);
    exact = all_exact();
  }
  if (!named.ok()) return named.status();
  if (exact) {
    return absl::InvalidArgumentError(
        absl::StrCat("task '", task, "' is of kind exact: it has records, no estimates"));
  }
  absl::StatusOr<std::vector<KnownEstimate>> known = known_estimates(scope, task);
  if (!known.ok()) return known.status();
  for (size_t begin = 0, end = 0; begin < known->size(); begin = end) {
    for (uint64_t bytes = 0; end < known->size() && end - begin < kEpochsAtOnce; ++end) {
      bytes += (*known)[end].state_bytes;
      if (bytes > kStatesAtOnce && end > begin) break;
    }
    const std::span<KnownEstimate> batch(known->data() + begin, end - begin);
    const absl::StatusOr<States> states = read_states(task, batch);
    if (!states.ok()) return states.status();
    for (KnownEstimate& one : batch) {
      const auto state = states->find(one.attempt);
      if (state != states->end()) one.estimate.state = std::as_bytes(std::span(state->second));
      if (one.estimate.state.size() != one.state_bytes) {
        return absl::DataLossError(absl::StrCat(client_.options().name(), ": task '", task, "', epoch ",
                                                one.estimate.start_ns, " of ", one.estimate.probe, ": ",
                                                one.estimate.state.size(), " of ", one.state_bytes,
                                                " bytes of its state are there"));
      }
      if (absl::Status status = on_estimate(one.estimate); !status.ok()) return status;
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<QuerySource>> open_clickhouse_source(const ClickHouseOptions& options) {
  absl::StatusOr<ClickHouseClient> client = ClickHouseClient::open(options);
  if (!client.ok()) return client.status();
  auto source = std::make_unique<ClickHouseSource>(*std::move(client));
  source->set_deadline(QuerySource::Clock::now() + kOpenTime);  // until the first question sets its own
  if (absl::Status opened = source->open(); !opened.ok()) return opened;
  return source;
}

}  // namespace netspectra

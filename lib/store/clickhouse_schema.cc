#include "store/clickhouse_schema.h"

#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace netspectra {
namespace {

constexpr uint64_t kBooksKeptRetentions = 64;
constexpr uint64_t kFirstVersionWithTtl = 19'006;
constexpr uint64_t kLastDay = 65'535;  // of a Date

constexpr const char* kKeyColumns =
    "ip_version UInt8, src_ip FixedString(16), dst_ip FixedString(16), src_port UInt16, dst_port UInt16, "
    "protocol UInt8, vlan UInt16";
constexpr const char* kKeyNames = "ip_version, src_ip, dst_ip, src_port, dst_port, protocol, vlan";

// One row is an epoch with its whole ledger; what there are several of are arrays, of one length where the
// names begin alike.
constexpr const char* kEpochColumns =
    "day Date, stored_ns UInt64, attempt UInt64, site String, probe String, run UInt64, start_ns UInt64, "
    "amendment UInt32, period_ns UInt64, expected_snapshots UInt32, missing_snapshots UInt32, holds String, "
    "rx_packets UInt64, rx_bytes UInt64, ip_packets UInt64, ip_bytes UInt64, not_ip UInt64, malformed "
    "UInt64, "
    "other_drops UInt64, filtered_out UInt64, late_packets UInt64, first_seen_ns UInt64, last_seen_ns "
    "UInt64, "
    "received UInt64, nic_missed UInt64, no_mbuf UInt64, nic_errors UInt64, kernel_dropped UInt64, "
    "epoch_overruns UInt64, busy_ns UInt64, total_ns UInt64, "
    "drop_reason Array(String), drop_packets Array(UInt64), "
    "ethertype Array(UInt16), ethertype_packets Array(UInt64), note_kind Array(String), note_text "
    "Array(String), "
    "task_name Array(String), task_kind Array(String), task_fields Array(String), task_elements "
    "Array(String), "
    "task_rank_by Array(String), task_threshold_count Array(UInt64), task_threshold_share_ppm Array(UInt32), "
    "task_memory_bytes Array(UInt64), task_seed Array(UInt64), task_derived_from Array(String), "
    "task_rows Array(UInt64), task_packets Array(UInt64), task_bytes Array(UInt64), "
    "task_overflow_packets Array(UInt64), task_overflow_bytes Array(UInt64), "
    "task_overflow_first_seen_ns Array(UInt64), task_overflow_last_seen_ns Array(UInt64), "
    "task_overflow_tcp_flags Array(UInt8), task_cardinality Array(UInt64), task_threshold Array(UInt64), "
    "task_standard_error Array(Float64), task_state_bytes Array(UInt64)";

// The columns of the view `results`, each out of the array of the same name.
constexpr const char* kResultNames[] = {"kind",
                                        "fields",
                                        "elements",
                                        "rank_by",
                                        "threshold_count",
                                        "threshold_share_ppm",
                                        "memory_bytes",
                                        "seed",
                                        "derived_from",
                                        "rows",
                                        "packets",
                                        "bytes",
                                        "overflow_packets",
                                        "overflow_bytes",
                                        "overflow_first_seen_ns",
                                        "overflow_last_seen_ns",
                                        "overflow_tcp_flags",
                                        "cardinality",
                                        "threshold",
                                        "standard_error",
                                        "state_bytes"};

// "a UInt8, b String" -> "a, b"
std::string names_of(const std::string& columns) {
  std::string names;
  for (const std::string& column : std::vector<std::string>(absl::StrSplit(columns, ", "))) {
    absl::StrAppend(&names, names.empty() ? "" : ", ", column.substr(0, column.find(' ')));
  }
  return names;
}

std::string make_row_table(const ClickHouseRowTable& table) {
  const bool keyed = table.view != nullptr;
  // Granules of states are few rows: each is up to 1 MiB.
  return absl::StrCat("CREATE TABLE IF NOT EXISTS ", table.name, "(", kRowHead, ", ",
                      keyed ? kKeyColumns : "", keyed ? ", " : "", table.columns,
                      ") ENGINE = MergeTree PARTITION BY day ORDER BY (task, start_ns, attempt",
                      keyed ? "" : ", part", ") SETTINGS index_granularity = ", keyed ? 8192 : 8);
}

std::string readable(const std::string& address) {
  return absl::StrCat("if(ip_version = 4, substring(IPv6NumToString(", address, "), 8), IPv6NumToString(",
                      address, "))");
}

std::string make_row_view(const ClickHouseRowTable& table, const std::string& database) {
  return absl::StrCat("CREATE VIEW IF NOT EXISTS ", table.view,
                      " AS SELECT site, probe, run, amendment, start_ns, period_ns, task, ", kKeyNames, ", ",
                      names_of(table.columns), ", ", readable("src_ip"), " AS src, ", readable("dst_ip"),
                      " AS dst, day, attempt FROM ", database, ".", table.name,
                      " ANY INNER JOIN (SELECT attempt, site, probe, run, amendment, period_ns FROM ",
                      database, ".ledger) USING (attempt)");
}

std::string make_results_view(const std::string& database) {
  std::string sql =
      "CREATE VIEW IF NOT EXISTS results AS SELECT site, probe, run, amendment, start_ns, period_ns, task";
  for (const char* name : kResultNames) absl::StrAppend(&sql, ", ", name);
  // Inside, since `packets` and others would be taken for columns of the epoch's.
  absl::StrAppend(&sql, " FROM (SELECT * FROM ", database, ".ledger) ARRAY JOIN task_name AS task");
  for (const char* name : kResultNames) absl::StrAppend(&sql, ", task_", name, " AS ", name);
  return sql;
}

absl::Status make_tables(ClickHouseClient& client) {
  const std::string& database = client.options().database;
  std::vector<std::string> statements;
  for (const ClickHouseRowTable* table : kClickHouseRowTables) statements.push_back(make_row_table(*table));
  statements.push_back(
      absl::StrCat("CREATE TABLE IF NOT EXISTS epochs(", kEpochColumns,
                   ") ENGINE = MergeTree PARTITION BY day ORDER BY (start_ns, site, probe, run, "
                   "amendment) SETTINGS index_granularity = 1024"));
  statements.push_back(absl::StrCat("CREATE VIEW IF NOT EXISTS ledger AS SELECT * FROM ", database,
                                    ".epochs WHERE attempt IN (SELECT min(attempt) FROM ", database,
                                    ".epochs GROUP BY site, probe, run, start_ns, amendment)"));
  for (const ClickHouseRowTable* table : kClickHouseRowTables) {
    if (table->view != nullptr) statements.push_back(make_row_view(*table, database));
  }
  statements.push_back(make_results_view(database));
  // Last: where it is, all is. A view, since a row of a table could be there twice.
  statements.push_back(absl::StrCat("CREATE VIEW IF NOT EXISTS schema_version AS SELECT toUInt64(",
                                    kClickHouseSchemaVersion, ") AS version"));
  for (const std::string& sql : statements) {
    if (absl::Status status = client.exec(sql); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> table_count(ClickHouseClient& client, const std::string& condition) {
  return client.number(absl::StrCat("SELECT count() FROM system.tables WHERE database = ",
                                    clickhouse_literal(client.options().database), " AND ", condition));
}

absl::Status drop_days_before(ClickHouseClient& client, const std::string& table, uint64_t day) {
  std::vector<std::string> days;
  absl::Status status =
      client.query(absl::StrCat("SELECT DISTINCT partition FROM system.parts WHERE active AND database = ",
                                clickhouse_literal(client.options().database), " AND table = '", table,
                                "' AND toDate(partition) < toDate(", day, ") ORDER BY partition"),
                   [&](RowBinaryReader& row) {
                     const std::string_view text = row.text();
                     if (row.whole()) days.emplace_back(text);
                     return absl::OkStatus();
                   });
  for (const std::string& text : days) {
    if (!status.ok()) break;
    status = client.exec(absl::StrCat("ALTER TABLE ", table, " DROP PARTITION '", text, "'"));
  }
  return status;
}

// So many days until all of a day is older than the retention.
uint64_t days_kept(uint64_t retention_ns) {
  return retention_ns / kDayNs + (retention_ns % kDayNs == 0 ? 0 : 1) + 1;
}

uint64_t books_retention(uint64_t retention_ns) {
  return retention_ns > UINT64_MAX / kBooksKeptRetentions ? UINT64_MAX : retention_ns * kBooksKeptRetentions;
}

template <class Use>
absl::Status each_retention(uint64_t retention_ns, Use use) {
  for (const ClickHouseRowTable* table : kClickHouseRowTables) {
    if (absl::Status status = use(table->name, retention_ns); !status.ok()) return status;
  }
  return use("epochs", books_retention(retention_ns));
}

}  // namespace

uint64_t clickhouse_version(const std::string& text) {
  const std::vector<std::string> parts = absl::StrSplit(text, '.');
  uint64_t major = 0, minor = 0;
  if (parts.size() < 2 || !absl::SimpleAtoi(parts[0], &major) || !absl::SimpleAtoi(parts[1], &minor))
    return 0;
  return major * 1000 + minor;
}

std::string insert_into(const ClickHouseRowTable& table) {
  const bool keyed = table.view != nullptr;
  return absl::StrCat(table.name, "(", names_of(kRowHead), ", ", keyed ? kKeyNames : "", keyed ? ", " : "",
                      names_of(table.columns), ")");
}

std::string insert_into_epochs() { return absl::StrCat("epochs(", names_of(kEpochColumns), ")"); }

std::string committed_epochs(const std::string& where) {
  return absl::StrCat(where, " AND attempt IN (SELECT min(attempt) FROM epochs WHERE ", where,
                      " GROUP BY site, probe, run, start_ns, amendment)");
}

absl::Status check_clickhouse_version(const ClickHouseClient& client, uint64_t version) {
  if (version == kClickHouseSchemaVersion) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(client.options().name(), ": has schema version ", version,
                                                    ", this program knows ", kClickHouseSchemaVersion,
                                                    "; nothing was changed"));
}

absl::Status open_clickhouse_schema(ClickHouseClient& client) {
  const std::string& database = client.options().database;
  absl::StatusOr<uint64_t> there = table_count(client, "name = 'schema_version'");
  if (absl::IsNotFound(there.status())) {
    absl::Status made = client.exec_without_database("CREATE DATABASE IF NOT EXISTS " + database);
    if (!made.ok()) return made;
    there = table_count(client, "name = 'schema_version'");
  }
  if (!there.ok()) return there.status();
  if (*there == 0) {
    if (absl::Status made = make_tables(client); !made.ok()) return made;
  }
  const absl::StatusOr<uint64_t> version = client.number("SELECT max(version) FROM schema_version");
  if (!version.ok()) return version.status();
  return check_clickhouse_version(client, *version);
}

absl::StatusOr<bool> set_ttl(ClickHouseClient& client, uint64_t retention_ns) {
  std::string version;
  absl::Status asked = client.query("SELECT version()", [&](RowBinaryReader& row) {
    version = std::string(row.text());
    return absl::OkStatus();
  });
  if (!asked.ok()) return asked;
  if (clickhouse_version(version) < kFirstVersionWithTtl) return false;
  absl::Status set = each_retention(retention_ns, [&](const std::string& table, uint64_t kept_ns) {
    const uint64_t days = days_kept(kept_ns);
    if (days > kLastDay) return absl::OkStatus();
    const std::string ttl = absl::StrCat("TTL day + toIntervalDay(", days, ")");
    // Changing it makes the server go through all parts: only where it is another one.
    const absl::StatusOr<uint64_t> same = table_count(
        client, absl::StrCat("name = '", table, "' AND position(create_table_query, '", ttl, "') > 0"));
    if (!same.ok() || *same != 0) return same.status();
    return client.exec(absl::StrCat("ALTER TABLE ", table, " MODIFY ", ttl));
  });
  if (!set.ok()) return set;
  return true;
}

absl::Status drop_expired_days(ClickHouseClient& client, uint64_t retention_ns, uint64_t now_ns) {
  return each_retention(retention_ns, [&](const std::string& table, uint64_t kept_ns) {
    const uint64_t today = now_ns / kDayNs, over = kept_ns > now_ns ? 0 : (now_ns - kept_ns) / kDayNs;
    return over == 0 || over > today ? absl::OkStatus() : drop_days_before(client, table, over);
  });
}

}  // namespace netspectra

// The tables and views of a store in ClickHouse: made, checked, cleared of what is over.
//
// Purpose: docs/store.md says what each table and column means; here is the SQL. It is SQL that 18.16 knows
//   as well as later servers; what only these have (TTL) goes by their version.
// Partitions: a day, UTC, of the time at which an epoch is stored, not of the epoch's own: no wrong clock
//   makes a thousand partitions.
// Threads: no state. Errors: the client's; another schema version: FailedPrecondition.
// Cost: 10 statements where the tables are there, 0.2 s to make them.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "store/clickhouse_client.h"

namespace netspectra {

inline constexpr uint64_t kClickHouseSchemaVersion = 1;
inline constexpr uint64_t kDayNs = 86'400'000'000'000;

// A table whose rows count only if their attempt stands in `epochs`.
struct ClickHouseRowTable {
  const char* name;
  const char* columns;  // with types
  const char* view;     // nullptr: none
};
inline constexpr const char* kRowHead = "day Date, task String, start_ns UInt64, attempt UInt64";
inline constexpr ClickHouseRowTable kRecordRows = {
    "record_rows", "packets UInt64, bytes UInt64, first_seen_ns UInt64, last_seen_ns UInt64, tcp_flags UInt8",
    "records"};
inline constexpr ClickHouseRowTable kHeavyHitterRows = {
    "heavy_hitter_rows", "packets UInt64, bytes UInt64, error_packets UInt64, error_bytes UInt64",
    "heavy_hitters"};
inline constexpr ClickHouseRowTable kSpreadRows = {"spread_rows", "spread UInt64", "spreads"};
inline constexpr ClickHouseRowTable kStateRows = {"state_rows", "part UInt32, state String", nullptr};
inline constexpr const ClickHouseRowTable* kClickHouseRowTables[] = {&kRecordRows, &kHeavyHitterRows,
                                                                     &kSpreadRows, &kStateRows};

// "18.16.1" -> 18016; 0 where it is not a version.
uint64_t clickhouse_version(const std::string& text);

// For ClickHouseClient::insert(): the columns in the order in which clickhouse_rows.h writes them.
std::string insert_into(const ClickHouseRowTable& table);
std::string insert_into_epochs();

// What commits is one row of `epochs` for each (site, probe, run, start_ns, amendment). Where there are
// several, since the outcome of an attempt was not known, the one with the smallest attempt counts. `where`:
// a condition on these columns, by which both the epochs and what they are compared with are read.
std::string committed_epochs(const std::string& where);

absl::Status check_clickhouse_version(const ClickHouseClient& client, uint64_t version);
// Makes what is missing, the database, too.
absl::Status open_clickhouse_schema(ClickHouseClient& client);

// Of rows, once they have been stored for the retention; their books are kept for 64 times that. By the
// server itself where it knows TTL (19.6); else call drop_expired_days() now and then.
absl::StatusOr<bool> set_ttl(ClickHouseClient& client, uint64_t retention_ns);
absl::Status drop_expired_days(ClickHouseClient& client, uint64_t retention_ns, uint64_t now_ns);

}  // namespace netspectra

#include "store/sqlite_schema.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "task/task_words.h"

namespace netspectra {
namespace {

constexpr const char* kBooks = R"(
CREATE TABLE schema_version(version INTEGER NOT NULL);
CREATE TABLE sources(id INTEGER PRIMARY KEY, site TEXT NOT NULL, probe TEXT NOT NULL, UNIQUE(site, probe));
CREATE TABLE tasks(
  id INTEGER PRIMARY KEY, name TEXT NOT NULL, kind TEXT NOT NULL, fields TEXT NOT NULL, elements TEXT NOT NULL,
  rank_by TEXT NOT NULL, threshold INTEGER NOT NULL, threshold_share_ppm INTEGER NOT NULL,
  memory_bytes INTEGER NOT NULL, seed INTEGER NOT NULL, derived_from TEXT NOT NULL,
  UNIQUE(name, kind, fields, elements, rank_by, threshold, threshold_share_ppm, memory_bytes, seed, derived_from));
CREATE TABLE partitions(id INTEGER PRIMARY KEY AUTOINCREMENT, begin_ns INTEGER NOT NULL, end_ns INTEGER);
CREATE TABLE epochs(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  source_id INTEGER NOT NULL, run INTEGER NOT NULL, start_ns INTEGER NOT NULL, amendment INTEGER NOT NULL,
  period_ns INTEGER NOT NULL, stored_ns INTEGER NOT NULL,
  expected_snapshots INTEGER NOT NULL, missing_snapshots INTEGER NOT NULL, holds BLOB NOT NULL,
  rx_packets INTEGER NOT NULL, rx_bytes INTEGER NOT NULL, ip_packets INTEGER NOT NULL, ip_bytes INTEGER NOT NULL,
  not_ip INTEGER NOT NULL, malformed INTEGER NOT NULL, other_drops INTEGER NOT NULL,
  filtered_out INTEGER NOT NULL, late_packets INTEGER NOT NULL,
  first_seen_ns INTEGER, last_seen_ns INTEGER,
  received INTEGER NOT NULL, nic_missed INTEGER NOT NULL, no_mbuf INTEGER NOT NULL, nic_errors INTEGER NOT NULL,
  kernel_dropped INTEGER NOT NULL, epoch_overruns INTEGER NOT NULL, busy_ns INTEGER NOT NULL,
  total_ns INTEGER NOT NULL,
  UNIQUE(source_id, run, start_ns, amendment));
CREATE INDEX epochs_by_start ON epochs(start_ns);
CREATE TABLE drops(
  epoch_id INTEGER NOT NULL, reason TEXT NOT NULL, packets INTEGER NOT NULL,
  PRIMARY KEY(epoch_id, reason)) WITHOUT ROWID;
CREATE TABLE ethertypes(
  epoch_id INTEGER NOT NULL, ethertype INTEGER NOT NULL, packets INTEGER NOT NULL,
  PRIMARY KEY(epoch_id, ethertype)) WITHOUT ROWID;
CREATE TABLE notes(
  epoch_id INTEGER NOT NULL, kind TEXT NOT NULL, number INTEGER NOT NULL, text TEXT NOT NULL,
  PRIMARY KEY(epoch_id, kind, number)) WITHOUT ROWID;
CREATE TABLE task_results(
  epoch_id INTEGER NOT NULL, task_id INTEGER NOT NULL, partition_id INTEGER NOT NULL,
  first_row INTEGER NOT NULL, row_count INTEGER NOT NULL, packets INTEGER, bytes INTEGER,
  overflow_packets INTEGER, overflow_bytes INTEGER, overflow_first_seen_ns INTEGER, overflow_last_seen_ns INTEGER,
  overflow_tcp_flags INTEGER, cardinality INTEGER, threshold INTEGER, standard_error REAL,
  first_state INTEGER NOT NULL, state_count INTEGER NOT NULL,
  PRIMARY KEY(epoch_id, task_id)) WITHOUT ROWID;
CREATE VIEW ledger AS SELECT s.site, s.probe, e.* FROM epochs e JOIN sources s ON s.id = e.source_id;
CREATE VIEW results AS
  SELECT e.start_ns, e.period_ns, s.site, s.probe, e.run, e.amendment, t.name AS task, t.kind, t.fields, t.elements,
    t.derived_from, x.* FROM epochs e JOIN task_results x ON x.epoch_id = e.id JOIN tasks t ON t.id = x.task_id
    JOIN sources s ON s.id = e.source_id;
)";

// A level of roll-ups. What is no field of the task's is '' or -1: a primary key has no NULLs.
constexpr const char* kRollup = R"(
CREATE TABLE $name(
  bucket_ns INTEGER NOT NULL, source_id INTEGER NOT NULL, task_id INTEGER NOT NULL, ip_version INTEGER NOT NULL,
  src_ip BLOB NOT NULL, dst_ip BLOB NOT NULL, src_port INTEGER NOT NULL, dst_port INTEGER NOT NULL,
  protocol INTEGER NOT NULL, vlan INTEGER NOT NULL, packets INTEGER NOT NULL, bytes INTEGER NOT NULL,
  first_seen_ns INTEGER NOT NULL, last_seen_ns INTEGER NOT NULL, tcp_flags INTEGER NOT NULL,
  PRIMARY KEY(bucket_ns, source_id, task_id, ip_version, src_ip, dst_ip, src_port, dst_port, protocol, vlan))
  WITHOUT ROWID;
CREATE TABLE $name_rest(
  bucket_ns INTEGER NOT NULL, source_id INTEGER NOT NULL, task_id INTEGER NOT NULL, epochs INTEGER NOT NULL,
  packets INTEGER NOT NULL, bytes INTEGER NOT NULL, most_packets INTEGER NOT NULL, most_bytes INTEGER NOT NULL,
  overflow_packets INTEGER NOT NULL, overflow_bytes INTEGER NOT NULL,
  PRIMARY KEY(bucket_ns, source_id, task_id)) WITHOUT ROWID;
CREATE VIEW $view AS
  SELECT r.bucket_ns, s.site, s.probe, t.name AS task, nullif(ip_version, -1) AS ip_version, $src_ip AS src_ip,
    $dst_ip AS dst_ip, nullif(src_port, -1) AS src_port, nullif(dst_port, -1) AS dst_port,
    nullif(protocol, -1) AS protocol, nullif(vlan, -1) AS vlan, packets, bytes, first_seen_ns, last_seen_ns, tcp_flags
  FROM $name r JOIN sources s ON s.id = r.source_id JOIN tasks t ON t.id = r.task_id;
)";

// 16 bytes as text: IPv4 in dotted decimals, IPv6 in eight groups of four digits. Plain SQL, so that it works in any
// SQLite; instr() gives a hexadecimal digit's value.
std::string address_text(const std::string& column) {
  const std::string hex = absl::StrCat("hex(", column, ")");
  std::string v4, v6;
  for (int byte = 12; byte < 16; ++byte) {
    const auto digit = [&](int place) {
      return absl::StrCat("instr('123456789ABCDEF',substr(", hex, ",", place, ",1))");
    };
    absl::StrAppend(&v4, byte == 12 ? "(" : "||'.'||(", digit(2 * byte + 1), "*16+", digit(2 * byte + 2),
                    ")");
  }
  for (int group = 0; group < 8; ++group) {
    absl::StrAppend(&v6, group == 0 ? "" : "||':'||", "substr(", hex, ",", 4 * group + 1, ",4)");
  }
  // A field that is not the task's is NULL, or '' in a roll-up.
  return absl::StrCat("CASE length(", column, ") * ip_version WHEN 64 THEN ", v4, " WHEN 96 THEN lower(", v6,
                      ") END");
}

// CROSS JOIN fixes the order: from the epochs of a time by way of their row numbers to the rows, without an index.
std::string view_arm(const SqliteRowKind& kind, int64_t partition) {
  return absl::StrCat(
      "SELECT e.start_ns, e.period_ns, s.site, s.probe, e.run, t.name AS task, r.ip_version, r.src_ip, ",
      "r.dst_ip, r.src_port, r.dst_port, r.protocol, r.vlan, r.",
      absl::StrReplaceAll(kind.values, {{", ", ", r."}}),
      " FROM epochs e CROSS JOIN task_results x "
      "ON x.epoch_id = e.id CROSS JOIN tasks t ON t.id = x.task_id CROSS JOIN sources s ON s.id = "
      "e.source_id CROSS JOIN ",
      kind.table, "_", partition, " r ON r.id BETWEEN x.first_row AND x.first_row + x.row_count - 1 ",
      "WHERE t.kind = '", kind_name(kind.task_kind), "' AND x.partition_id = ", partition);
}

absl::StatusOr<std::vector<int64_t>> partitions_of(SqliteDb& db) {
  SqliteStatement next;
  absl::Status status = db.prepare("SELECT min(id) FROM partitions WHERE id > ?1", next);
  if (!status.ok()) return status;
  std::vector<int64_t> ids;
  for (int64_t last = 0;;) {
    const absl::StatusOr<int64_t> id = next.number(0, last);
    if (!id.ok()) return id.status();
    if (*id == 0) return ids;
    ids.push_back(last = *id);
  }
}

// The view over all partitions as it is, and with readable addresses. Two views, because SQLite works out every column
// of a view over several tables, asked for or not, and an address takes 5 us.
std::string create_views(const SqliteRowKind& kind, const std::string& arms) {
  return absl::StrCat("CREATE VIEW ", kind.table, " AS ", arms, "; CREATE VIEW ", kind.table,
                      "_text AS SELECT start_ns, period_ns, site, probe, run, task, ip_version, ",
                      address_text("src_ip"), " AS src_ip, ", address_text("dst_ip"),
                      " AS dst_ip, src_port, dst_port, protocol, vlan, ", kind.values, " FROM ", kind.table,
                      ";");
}

std::string drop_views(const SqliteRowKind& kind) {
  return absl::StrCat("DROP VIEW IF EXISTS ", kind.table, "_text; DROP VIEW IF EXISTS ", kind.table, ";");
}

absl::Status renew_views(SqliteDb& db) {
  const absl::StatusOr<std::vector<int64_t>> partitions = partitions_of(db);
  if (!partitions.ok()) return partitions.status();
  std::string sql;
  for (const SqliteRowKind& kind : kSqliteRowKinds) {
    sql += drop_views(kind);
    std::string arms;
    for (const int64_t id : *partitions) {
      absl::StrAppend(&arms, arms.empty() ? "" : " UNION ALL ", view_arm(kind, id));
    }
    if (!arms.empty()) sql += create_views(kind, arms);
  }
  return db.exec(sql);
}

absl::Status create_tables(SqliteDb& db) {
  std::string sql = kBooks;
  for (const RollupLevel& level : kRollupLevels) {
    sql += absl::StrReplaceAll(kRollup, {{"$name", level.name},
                                         {"$view", level.view},
                                         {"$src_ip", address_text("src_ip")},
                                         {"$dst_ip", address_text("dst_ip")}});
  }
  absl::StrAppend(&sql, "INSERT INTO schema_version VALUES(", kSqliteSchemaVersion, ");");
  absl::StrAppend(&sql, "PRAGMA application_id = ", kSqliteApplicationId, ";");
  return db.exec(sql);
}

absl::Status refused(const SqliteDb& db, const std::string& why) {
  return absl::FailedPreconditionError(absl::StrCat(db.path(), ": ", why));
}

// `is_new`: nothing is in it yet.
absl::Status check(SqliteDb& db, bool& is_new) {
  const absl::StatusOr<int64_t> application = db.number("PRAGMA application_id");
  if (!application.ok()) return application.status();
  const absl::StatusOr<int64_t> tables = db.number("SELECT count(*) FROM sqlite_master");
  if (!tables.ok()) return tables.status();
  is_new = *application == 0 && *tables == 0;
  if (is_new) return absl::OkStatus();
  if (*application != kSqliteApplicationId)
    return refused(db, "is another program's database; nothing was changed");
  const absl::StatusOr<int64_t> version = db.number("SELECT max(version) FROM schema_version");
  if (!version.ok()) return version.status();
  if (*version == kSqliteSchemaVersion) return absl::OkStatus();
  return refused(db, absl::StrCat("has schema version ", *version, ", this program knows ",
                                  kSqliteSchemaVersion, "; nothing was changed"));
}

absl::Status prepare_file(SqliteDb& db) {
  if (db.read_only()) return refused(db, "cannot be written");
  bool is_new = false;
  if (absl::Status status = check(db, is_new); !status.ok()) return status;
  // FULL: what was committed, and acknowledged to a probe, stays through a power failure, too. The log is cut back after
  // a large epoch. Dropped pages are not overwritten with zeros, as Debian's build would.
  absl::Status status = db.exec(
      "PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 67108864; PRAGMA secure_delete = OFF; "
      "PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY");
  if (!status.ok()) return status;
  if (status = db.exec("PRAGMA journal_mode = WAL"); !status.ok()) return status;
  if (!is_new) return absl::OkStatus();
  if (status = db.exec("BEGIN IMMEDIATE"); !status.ok()) return status;
  status = check(db, is_new);  // another program may have been first
  if (status.ok() && is_new) status = create_tables(db);
  if (status.ok()) status = db.exec("COMMIT");
  if (!status.ok()) db.rollback();
  return status;
}

}  // namespace

absl::StatusOr<SqliteDb> open_sqlite_schema(const std::string& path) {
  absl::StatusOr<SqliteDb> db = SqliteDb::open(path);
  if (!db.ok()) return db.status();
  if (absl::Status status = prepare_file(*db); !status.ok()) return status;
  return db;
}

absl::StatusOr<SqliteDb> open_sqlite_schema_to_read(const std::string& path) {
  absl::StatusOr<SqliteDb> db = SqliteDb::open_to_read(path);
  if (!db.ok()) return db.status();
  bool is_new = false;
  if (absl::Status status = check(*db, is_new); !status.ok()) return status;
  if (is_new)
    return absl::UnavailableError(absl::StrCat(path, ": is empty, nothing has been stored in it yet"));
  if (absl::Status status = db->exec("PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY"); !status.ok())
    return status;
  return db;
}

absl::StatusOr<int64_t> begin_partition(SqliteDb& db, uint64_t now_ns) {
  const std::string now = std::to_string(now_ns);
  absl::Status status =
      db.exec(absl::StrCat("UPDATE partitions SET end_ns = ", now, " WHERE end_ns IS NULL; ",
                           "INSERT INTO partitions(begin_ns) VALUES(", now, ")"));
  if (!status.ok()) return status;
  const absl::StatusOr<int64_t> partition = db.number("SELECT max(id) FROM partitions");
  if (!partition.ok()) return partition;
  std::string sql;
  for (const SqliteRowKind& kind : kSqliteRowKinds) {
    absl::StrAppend(
        &sql, "CREATE TABLE ", kind.table, "_", *partition,
        "(id INTEGER PRIMARY KEY, ip_version INTEGER, src_ip BLOB, dst_ip BLOB, src_port INTEGER, ",
        "dst_port INTEGER, protocol INTEGER, vlan INTEGER, ",
        absl::StrReplaceAll(kind.values, {{",", " INTEGER,"}}), " INTEGER);");
  }
  absl::StrAppend(&sql, "CREATE TABLE states_", *partition,
                  "(id INTEGER PRIMARY KEY, state_bytes INTEGER NOT NULL, state BLOB NOT NULL);");
  if (status = db.exec(sql); !status.ok()) return status;
  if (status = renew_views(db); !status.ok()) return status;
  return partition;
}

absl::Status drop_partition(SqliteDb& db, int64_t partition) {
  std::string sql = absl::StrCat("DELETE FROM partitions WHERE id = ", partition, ";");
  // The views first: SQLite checks them when a table that they name goes.
  for (const SqliteRowKind& kind : kSqliteRowKinds) sql += drop_views(kind);
  for (const SqliteRowKind& kind : kSqliteRowKinds)
    absl::StrAppend(&sql, "DROP TABLE ", kind.table, "_", partition, ";");
  absl::StrAppend(&sql, "DROP TABLE states_", partition, ";");
  if (absl::Status status = db.exec(sql); !status.ok()) return status;
  return renew_views(db);
}

}  // namespace netspectra

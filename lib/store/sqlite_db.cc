#include "store/sqlite_db.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace netspectra {
namespace {

// Another program's transaction is waited for this long: an epoch of a million rows takes 2 s.
constexpr int kLockWaitMs = 5'000;

absl::StatusCode code_of(int result) {
  switch (result & 0xff) {
    case SQLITE_FULL:
      return absl::StatusCode::kResourceExhausted;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return absl::StatusCode::kUnavailable;
    default:
      return absl::StatusCode::kFailedPrecondition;
  }
}

// SQLite keeps the system's error number of some failures, not of a commit's: errno is set to 0 before each statement.
bool is_of_system(int result) {
  const int primary = result & 0xff;
  return primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN;
}

absl::Status error_of(sqlite3* db) {
  const int system = errno;
  const int result = sqlite3_extended_errcode(db);
  const char* file = sqlite3_db_filename(db, "main");
  std::string text = absl::StrCat(file == nullptr ? "" : file, ": ", sqlite3_errmsg(db));
  if (is_of_system(result) && system != 0) absl::StrAppend(&text, " (", std::strerror(system), ")");
  return absl::Status(code_of(result), text);
}

// "./": SQLite has names of its own with a meaning (":memory:", "file:").
std::string plain_path(const std::string& path) { return path[0] == '/' ? path : absl::StrCat("./", path); }

}  // namespace

absl::Status SqliteStatement::reset() {
  if (sqlite3_reset(get()) == SQLITE_OK) return absl::OkStatus();
  return error_of(sqlite3_db_handle(get()));
}

absl::StatusOr<SqliteDb> SqliteDb::open(const std::string& path) {
  SqliteDb db;
  db.path_ = path;
  sqlite3* handle = nullptr;
  const int result =
      sqlite3_open_v2(plain_path(path).c_str(), &handle,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  db.db_.reset(handle);
  if (handle == nullptr) return absl::ResourceExhaustedError(absl::StrCat(path, ": no memory for SQLite"));
  if (result != SQLITE_OK) {
    const int system = sqlite3_system_errno(handle);
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": ", system == 0 ? sqlite3_errmsg(handle) : std::strerror(system)));
  }
  sqlite3_busy_timeout(handle, kLockWaitMs);
  return db;
}

absl::Status SqliteDb::exec(const std::string& sql) {
  errno = 0;
  if (sqlite3_exec(db_.get(), sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK) return absl::OkStatus();
  return error_of(db_.get());
}

absl::Status SqliteDb::prepare(const std::string& sql, SqliteStatement& statement) {
  sqlite3_stmt* prepared = nullptr;
  if (sqlite3_prepare_v3(db_.get(), sql.c_str(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                         &prepared, nullptr) != SQLITE_OK) {
    return error_of(db_.get());
  }
  statement.statement_.reset(prepared);
  return absl::OkStatus();
}

absl::StatusOr<int64_t> SqliteDb::number(const std::string& sql, int64_t otherwise) {
  SqliteStatement statement;
  if (absl::Status status = prepare(sql, statement); !status.ok()) return status;
  return statement.number(otherwise);
}

void SqliteDb::rollback() {
  if (db_ != nullptr && sqlite3_get_autocommit(db_.get()) == 0) {
    sqlite3_exec(db_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
  }
}

}  // namespace netspectra

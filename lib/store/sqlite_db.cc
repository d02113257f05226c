#include "store/sqlite_db.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace netspectra {
namespace {

// Another program's transaction is waited for this long: an epoch of a million rows takes 2 s.
constexpr int kLockWaitMs = 5'000;
// SQLite's steps between two looks at the clock: some 0.1 ms.
constexpr int kStepsBetweenLooks = 4'000;
constexpr const char* kTooLate = "the answer takes longer than it may";

absl::StatusCode code_of(int result) {
  switch (result & 0xff) {
    case SQLITE_FULL:
      return absl::StatusCode::kResourceExhausted;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return absl::StatusCode::kUnavailable;
    case SQLITE_INTERRUPT:  // by set_deadline() only
      return absl::StatusCode::kDeadlineExceeded;
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
  std::string text = absl::StrCat(file == nullptr ? "" : file, ": ",
                                  result == SQLITE_INTERRUPT ? kTooLate : sqlite3_errmsg(db));
  if (is_of_system(result) && system != 0) absl::StrAppend(&text, " (", std::strerror(system), ")");
  return absl::Status(code_of(result), text);
}

// "./": SQLite has names of its own with a meaning (":memory:", "file:").
std::string plain_path(const std::string& path) { return path[0] == '/' ? path : absl::StrCat("./", path); }

// The same as a URI: https://sqlite.org/uri.html. "//": no host, or a path that begins with two slashes would have one.
std::string frozen_uri(const std::string& path) {
  const std::string plain = absl::StrReplaceAll(plain_path(path), {{"%", "%25"}, {"?", "%3f"}, {"#", "%23"}});
  return absl::StrCat(plain[0] == '/' ? "file://" : "file:", plain, "?immutable=1");
}

// Whether the file has no log, nor can get one. A program that writes it would have both; a log with something in it
// must not be passed over.
bool is_alone_on_a_read_only_disk(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  if (fs::exists(path + "-shm", ignored)) return false;
  if (fs::exists(path + "-wal", ignored) && fs::file_size(path + "-wal", ignored) > 0) return false;
  const std::string folder = fs::path(plain_path(path)).parent_path().string();
  return fs::exists(path, ignored) && ::access(folder.c_str(), W_OK) != 0;
}

int is_too_late(void* deadline) {
  return SqliteDb::Clock::now() >= *static_cast<const SqliteDb::Clock::time_point*>(deadline) ? 1 : 0;
}

}  // namespace

absl::Status SqliteStatement::reset() {
  if (sqlite3_reset(get()) == SQLITE_OK) return absl::OkStatus();
  return error_of(sqlite3_db_handle(get()));
}

absl::StatusOr<SqliteDb> SqliteDb::open(const std::string& path, const std::string& name, int flags) {
  SqliteDb db;
  db.path_ = path;
  sqlite3* handle = nullptr;
  const int result = sqlite3_open_v2(name.c_str(), &handle, flags | SQLITE_OPEN_NOMUTEX, nullptr);
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

absl::StatusOr<SqliteDb> SqliteDb::open(const std::string& path) {
  return open(path, plain_path(path), SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
}

absl::StatusOr<SqliteDb> SqliteDb::open_to_read(const std::string& path) {
  const bool frozen = is_alone_on_a_read_only_disk(path);
  absl::StatusOr<SqliteDb> db = frozen ? open(path, frozen_uri(path), SQLITE_OPEN_READONLY | SQLITE_OPEN_URI)
                                       : open(path, plain_path(path), SQLITE_OPEN_READONLY);
  if (db.ok()) db->frozen_ = frozen;
  return db;
}

void SqliteDb::set_deadline(Clock::time_point deadline) {
  if (deadline_ == nullptr) {
    deadline_ = std::make_unique<Clock::time_point>();
    sqlite3_progress_handler(db_.get(), kStepsBetweenLooks, is_too_late, deadline_.get());
  }
  *deadline_ = deadline;
}

absl::Status SqliteDb::check_deadline() const {
  if (deadline_ == nullptr || !is_too_late(deadline_.get())) return absl::OkStatus();
  return absl::DeadlineExceededError(absl::StrCat(path_, ": ", kTooLate));
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

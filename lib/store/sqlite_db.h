// SQLite in C++: a connection, a prepared statement, and errors that name the file.
//
// Shapes: counts are 64 bits without a sign here and with one in SQLite: Count keeps what does not fit at 2^63 - 1, Bits
//   keeps all 64 bits (from 2^63 on as negative numbers). An empty Bytes is an empty blob, nullptr is NULL.
// Ownership: a statement must not outlive its connection. Threads: one thread.
// Errors: "PATH: what SQLite says (what the system says)"; ResourceExhausted where the disk is full, Unavailable where
//   another program holds the lock, DeadlineExceeded, else FailedPrecondition.
// Cost: 50 ns a value, 0.5 us a row.
// Source: sqlite.org/c3ref; sqlite.org/rescode.html.
#pragma once

#include <sqlite3.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <type_traits>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace netspectra {

struct Count {
  uint64_t value;
};
struct Bits {
  uint64_t value;
};
using Bytes = std::span<const uint8_t>;

// The row that a statement stands on. A NULL is 0, "", empty.
class SqliteRow {
 public:
  explicit SqliteRow(sqlite3_stmt* statement) : statement_(statement) {}
  int64_t number(int column) const { return sqlite3_column_int64(statement_, column); }
  uint64_t bits(int column) const { return static_cast<uint64_t>(number(column)); }
  double real(int column) const { return sqlite3_column_double(statement_, column); }
  Bytes blob(int column) const {  // until the next row
    const void* data = sqlite3_column_blob(statement_, column);
    return {static_cast<const uint8_t*>(data), static_cast<size_t>(sqlite3_column_bytes(statement_, column))};
  }
  std::string bytes(int column) const {  // of a text or a blob
    const Bytes bytes = blob(column);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

 private:
  sqlite3_stmt* statement_;
};

class SqliteStatement {
 public:
  // Binds the values to ?1, ?2, ... and runs it to its end; rows that it returns are passed over.
  template <class... Values>
  absl::Status run(const Values&... values) {
    return each([](const SqliteRow&) {}, values...);
  }
  // Up to the row for which `on_row` returns false, if it returns anything.
  template <class OnRow, class... Values>
  absl::Status each(OnRow on_row, const Values&... values) {
    bind_all(values...);
    while (step()) {
      if constexpr (std::is_void_v<std::invoke_result_t<OnRow, const SqliteRow&>>) {
        on_row(SqliteRow(get()));
      } else if (!on_row(SqliteRow(get()))) {
        break;
      }
    }
    return reset();
  }
  // The first column of the first row; `otherwise` where there is no row or a NULL.
  template <class... Values>
  absl::StatusOr<int64_t> number(int64_t otherwise, const Values&... values) {
    bind_all(values...);
    if (step() && sqlite3_column_type(get(), 0) != SQLITE_NULL) otherwise = SqliteRow(get()).number(0);
    if (absl::Status status = reset(); !status.ok()) return status;
    return otherwise;
  }

 private:
  friend class SqliteDb;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };

  template <class... Values>
  void bind_all(const Values&... values) {
    errno = 0;
    int place = 0;
    (bind(++place, values), ...);
  }
  // What bind says is said again by the step that follows: a wrong place is a mistake of the program's.
  void bind(int place, std::nullptr_t) { sqlite3_bind_null(get(), place); }
  void bind(int place, int64_t value) { sqlite3_bind_int64(get(), place, value); }
  void bind(int place, double value) { sqlite3_bind_double(get(), place, value); }
  void bind(int place, Bits value) { sqlite3_bind_int64(get(), place, static_cast<int64_t>(value.value)); }
  void bind(int place, Count value) {
    constexpr uint64_t kMost = std::numeric_limits<int64_t>::max();
    sqlite3_bind_int64(get(), place, static_cast<int64_t>(value.value < kMost ? value.value : kMost));
  }
  // Texts and blobs are borrowed: they outlive the call.
  void bind(int place, const std::string& text) {
    sqlite3_bind_text(get(), place, text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
  }
  void bind(int place, Bytes bytes) {
    if (bytes.empty()) {
      sqlite3_bind_zeroblob(get(), place, 0);
    } else {
      sqlite3_bind_blob(get(), place, bytes.data(), static_cast<int>(bytes.size()), SQLITE_STATIC);
    }
  }
  template <class Value>
  void bind(int place, const std::optional<Value>& value) {
    value ? bind(place, *value) : bind(place, nullptr);
  }

  bool step() { return sqlite3_step(get()) == SQLITE_ROW; }
  absl::Status reset();  // what the last step had to say
  sqlite3_stmt* get() const { return statement_.get(); }

  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

class SqliteDb {
 public:
  using Clock = std::chrono::steady_clock;

  // Creates the file where it is missing; nothing is read or written yet.
  static absl::StatusOr<SqliteDb> open(const std::string& path);
  // Only what is there. Reading in WAL mode needs a log and its index (PATH-wal, PATH-shm) beside the file; where they
  // are missing and cannot be made, on a read-only disk, the file is read as it stands: frozen().
  static absl::StatusOr<SqliteDb> open_to_read(const std::string& path);

  absl::Status exec(const std::string& sql);  // one or more statements without values
  absl::Status prepare(const std::string& sql, SqliteStatement& statement);
  absl::StatusOr<int64_t> number(const std::string& sql, int64_t otherwise = 0);
  void rollback();  // where there is anything to roll back
  bool read_only() const { return sqlite3_db_readonly(db_.get(), "main") == 1; }
  // Whether it does not see what is written from now on, and must not be used once something is.
  bool frozen() const { return frozen_; }
  // Statements that run past it end with DeadlineExceeded.
  void set_deadline(Clock::time_point deadline);
  absl::Status check_deadline() const;  // for what is done between two statements
  const std::string& path() const { return path_; }

 private:
  struct Close {
    void operator()(sqlite3* db) const { sqlite3_close(db); }
  };
  static absl::StatusOr<SqliteDb> open(const std::string& path, const std::string& name, int flags);

  std::string path_;
  bool frozen_ = false;
  std::unique_ptr<Clock::time_point> deadline_;  // where SQLite finds it
  std::unique_ptr<sqlite3, Close> db_;
};

}  // namespace netspectra

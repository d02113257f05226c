// ClickHouse over HTTP: statements, bodies of rows in, rows out.
//
// Shapes: rows are RowBinary (clickhouse_row_binary.h) in both directions, streamed: neither a body nor an
//   answer is ever whole in memory. The server keeps an answer back until the query has ended
//   (wait_end_of_query), since an error that came after the first rows would stand among them.
// Retry: what only reads, or changes nothing when it is done twice (query, exec), is tried three times where
//   the connection fails before the first row. An insert is sent once, on a connection of its own: on one
//   that was used before, libcurl would send it again of itself when the server dies before it answers, and
//   it would be there twice.
// Ownership: owns its connection. Threads: one thread. Errors: "clickhouse://host:port/database: cause", one
//   line, without user and password. Unavailable: no connection; DeadlineExceeded; ResourceExhausted: memory,
//   disk, or another limit of the server's; PermissionDenied: the login; NotFound: no such database, table or
//   column; else Internal.
// Cost: a request takes about 1 ms, an insert 3 to 10 ms, on loopback.
// Source: clickhouse.com/docs, "HTTP interface"; its ErrorCodes; curl.se/libcurl/c.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "store/clickhouse_row_binary.h"
#include "store/clickhouse_url.h"

namespace netspectra {

class ClickHouseClient {
 public:
  using Clock = std::chrono::steady_clock;
  // Reads one row and must do nothing with it unless the reader is still whole() after its last value: else
  // it is called again when more has come. A status of its own ends the query.
  using OnRow = std::function<absl::Status(RowBinaryReader&)>;
  // Appends rows, some 100 KB at a time; false: there are no more.
  using MoreRows = std::function<bool(RowBinaryWriter&)>;

  static absl::StatusOr<ClickHouseClient> open(
      const ClickHouseOptions& options);  // asks nothing of the server yet

  // Of all calls that follow; without one a call may take kTimeout.
  void set_deadline(Clock::time_point deadline) { deadline_ = deadline; }

  absl::Status exec(const std::string& sql);
  absl::Status query(const std::string& sql, const OnRow& on_row);
  // The one value of the one row.
  absl::StatusOr<uint64_t> number(const std::string& sql);
  // `into`: "table(column, column)".
  absl::Status insert(const std::string& into, const MoreRows& more);
  // Without a database, for making it.
  absl::Status exec_without_database(const std::string& sql);

  const ClickHouseOptions& options() const { return options_; }

 private:
  struct Close {
    void operator()(void* curl) const;
  };
  struct Request;

  explicit ClickHouseClient(const ClickHouseOptions& options) : options_(options) {}
  absl::Status send_repeatable(Request& request);
  absl::Status send(Request& request);
  absl::StatusOr<std::chrono::milliseconds> time_left(std::chrono::milliseconds longest) const;
  std::string url(const Request& request, std::chrono::milliseconds time) const;
  absl::Status outcome(const Request& request, int curl_code, const char* curl_words) const;
  absl::Status error(absl::StatusCode code, const std::string& cause) const;

  ClickHouseOptions options_;
  Clock::time_point deadline_ = Clock::time_point::max();
  std::unique_ptr<void, Close> curl_;
};

// A value as SQL: nothing but hexadecimal digits of it stands in the statement.
std::string clickhouse_literal(std::string_view value);

}  // namespace netspectra

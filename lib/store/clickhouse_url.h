// "clickhouse://user:password@host:port/database?retention=7d&tls=1" -> options.
//
// Purpose: one reading of the URL for the store and for the query source.
// Shapes: docs/store.md. User and password may be %-encoded; without a password in the URL it is that of the
//   environment variable CLICKHOUSE_PASSWORD.
// Errors: InvalidArgument; what is wrong is named, the URL itself is not repeated: it may hold a password.
// Threads: pure, but for the environment.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace netspectra {

struct ClickHouseOptions {
  std::string host;
  uint16_t port = 0;
  bool tls = false;
  std::string user = "default";
  std::string password;
  std::string database = "default";  // letters, digits, '_'
  uint64_t retention_ns = 0;         // 0: rows are kept for ever

  // For messages: without user and password.
  std::string name() const;
};

absl::StatusOr<ClickHouseOptions> parse_clickhouse_url(const std::string& url);

}  // namespace netspectra

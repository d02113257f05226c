// What ns-query is asked to do.
//
// Shapes: docs/ns-query.md. Parameters keep the names that the API has; what they may be is the server's to say.
// Threads: plain data. Errors: InvalidArgument, all mistakes at once, a line each.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"

namespace netspectra {

enum class QueryFormat : uint8_t { kTable, kJson };
enum class QueryEarlyExit : uint8_t { kHelp, kVersion };

using Parameters = std::vector<std::pair<std::string, std::string>>;  // name, value

struct QueryOptions {
  std::string url = "http://127.0.0.1:8080";
  std::string token;    // "" = none
  std::string ca_file;  // "" = the system's authorities
  std::string command;
  Parameters parameters;
  QueryFormat format = QueryFormat::kTable;
  bool all = false;          // follow `next`
  uint64_t duration_ns = 0;  // live: 0 = until a signal
};

std::string query_help();
absl::StatusOr<std::variant<QueryOptions, QueryEarlyExit>> parse_query_options(int argc,
                                                                               const char* const* argv);

}  // namespace netspectra

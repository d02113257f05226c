// Text to queries: `where`, times, fields, and the parameters of an HTTP request.
//
// Shapes: docs/query-api.md. where = CONDITION {"and" CONDITION}; CONDITION = FIELD ("=" | "!=" | "in" | "not in")
//   VALUE {"," VALUE} | FIELD ("<" | "<=" | ">" | ">=") NUMBER; a VALUE is a number, a range (1-1023), an address, or a
//   network (10.0.0.0/8); protocol also as a name (tcp), tcp_flags also as letters (SA: these and no others).
// Errors: InvalidArgument: the part that is wrong, why, and what would be right; to follow the parameter's name.
// Threads: pure. Survives any bytes (tests/fuzz/query_fuzz.cc).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "query/query.h"

namespace netspectra {

using QueryParameters = std::vector<std::pair<std::string, std::string>>;  // name, value; decoded

absl::StatusOr<std::vector<Condition>> parse_where(const std::string& text);
// "src_ip,dst_ip"
absl::StatusOr<KeyFields> parse_fields(const std::string& text);
// RFC 3339 ("2026-01-31T12:00:00Z", with fraction and offset), nanoseconds since the Unix epoch, "now", or back from
// now: "-15m".
absl::StatusOr<uint64_t> parse_time(const std::string& text, uint64_t now_ns);

// Whether a record satisfies all conditions; as conditions_sql() (query/sql.h) has it. REQUIRES: they are over fields that
// the key has.
bool satisfies(const std::vector<Condition>& where, const FlowKey& key, uint8_t tcp_flags);

}  // namespace netspectra

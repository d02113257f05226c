// What stands between the method and "HTTP/1.1", taken apart and decoded.
//
// Purpose: a handler sees plain paths only. A path begins with "/", has no empty, "." or ".." segment (one "/" at its end
//   is left), no control character, and is decoded once: "%252e" is "%2e". Of a query, "+" is a space; NUL is refused.
// Errors: a text for the client, naming what is wrong.
// Source: RFC 9112, 3.2; RFC 3986; WHATWG URL, application/x-www-form-urlencoded.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace netspectra {

struct RequestTarget {
  std::string path;
  std::vector<std::pair<std::string, std::string>> query;
};

absl::StatusOr<RequestTarget> parse_target(std::string_view target);

// %XX decoded; false: a "%" without two hexadecimal digits behind it.
bool percent_decode(std::string_view text, std::string& decoded);

}  // namespace netspectra

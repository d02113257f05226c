#include "http/request_target.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace netspectra {
namespace {

int hex_value(char c) {
  if (!absl::ascii_isxdigit(static_cast<unsigned char>(c))) return -1;
  return c <= '9' ? c - '0' : absl::ascii_tolower(static_cast<unsigned char>(c)) - 'a' + 10;
}

const char* fault_of_path(std::string_view path) {
  if (path.empty() || path.front() != '/') return "the path must begin with /";
  if (std::any_of(path.begin(), path.end(), [](unsigned char c) { return absl::ascii_iscntrl(c); }))
    return "a control character in the path";
  for (size_t begin = 1; begin < path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view segment = path.substr(begin, end - begin);
    if (segment.empty() || segment == "." || segment == "..") return "the path has an empty, . or .. segment";
    begin = end + 1;
  }
  return nullptr;
}

// A form encodes a space as "+", and a plus as "%2B".
bool form_decode(std::string_view text, std::string& decoded) {
  std::string spaced(text);
  std::replace(spaced.begin(), spaced.end(), '+', ' ');
  return percent_decode(spaced, decoded) && decoded.find('\0') == std::string::npos;
}

}  // namespace

bool percent_decode(std::string_view text, std::string& decoded) {
  decoded.clear();
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    if (text.size() - i < 3) return false;
    const int high = hex_value(text[i + 1]), low = hex_value(text[i + 2]);
    if (high < 0 || low < 0) return false;
    decoded += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return true;
}

absl::StatusOr<RequestTarget> parse_target(std::string_view target) {
  // The absolute form, as a proxy sends it: http://host/path.
  if (!target.empty() && target.front() != '/') {
    const size_t scheme_end = target.find("://");
    const size_t host_end = scheme_end == target.npos ? target.npos : target.find('/', scheme_end + 3);
    if (host_end != target.npos) target.remove_prefix(host_end);
  }
  RequestTarget parsed;
  const size_t mark = target.find('?');
  if (!percent_decode(target.substr(0, mark), parsed.path))
    return absl::InvalidArgumentError("the path has a % without two hexadecimal digits");
  if (const char* fault = fault_of_path(parsed.path)) return absl::InvalidArgumentError(fault);

  for (size_t begin = mark == target.npos ? target.size() : mark + 1; begin < target.size();) {
    const size_t end = std::min(target.find('&', begin), target.size());
    const std::string_view piece = target.substr(begin, end - begin);
    begin = end + 1;
    if (piece.empty()) continue;
    const size_t equals = std::min(piece.find('='), piece.size());
    auto& [name, value] = parsed.query.emplace_back();
    if (!form_decode(piece.substr(0, equals), name) ||
        !form_decode(piece.substr(std::min(equals + 1, piece.size())), value))
      return absl::InvalidArgumentError("the query has a % without two hexadecimal digits, or a NUL");
  }
  return parsed;
}

}  // namespace netspectra

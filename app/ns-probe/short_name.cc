#include "short_name.h"

#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace netspectra {

std::string short_name(const std::string& site, const std::string& probe) {
  constexpr size_t kReadable = 40;
  const std::string whole = absl::StrCat("netspectra-", site, ".", probe);  // a token has no dot
  std::string readable = whole;
  uint32_t hash = 0x811c9dc5;  // FNV-1a
  for (char& letter : readable) {
    const auto byte = static_cast<uint8_t>(letter);
    hash = (hash ^ byte) * 0x01000193;
    if (!absl::ascii_isalnum(byte) && letter != '-' && letter != '_' && letter != '.') letter = '_';
  }
  if (readable == whole && whole.size() <= kMaxShortName) return whole;
  return absl::StrFormat("%s-%08x", readable.substr(0, kReadable), hash);
}

}  // namespace netspectra

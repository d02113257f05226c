// Names of the user's choosing, made fit for metrics and telemetry.
//
// Purpose: a capture file's name may hold any bytes, and one that is not UTF-8 makes a reader refuse the whole
//   answer.
// Shape: printable ASCII as it is, every other byte as \xHH.
// Threads: pure. Errors: none.
#pragma once

#include <string>

namespace netspectra {

inline std::string label_text(const std::string& name) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  for (const char c : name) {
    if (c >= ' ' && c <= '~') {
      text += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      text += {'\\', 'x', kHex[byte >> 4], kHex[byte & 0xf]};
    }
  }
  return text;
}

}  // namespace netspectra

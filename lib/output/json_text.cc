#include "output/json_text.h"

#include "output/text.h"

namespace netspectra {
namespace {

void append_control(std::string& out, char c) {
  constexpr std::string_view kShort = "btn?fr";  // U+0008 .. U+000D; U+000B has none
  constexpr std::string_view kHex = "0123456789abcdef";
  if (c >= '\b' && c <= '\r' && c != '\v') {
    out += '\\';
    out += kShort[size_t(c - '\b')];
  } else {
    out += "\\u00";
    out += kHex[size_t(c >> 4)];
    out += kHex[size_t(c & 0xf)];
  }
}

// Length of the well-formed sequence that `text` begins with, 0 if there is none (RFC 3629: no overlong forms, no
// surrogates, nothing above U+10FFFF). REQUIRES: `text` is not empty.
size_t utf8_length(std::string_view text) {
  const auto byte = [&](size_t i) { return uint8_t(text[i]); };
  const uint8_t lead = byte(0);
  if (lead < 0x80) return 1;
  const size_t length = lead >= 0xc2 && lead <= 0xdf   ? 2
                        : lead >= 0xe0 && lead <= 0xef ? 3
                        : lead >= 0xf0 && lead <= 0xf4 ? 4
                                                       : 0;
  if (length == 0 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  const bool overlong = (lead == 0xe0 && byte(1) < 0xa0) || (lead == 0xf0 && byte(1) < 0x90);
  const bool surrogate = lead == 0xed && byte(1) >= 0xa0;
  const bool too_large = lead == 0xf4 && byte(1) >= 0x90;
  return overlong || surrogate || too_large ? 0 : length;
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const size_t length = utf8_length(text);
    const char c = text[0];
    if (length == 0) {
      out += "\\ufffd";
    } else if (length == 1 && c >= 0 && c < ' ') {
      append_control(out, c);
    } else {
      if (c == '"' || c == '\\') out += '\\';
      out.append(text.substr(0, length));
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  out += '"';
}

void append_json_strings(std::string& out, const std::vector<std::string>& texts) {
  out += '[';
  for (size_t i = 0; i < texts.size(); ++i) {
    if (i != 0) out += ',';
    append_json_string(out, texts[i]);
  }
  out += ']';
}

void append_number(std::string& out, uint64_t value) {
  char digits[kMaxNumberText];
  out.append(digits, size_t(put_number(digits, value) - digits));
}

void append_time(std::string& out, uint64_t time_ns) {
  char text[kMaxTimeText];
  out.append(text, put_time(text, time_ns));
}

void append_malformed(std::string& out, const Ledger& ledger) {
  out += '{';
  bool first = true;
  for (size_t i = 0; i < kDropReasonCount; ++i) {
    const auto reason = static_cast<DropReason>(i);
    if (!is_malformed(reason) || ledger.dropped[i] == 0) continue;
    if (!first) out += ',';
    first = false;
    append_json_string(out, drop_reason_name(reason));
    out += ':';
    append_number(out, ledger.dropped[i]);
  }
  out += '}';
}

}  // namespace netspectra

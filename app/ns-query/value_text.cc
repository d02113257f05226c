#include "value_text.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/units.h"
#include "output/wording.h"

namespace netspectra {
namespace {

using Kind = NamedColumn::Kind;

constexpr size_t kMaxCell = 80;

constexpr NamedColumn kColumns[] = {
    {"state", "state"},
    {"severity", "severity"},
    {"since_ns", "since (UTC)", Kind::kTime},
    {"rule", "rule"},
    {"site", "site"},
    {"probe", "probe"},
    {"start_ns", "start (UTC)", Kind::kTime},
    {"epoch_start_ns", "start (UTC)", Kind::kTime},
    {"name", "name"},
    {"kind", "kind"},
    {"fields", "fields"},
    {"elements", "elements"},
    {"options", "options"},
    {"derived_from", "derived from"},
    {"src_ip", "source"},
    {"src_port", "source port"},
    {"dst_ip", "destination"},
    {"dst_port", "destination port"},
    {"protocol", "protocol", Kind::kProtocol},
    {"vlan", "VLAN", Kind::kVlan},
    {"period_ns", "period", Kind::kDuration},
    {"packets", "packets", Kind::kCount},
    {"error_packets", "too high by at most", Kind::kCount, true},
    {"bytes", "bytes", Kind::kBytes},
    {"error_bytes", "too high by at most", Kind::kBytes, true},
    {"spread", "distinct elements", Kind::kCount},
    {"cardinality", "distinct keys", Kind::kCount},
    {"standard_error", "standard error", Kind::kError, true},
    {"low", "at least", Kind::kCount},
    {"high", "at most", Kind::kCount},
    {"first_seen_ns", "first seen (UTC)", Kind::kTime},
    {"last_seen_ns", "last seen (UTC)", Kind::kTime},
    {"tcp_flags", "flags", Kind::kFlags},
    {"runs", "runs", Kind::kCount},
    {"first_start_ns", "first epoch (UTC)", Kind::kTime},
    {"last_start_ns", "last epoch (UTC)", Kind::kTime},
    {"last_stored_ns", "stored (UTC)", Kind::kTime},
    {"last_end_ns", "until (UTC)", Kind::kTime},
    {"epochs", "epochs", Kind::kCount},
    {"rows", "rows", Kind::kCount},
    {"rx_packets", "received", Kind::kCount},
    {"rx_bytes", "received bytes", Kind::kBytes},
    {"gaps", "gaps", Kind::kCount, true},
    {"gap_ns", "together", Kind::kDuration, true},
};

std::string flags_text(uint64_t flags) {
  constexpr char kLetters[] = "CEUAPRSF";  // CWR ECE URG ACK PSH RST SYN FIN
  std::string text;
  for (int bit = 7; bit >= 0; --bit) {
    if ((flags >> bit & 1) != 0) text += kLetters[7 - bit];
  }
  return text.empty() ? "-" : text;
}

std::string number_text(Kind kind, uint64_t number) {
  switch (kind) {
    case Kind::kCount:
      return format_count(number);
    case Kind::kBytes:
      return human_bytes(number);
    case Kind::kTime:
      return number == 0 ? "-" : short_time(number);
    case Kind::kDuration:
      return number == 0 ? "-" : format_duration_ns(number);
    case Kind::kProtocol:
      return number <= UINT8_MAX ? protocol_name(static_cast<uint8_t>(number)) : std::to_string(number);
    case Kind::kFlags:
      return flags_text(number);
    case Kind::kVlan:
      return number == 0 ? "none" : std::to_string(number);
    case Kind::kPlain:
    case Kind::kError:
      return std::to_string(number);
  }
  return "";  // not reached: every Kind is above
}

std::string shortened(std::string text) {
  if (text.size() > kMaxCell) text.replace(kMaxCell - 3, std::string::npos, "...");
  return text;
}

}  // namespace

std::string printable(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const auto byte = uint8_t(c);
    if ((byte & 0xc0) == 0x80) continue;  // the rest of a character
    out += byte >= ' ' && byte < 0x7f ? c : '?';
  }
  return out;
}

const NamedColumn* named_column(const std::string& name) {
  const auto* found = std::find_if(std::begin(kColumns), std::end(kColumns),
                                   [&](const NamedColumn& column) { return column.name == name; });
  return found == std::end(kColumns) ? nullptr : found;
}

std::string value_text(const NamedColumn* column, const Json& value) {
  if (value.is_null()) return "";
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  if (value.is_string()) return shortened(printable(value.get<std::string>()));
  if (value.is_number_unsigned()) {
    return number_text(column == nullptr ? Kind::kCount : column->kind, value.get<uint64_t>());
  }
  if (value.is_number_float()) {
    const double number = value.get<double>();
    if (!std::isfinite(number)) return "?";
    return column != nullptr && column->kind == Kind::kError ? "+-" + percent_of_error(number)
                                                             : absl::StrFormat("%.6g", number);
  }
  if (value.is_number()) return value.dump();  // below 0
  if (value.is_array()) {
    return shortened(absl::StrJoin(
        value, ", ", [](std::string* out, const Json& item) { *out += value_text(nullptr, item); }));
  }
  std::vector<std::string> members;
  for (const auto& [name, member] : value.items()) {
    members.push_back(printable(name) + " " + value_text(named_column(name), member));
  }
  return shortened(absl::StrJoin(members, ", "));
}

}  // namespace netspectra

#include "alert/alert.h"

#include <arpa/inet.h>

#include <cmath>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "output/json_text.h"
#include "output/text.h"

namespace netspectra {
namespace {

std::string address_text(const std::array<uint8_t, 16>& ip, uint8_t ip_version) {
  char text[kMaxAddressText];
  return std::string(text, put_address(text, ip, ip_version));
}

// visit(name, text, whether it is an address), in the order of KeyField.
template <class Visit>
void each_field(KeyFields fields, const FlowKey& key, Visit visit) {
  for (size_t i = 0; i < kKeyFieldCount; ++i) {
    const auto field = static_cast<KeyField>(i);
    if (!fields.has(field)) continue;
    switch (field) {
      case KeyField::kSrcIp:
        visit(kKeyFieldNames[i], address_text(key.src_ip, key.ip_version), true);
        break;
      case KeyField::kDstIp:
        visit(kKeyFieldNames[i], address_text(key.dst_ip, key.ip_version), true);
        break;
      case KeyField::kSrcPort:
        visit(kKeyFieldNames[i], std::to_string(ntohs(key.be_src_port)), false);
        break;
      case KeyField::kDstPort:
        visit(kKeyFieldNames[i], std::to_string(ntohs(key.be_dst_port)), false);
        break;
      case KeyField::kProtocol:
        visit(kKeyFieldNames[i], std::to_string(key.protocol), false);
        break;
      case KeyField::kVlan:
        visit(kKeyFieldNames[i], std::to_string(key.vlan), false);
        break;
    }
  }
}

const char* unit(AlertMetric metric) {
  switch (metric) {
    case AlertMetric::kPackets:
      return " packets";
    case AlertMetric::kBytes:
      return " bytes";
    case AlertMetric::kRecords:
      return " records";
    case AlertMetric::kShare:
      return " % of the traffic";
    case AlertMetric::kSpread:
    case AlertMetric::kCardinality:
      return " distinct";
    case AlertMetric::kLost:
      return " packets lost";
    case AlertMetric::kLostShare:
      return " % of the packets lost";
    case AlertMetric::kIncomplete:
      return " snapshots missing";
    case AlertMetric::kSilence:
      return " s without an epoch";
  }
  return "";  // not reached: every AlertMetric is above
}

}  // namespace

std::string number_text(double value) {
  constexpr double kExactBelow = 1e15;
  if (std::floor(value) == value && std::fabs(value) < kExactBelow) return absl::StrFormat("%.0f", value);
  if (std::fabs(value) >= kExactBelow) return absl::StrFormat("%.6g", value);
  std::string text = absl::StrFormat("%.3f", value);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

std::string key_text(KeyFields fields, const FlowKey& key) {
  std::string text;
  each_field(fields, key, [&](const char* name, const std::string& value, bool) {
    absl::StrAppend(&text, text.empty() ? "" : ", ", name, " ", value);
  });
  return text;
}

std::string alert_summary(const ActiveAlert& alert) {
  const std::string key = key_text(alert.fields, alert.key);
  const char* rate = alert.per_second ? " a second" : "";
  return absl::StrCat(alert.rule, " on ", alert.site, "/", alert.probe, ": ", key, key.empty() ? "" : ": ",
                      number_text(alert.value), unit(alert.metric), rate,
                      alert.state == AlertState::kResolved ? ", resolved (threshold " : ", above ",
                      number_text(alert.threshold), alert.state == AlertState::kResolved ? ")" : "");
}

std::string alert_json(const ActiveAlert& alert) {
  std::string out;
  const auto add_text = [&](const char* before, const std::string& text) {
    out += before;
    append_json_string(out, text);
  };
  add_text("{\"rule\":", alert.rule);
  add_text(",\"site\":", alert.site);
  add_text(",\"probe\":", alert.probe);
  out += ",\"key\":{";
  const char* comma = "";
  each_field(alert.fields, alert.key, [&](const char* name, const std::string& value, bool quoted) {
    const char* quote = quoted ? "\"" : "";
    absl::StrAppend(&out, comma, "\"", name, "\":", quote, value, quote);
    comma = ",";
  });
  absl::StrAppend(&out, "},\"state\":\"", kAlertStateNames[static_cast<size_t>(alert.state)],
                  "\",\"since_ns\":", alert.since_ns, ",\"value\":", number_text(alert.value),
                  ",\"threshold\":", number_text(alert.threshold), ",\"severity\":\"",
                  kSeverityNames[static_cast<size_t>(alert.severity)], "\"");
  add_text(",\"summary\":", alert_summary(alert));
  return out + "}";
}

std::string alert_json(const AlertEvent& event) { return alert_json(event.alert); }

}  // namespace netspectra

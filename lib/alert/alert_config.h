// What to watch, and whom to tell: alert rules and receivers, as configured.
//
// Shapes: docs/alerts.md has every key and what it means.
// Units: times are nanoseconds since the Unix epoch, shares are per cent, thresholds are in the metric's own unit (per
//   second where `per_second` is set).
// Threads: plain data. Checked by whoever reads it from a user (config), so that every mistake is reported with its
//   place; what only an epoch can tell (whether there is such a task) is said by AlertEngine::take_notes().
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "packet/flow_key.h"
#include "query/query.h"

namespace netspectra {

enum class AlertMetric : uint8_t {
  kPackets,
  kBytes,
  kRecords,
  kShare,
  kSpread,
  kCardinality,
  kLost,
  kLostShare,
  kIncomplete,
  kSilence,
};
inline constexpr std::array<const char*, 10> kAlertMetricNames = {
    "packets",     "bytes", "records",    "share",      "spread",
    "cardinality", "lost",  "lost_share", "incomplete", "silence"};

enum class Severity : uint8_t { kInfo, kWarning, kCritical };
inline constexpr std::array<const char*, 3> kSeverityNames = {"info", "warning", "critical"};

// Over `factor` times the moving mean over the last while (over_epochs, or over_ns divided by the period).
struct AlertRise {
  double factor = 0;
  uint64_t over_ns = 0;
  uint64_t over_epochs = 0;
  double at_least = 0;
};

struct AlertRule {
  std::string name;
  std::string task;  // "" = none: the probe's ledger
  AlertMetric metric = AlertMetric::kPackets;
  KeyFields by;                  // exact tasks: one value for each key; empty: one for all
  std::vector<Condition> where;  // all of them
  std::string where_text;        // as it was written
  std::string site = "*";        // '*' stands for any letters
  std::string probe = "*";
  double above = 0;  // where `rise` is not set
  std::optional<AlertRise> rise;
  bool per_second = false;
  uint64_t for_ns = 0;  // silence: how long
  std::optional<double> clear_below;
  uint64_t clear_for_ns = 0;
  Severity severity = Severity::kWarning;
  bool group = true;
  uint64_t repeat_ns = 0;  // 0 = never
  uint32_t max_keys = 1000;
  std::vector<std::string> receivers;  // by name
};

// Who is not told, and when: epochs that start in [from_ns, to_ns).
struct AlertMute {
  std::string rule = "*", site = "*", probe = "*";
  uint64_t from_ns = 0, to_ns = UINT64_MAX;
};

enum class ReceiverKind : uint8_t { kLog, kWebhook, kEmail };
inline constexpr std::array<const char*, 3> kReceiverKindNames = {"log", "webhook", "email"};
enum class MailTls : uint8_t { kStarttls, kSmtps, kNone };
inline constexpr std::array<const char*, 3> kMailTlsNames = {"starttls", "smtps", "none"};

struct AlertReceiver {
  std::string name;
  ReceiverKind kind = ReceiverKind::kLog;
  uint64_t timeout_ns = 10'000'000'000;     // of one attempt
  uint64_t give_up_ns = 3'600'000'000'000;  // a message that is older is tried once more and given up
  std::string ca_file;                      // whom TLS trusts; "" = the system's
  std::string url, token, secret;           // webhook
  std::string host;                         // email, from here on
  uint16_t port = 0;                        // 0 = what goes with `tls`: 587, 465, 25
  MailTls tls = MailTls::kStarttls;
  std::string user, password, from;
  std::vector<std::string> to;
};

struct AlertConfig {
  std::string state_file;
  std::vector<AlertReceiver> receivers;
  std::vector<AlertRule> rules;
  std::vector<AlertMute> mutes;
};

// Whether `text` is what `pattern` says, in which '*' stands for any letters, or none.
bool matches_pattern(const std::string& pattern, const std::string& text);

// What a rule measures and from when on, as a number: a rule with another one is another rule of the same name.
uint64_t fingerprint(const AlertRule& rule);

}  // namespace netspectra

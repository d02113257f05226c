// One alert: a rule that one key of one probe has met, and how it is shown.
//
// Shapes: docs/alerts.md, "What is delivered". JSON of an alert:
//   {"rule","site","probe","key":{"src_ip":"10.0.0.1",...},"state","since_ns","value","threshold","severity","summary"}
//   with the key fields named as everywhere.
// Threads: plain data; pure functions. Errors: none.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "alert/alert_config.h"
#include "packet/flow_key.h"

namespace netspectra {

enum class AlertState : uint8_t { kPending, kFiring, kResolved };
inline constexpr std::array<const char*, 3> kAlertStateNames = {"pending", "firing", "resolved"};

struct ActiveAlert {
  std::string rule, site, probe;
  AlertMetric metric = AlertMetric::kPackets;
  bool per_second = false;
  KeyFields fields;  // of the key
  FlowKey key;
  AlertState state = AlertState::kFiring;
  uint64_t since_ns = 0;  // start of the first epoch over the threshold; silence: when it began, wall clock
  double value = 0;
  double threshold = 0;
  Severity severity = Severity::kWarning;
};

// Something to be told of one.
struct AlertEvent {
  ActiveAlert alert;
  uint64_t at_ns = 0;      // start of the epoch that it came from; else wall clock
  uint32_t repeat = 0;     // firing: how often it has been said before
  uint64_t untracked = 0;  // keys of this epoch that are over the threshold, too, and have found no room
  std::string note;        // why, where the value does not say it ("the rule was removed")
  bool group = true;       // with others of its rule and moment
  std::vector<std::string> receivers;
};

// "src_ip 10.0.0.1, dst_port 80"; "" without a key.
std::string key_text(KeyFields fields, const FlowKey& key);
// "syn_flood on ams/edge-1: dst_ip 10.0.0.2: 5000 records, above 1000".
std::string alert_summary(const ActiveAlert& alert);
std::string alert_json(const ActiveAlert& alert);
std::string alert_json(const AlertEvent& event);

// As JSON has it: whole numbers without a fraction, others with at most three decimals.
std::string number_text(double value);

}  // namespace netspectra

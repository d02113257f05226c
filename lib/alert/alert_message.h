// What is told of alerts: one message, for one receiver.
//
// Shapes: docs/alerts.md, "What is delivered". A message has one alert, or all those of a rule that have come to the same
//   state in the same epoch of a probe; at most kAlertsShown are spelt out, the largest first.
// Threads: plain data; a pure function. Errors: none.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "alert/alert.h"

namespace netspectra {

inline constexpr size_t kAlertsShown = 20;

struct AlertMessage {
  std::string id;        // the same for all receivers, and in every attempt to deliver it
  std::string receiver;  // by name
  uint64_t created_ns = 0;
  std::string summary;  // one line
  std::string text;     // lines, for people
  std::string json;
};

// `last_id`: counts up; with `now_ns` it makes ids that do not come again.
std::vector<AlertMessage> make_messages(std::vector<AlertEvent> events, uint64_t now_ns, uint64_t& last_id);

}  // namespace netspectra

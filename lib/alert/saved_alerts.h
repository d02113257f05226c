// The state of the alerts as it is kept in a file.
//
// Shapes: lines of alert/state_text.h; docs/alerts.md, "State". Of a rule its series follow it, of a series its keys and
//   open epochs, of an open epoch its amounts.
// Threads: pure functions. Errors: DataLoss, saying what is wrong.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "alert/alert_message.h"
#include "alert/series.h"
#include "alert/state_text.h"

namespace netspectra {

using ProbeName = std::pair<std::string, std::string>;  // site, probe
using SeriesByProbe = std::map<ProbeName, Series>;

struct SavedAlerts {
  struct Rule {
    AlertRule rule;  // what it takes to tell of it: name, metric, per_second, severity, group, receivers
    uint64_t fingerprint = 0;
    SeriesByProbe series;
  };
  std::vector<Rule> rules;
  std::vector<ProbeName> probes;
  std::vector<AlertMessage> messages;
};

void save_rule(StateText& text, const AlertRule& rule, const SeriesByProbe& series);
void save_probe(StateText& text, const ProbeName& name);
void save_message(StateText& text, const AlertMessage& message);

absl::StatusOr<SavedAlerts> read_saved_alerts(const std::string& text);

}  // namespace netspectra

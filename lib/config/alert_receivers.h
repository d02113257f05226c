// Whom alerts are told to, of a configuration file.
//
// Shapes: docs/alerts.md, "Receivers".
// Errors: gathered by the file that the node is of. Threads: set-up only.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "alert/alert_config.h"
#include "config/config_file.h"

namespace netspectra {

// Of rules, receivers and tasks: a phrase that follows it.
absl::Status check_alert_name(const std::string& text);

void read_alert_receiver(const ConfigNode& node, std::vector<AlertReceiver>& receivers);

}  // namespace netspectra

// The `alerts` of ns-engine's configuration file: rules, receivers, mutes.
//
// Shapes: docs/alerts.md; docs/alert-rules.yaml is an annotated example.
// Errors: gathered by the file that the node is of. Whether there is such a task only the probes know: the engine says
//   so when it sees.
// Threads: set-up only.
#pragma once

#include "alert/alert_config.h"
#include "config/config_file.h"

namespace netspectra {

void read_alerts(const ConfigNode& node, AlertConfig& alerts);

}  // namespace netspectra

// The ports of ns-probe, from text.
//
// Shapes: docs/configuration.md, "Ports". Whether a port exists is not looked at here.
// Errors: a phrase that follows the value, or, from a node, gathered by the file that it is of.
// Threads: set-up only.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "config/config_file.h"
#include "config/probe_options.h"

namespace netspectra {

absl::Status set_queues(const std::string& text, unsigned& queues);
// Against the ports so far: no two with one spec, captures and live ports not together.
absl::Status add_port(const std::string& spec, std::vector<PortOptions>& ports);
void read_ports(const ConfigNode& node, std::vector<PortOptions>& ports);
// What can be told only when queues and spec are both known; one line each.
std::vector<std::string> check_ports(const std::vector<PortOptions>& ports);

}  // namespace netspectra

// The ports of the options, as lib/ethdev and the EAL want them.
#pragma once

#include <vector>

#include "absl/status/status.h"
#include "config/probe_options.h"
#include "ethdev/port.h"

namespace netspectra {

bool replays_captures(const ProbeOptions& options);  // pcap:FILE ports; they are never mixed with others
std::vector<std::string> capture_files(const ProbeOptions& options);

std::vector<PortConfig> port_configs(const ProbeOptions& options);
// All mistakes in driver settings, a line each.
absl::Status check_driver_settings(const ProbeOptions& options);

unsigned workers(const ProbeOptions& options);
// Of the EAL: packet buffers and what DPDK needs itself.
unsigned memory_mib(const ProbeOptions& options);

}  // namespace netspectra

// What is known to be right for each NIC driver.
//
// Purpose: one file per driver in drivers-config/, compiled in; chosen by the name of the driver that serves the port,
//   overridable key by key for each port in the configuration.
// Shapes: drivers-config/README.md. Threads: constants.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace netspectra {

struct DriverPreset {
  std::string driver;  // as DPDK names it: "net_ixgbe"; "" = of any driver without a file
  std::string bind =
      "vfio-pci";  // what a PCI device must be bound to: "vfio-pci", "bifurcated" (its own), "none"
  uint32_t rx_descriptors = 1024;  // per queue; clipped to what the device takes
  uint32_t mtu = 1500;             // 0: left as it is
  bool promiscuous = true;
  bool rss = true;  // whether the NIC spreads; false: something else does (a kernel fanout), or nothing
  bool hardware_timestamps = false;
  bool rebalance = false;                      // move shares of the redirection table off overloaded queues
  bool outgoing = false;                       // of a kernel interface: measure what this host sends as well
  std::map<std::string, std::string> devargs;  // of virtual devices
  std::vector<std::string> traps;              // what surprises with this driver, each with its source
};

// key -> value, as in the preset files. Keys and values are checked by check_preset_override().
using PresetOverrides = std::map<std::string, std::string>;

// The preset for `driver`, or the one for any driver.
const DriverPreset& driver_preset(const std::string& driver);
const std::vector<DriverPreset>& driver_presets();
// InvalidArgument with a phrase that follows the key: "is not a driver setting (known: ...)".
absl::Status check_preset_override(const std::string& key, const std::string& value);
// REQUIRES: checked.
DriverPreset with_overrides(DriverPreset preset, const PresetOverrides& overrides);

}  // namespace netspectra

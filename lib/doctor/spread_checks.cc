// Who spreads a port's packets over its queues, and whether both directions of a flow come to one of them.
#include <fnmatch.h>

#include <algorithm>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "doctor/checks.h"

namespace netspectra {
namespace {

// The kernel's own driver for a PCI device that is bound to another, or to none; "" = not known.
// Source: modules.alias(5) of depmod: lines "alias PATTERN MODULE".
std::string kernel_module_for(const Machine& machine, const std::string& device) {
  const std::string modalias = machine.line(device + "/modalias");
  const std::string release = machine.line("/proc/sys/kernel/osrelease");
  if (modalias.empty() || release.empty()) return "";
  for (const std::string& line : machine.lines("/lib/modules/" + release + "/modules.alias")) {
    std::istringstream words(line);
    std::string alias, pattern, module;
    words >> alias >> pattern >> module;
    if (alias == "alias" && fnmatch(pattern.c_str(), modalias.c_str(), 0) == 0) return module;
  }
  return "";
}

// DPDK names most of its drivers after the kernel's.
std::string dpdk_driver(const std::string& kernel_driver) {
  if (kernel_driver == "mlx5_core") return "mlx5_pci";
  if (kernel_driver == "virtio-pci" || kernel_driver == "virtio_pci") return "net_virtio";
  return "net_" + kernel_driver;
}

// What the NIC has made of it only the start can say.
std::string see_at_start(const PortFacts& port) {
  return absl::StrCat(
      "ns-probe -i ", port.spec, " -q ", port.queues,
      " --sink local -p 1s --duration 1s 2>&1 | grep -E 'spread by|RSS'   (if it cannot: -q 1)");
}

void examine_nic_spread(const Examined& it, const PortFacts& port, const std::string& subject,
                        Findings& findings) {
  if (!port.rss) {
    return warn(
        findings, subject,
        absl::StrCat("RSS is switched off by the port's driver_settings: all packets come to queue 0, ",
                     port.queues - 1, " of the workers have nothing to do"),
        "driver_settings: {rss: true}");
  }
  const bool is_kernels = port.binding == Binding::kShared || port.binding == Binding::kKernel;
  const std::string driver =
      dpdk_driver(is_kernels ? port.driver : kernel_module_for(it.machine, pci_path(port.spec)));
  const auto known = std::find_if(it.config.drivers.begin(), it.config.drivers.end(),
                                  [&](const DoctorDriver& other) { return other.name == driver; });
  if (known == it.config.drivers.end()) {
    return warn(findings, subject,
                "not known: there is no preset for this NIC's driver, or it is not recognised",
                see_at_start(port));
  }
  if (!known->rss_traps.empty()) {
    return warn(
        findings, subject,
        absl::StrCat("by RSS of ", driver, ", which may not do: ", absl::StrJoin(known->rss_traps, "; ")),
        see_at_start(port));
  }
  good(findings, subject,
       absl::StrCat(
           "by RSS of ", driver,
           ", with a symmetric key that the start sets: both directions of a flow come to one queue"));
}

}  // namespace

void examine_spread(const Examined& it, const PortFacts& port, Findings& findings) {
  const std::string subject = "spread of " + port.spec;
  const bool is_nic = port.kind == PortKind::kPci && it.machine.exists(pci_path(port.spec));
  const bool is_interface =
      port.kind == PortKind::kKernel && it.machine.exists("/sys/class/net/" + port.spec);
  if (!is_nic && !is_interface) return;
  if (port.queues == 1) return good(findings, subject, "one queue: nothing to spread");
  if (is_nic) return examine_nic_spread(it, port, subject, findings);
  if (!port.is_xdp) {
    return good(
        findings, subject,
        "by the kernel's fanout, whose hash is symmetric: both directions of a flow come to one queue");
  }
  warn(findings, subject,
       "by the NIC's own RSS: unless its key is symmetric, the two directions of a flow come to different "
       "queues",
       absl::StrCat("ethtool -x ", port.spec,
                    "   (symmetric: the same two bytes all along, as set by: ethtool -X ", port.spec,
                    " hkey 6d:5a:6d:5a:...)"));
}

}  // namespace netspectra

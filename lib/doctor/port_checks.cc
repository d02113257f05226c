// IOMMU and vfio; then each port by its kind.
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/cpu_list.h"
#include "doctor/checks.h"

namespace netspectra {
namespace {

constexpr const char* kShowNics = "scripts/bind-nic.sh --status";

std::string bind_command(const std::string& address) {
  return absl::StrCat("sudo scripts/bind-nic.sh --bind vfio-pci ", address);
}

// The kernel interfaces of a PCI device; those of virtio hang one level deeper.
std::vector<std::string> interfaces_of(const Machine& machine, const std::string& device) {
  std::vector<std::string> interfaces = machine.names(device + "/net");
  for (const std::string& name : machine.names(device)) {
    if (!name.starts_with("virtio")) continue;
    const std::vector<std::string> deeper = machine.names(absl::StrCat(device, "/", name, "/net"));
    interfaces.insert(interfaces.end(), deeper.begin(), deeper.end());
  }
  return interfaces;
}

// Devices of the same IOMMU group that the kernel drives: vfio takes a group as a whole.
std::vector<std::string> strangers_in_group(const Machine& machine, const std::string& group) {
  std::vector<std::string> strangers;
  for (const std::string& other : machine.names(absl::StrCat(kIommuGroups, "/", group, "/devices"))) {
    const std::string driver = machine.link_name(pci_path(other) + "/driver");
    const bool harmless =
        driver.empty() || driver == "vfio-pci" || driver == "pci-stub" || driver == "pcieport";
    if (!harmless) strangers.push_back(absl::StrCat(other, " (", driver, ")"));
  }
  return strangers;
}

void examine_vfio_group(const Examined& it, const PortFacts& port, Findings& findings) {
  const std::string subject = "vfio group of " + port.spec;
  const std::string group = it.machine.link_name(pci_path(port.spec) + "/iommu_group");
  if (group.empty()) return;  // no IOMMU: told already
  const auto strangers = strangers_in_group(it.machine, group);
  if (!strangers.empty()) {
    return fault(findings, subject,
                 absl::StrCat("the kernel drives ", absl::StrJoin(strangers, ", "),
                              " in the same IOMMU group, which vfio takes as a whole"),
                 bind_command(strangers.front().substr(0, strangers.front().find(' '))));
  }
  // Without an IOMMU's protection the kernel marks the file.
  const std::string plain = "/dev/vfio/" + group, unsafe = "/dev/vfio/noiommu-" + group;
  const std::string file = it.machine.exists(unsafe) ? unsafe : plain;
  if (access(it.machine.path(file).c_str(), R_OK | W_OK) != 0) {
    return fault(findings, subject, absl::StrCat(file, " cannot be opened: ", std::strerror(errno)),
                 absl::StrCat("sudo chown \"$(id -un)\" ", file));
  }
  good(findings, subject, absl::StrCat(file, " can be opened"));
}

void examine_driver(const Examined& it, const PortFacts& port, Findings& findings) {
  const std::string subject = "driver of " + port.spec;
  const auto routed = default_route_interfaces(it.machine);
  for (const std::string& interface : interfaces_of(it.machine, pci_path(port.spec))) {
    if (port.binding == Binding::kKernel && routed.contains(interface)) {
      return fault(findings, subject,
                   absl::StrCat(port.driver, " as ", interface,
                                ", which carries the default route: taking it would cut this machine off"),
                   absl::StrCat(kShowNics, "   (and choose another port)"));
    }
  }
  switch (port.binding) {
    case Binding::kNone:
      return fault(findings, subject, "none is bound", bind_command(port.spec));
    case Binding::kKernel:
      return fault(findings, subject, absl::StrCat(port.driver, ", which keeps the port for the kernel"),
                   bind_command(port.spec));
    case Binding::kShared:
      return good(findings, subject, absl::StrCat(port.driver, ", shared with the kernel"));
    case Binding::kUserSpace:
      good(findings, subject, port.driver);
      if (port.driver == "vfio-pci") examine_vfio_group(it, port, findings);
  }
}

void examine_numa(const Examined& it, const PortFacts& port, Findings& findings) {
  const std::string subject = "NUMA node of " + port.spec;
  const std::string cpulist = absl::StrCat("/sys/devices/system/node/node", port.numa_node, "/cpulist");
  if (port.numa_node < 0 || !it.machine.exists(cpulist)) {
    if (!it.machine.exists("/sys/devices/system/node/node1")) return good(findings, subject, "the only one");
    return warn(
        findings, subject, "not known: half of its packets' memory may lie on the other node",
        absl::StrCat("cat ", pci_path(port.spec), "/numa_node   (firmware that hides it: see the BIOS)"));
  }
  const std::set<unsigned> local = parse_cpu_list(it.machine.line(cpulist));
  const std::set<unsigned> usable = parse_cpu_list(it.machine.status_of_self("Cpus_allowed_list"));
  const auto near =
      std::count_if(local.begin(), local.end(), [&](unsigned cpu) { return usable.contains(cpu); });
  const std::string text = absl::StrCat(port.numa_node, ", which has ", near, " usable CPUs for ",
                                        port.queues, port.queues == 1 ? " queue" : " queues");
  if (near >= port.queues) return good(findings, subject, text);
  warn(findings, subject, absl::StrCat(text, ": the others' packets cross the nodes' link"),
       absl::StrCat("taskset -c ", cpu_list_text(local), " ns-probe ...   (as a service: CPUAffinity=)"));
}

void examine_pci(const Examined& it, const PortFacts& port, Findings& findings) {
  const std::string device = pci_path(port.spec);
  if (!it.machine.exists(device)) {
    return fault(findings, "port " + port.spec, "there is no such PCI device", kShowNics);
  }
  const std::string device_class = it.machine.line(device + "/class");
  if (!device_class.starts_with("0x02")) {
    return fault(findings, "port " + port.spec,
                 absl::StrCat("is no network device (class ", device_class, ")"), kShowNics);
  }
  examine_driver(it, port, findings);
  examine_numa(it, port, findings);
}

// Whether the kernel joins packets before it hands them out; false where it cannot be asked.
bool is_on(const std::string& interface, uint32_t command, uint32_t flag) {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  ethtool_value value{command, 0};
  ifreq request{};
  interface.copy(request.ifr_name, IFNAMSIZ - 1);
  request.ifr_data = reinterpret_cast<char*>(&value);
  const bool asked = ioctl(fd, SIOCETHTOOL, &request) == 0;
  close(fd);
  return asked && (value.data & flag) != 0;
}

void examine_offloads(const PortFacts& port, Findings& findings) {
  std::vector<std::string> joining;
  if (is_on(port.spec, ETHTOOL_GGRO, 1)) joining.emplace_back("gro");
  if (is_on(port.spec, ETHTOOL_GFLAGS, ETH_FLAG_LRO)) joining.emplace_back("lro");
  const std::string subject = "offloads of " + port.spec;
  if (joining.empty()) {
    return good(
        findings, subject,
        "gro and lro are off: nothing is joined on arrival. What senders on this host (containers, VMs, a "
        "veth's other end) leave to tso or gso still comes as one frame, and only what fits is counted");
  }
  warn(
      findings, subject,
      absl::StrCat(absl::StrJoin(joining, " and "),
                   " on: the kernel joins packets, so that fewer and larger ones are counted than were sent"),
      absl::StrCat("sudo ethtool -K ", port.spec, " ", absl::StrJoin(joining, " off "), " off"));
}

void examine_kernel_interface(const Examined& it, const PortFacts& port, Findings& findings) {
  const std::string subject = "port " + port.spec, device = "/sys/class/net/" + port.spec;
  if (!it.machine.exists(device)) {
    return fault(findings, subject,
                 absl::StrCat("there is no such interface (there are: ",
                              absl::StrJoin(it.machine.names("/sys/class/net"), ", "), ")"),
                 "ip -br link");
  }
  if ((it.machine.number(device + "/flags", 0) & IFF_UP) == 0) {
    fault(findings, subject, "is down", absl::StrCat("sudo ip link set ", port.spec, " up"));
  } else if (it.machine.number(device + "/carrier", 0) == 0) {
    warn(findings, subject, "has no link: nothing arrives", absl::StrCat("sudo ethtool ", port.spec));
  } else {
    good(findings, subject, "up");
  }
  const std::vector<std::string> queues = it.machine.names(device + "/queues");
  const auto rx = static_cast<unsigned>(std::count_if(
      queues.begin(), queues.end(), [](const std::string& name) { return name.starts_with("rx-"); }));
  const std::string text = absl::StrCat(rx, " of the kernel for ", port.queues, " here");
  if (rx < port.queues && it.machine.exists(device + "/device")) {
    warn(findings, "queues of " + port.spec,
         absl::StrCat(text, ": only so many of its CPUs receive, and af_xdp needs as many as here"),
         absl::StrCat("sudo ethtool -L ", port.spec, " combined ", port.queues));
  } else {
    good(findings, "queues of " + port.spec, text);
  }
  if (it.machine.is_this_one()) examine_offloads(port, findings);
}

void examine_capture(const Examined& it, const PortFacts& port, Findings& findings) {
  const std::string file = port.spec.substr(std::strlen("pcap:"));
  const std::string place = it.machine.is_this_one() ? file : it.machine.path("/" + file);
  if (access(place.c_str(), R_OK) == 0) return good(findings, "port " + port.spec, "can be read");
  fault(findings, "port " + port.spec, absl::StrCat("cannot be read: ", std::strerror(errno)),
        absl::StrCat("ls -l ", file));
}

}  // namespace

void examine_vfio(const Examined& it, Findings& findings) {
  // Shared drivers need neither; a port of the kernel's is going to be bound.
  const auto needs_vfio = [](const PortFacts& port) {
    return port.kind == PortKind::kPci && port.binding != Binding::kShared &&
           (port.binding != Binding::kUserSpace || port.driver == "vfio-pci");
  };
  if (std::none_of(it.ports.begin(), it.ports.end(), needs_vfio)) return;
  const bool unsafe =
      it.machine.line("/sys/module/vfio/parameters/enable_unsafe_noiommu_mode").starts_with('Y');
  if (!it.machine.names(kIommuGroups).empty()) {
    good(findings, "IOMMU", "on");
  } else if (unsafe) {
    warn(findings, "IOMMU", "off, and vfio set to do without: a NIC may write anywhere in memory",
         "kernel command line: intel_iommu=on iommu=pt   (AMD: iommu=pt; and VT-d or AMD-Vi on in the BIOS)");
  } else {
    fault(
        findings, "IOMMU", "off: vfio-pci will not hand out a NIC",
        "kernel command line: intel_iommu=on iommu=pt   (AMD: iommu=pt; and VT-d or AMD-Vi on in the BIOS)");
  }
  if (it.machine.exists("/sys/module/vfio_pci")) {
    good(findings, "vfio", "vfio-pci is loaded");
  } else {
    fault(findings, "vfio", "vfio-pci is not loaded", "sudo modprobe vfio-pci");
  }
}

void examine_port(const Examined& it, const PortFacts& port, Findings& findings) {
  switch (port.kind) {
    case PortKind::kPci:
      return examine_pci(it, port, findings);
    case PortKind::kKernel:
      return examine_kernel_interface(it, port, findings);
    case PortKind::kCapture:
      return examine_capture(it, port, findings);
    case PortKind::kVirtual:
      return good(findings, "port " + port.spec, "a virtual device");
  }
}

}  // namespace netspectra

#include "doctor/doctor.h"

#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"
#include "doctor/checks.h"

namespace netspectra {
namespace {

constexpr std::array<const char*, 3> kUserSpaceDrivers = {"vfio-pci", "uio_pci_generic", "igb_uio"};
constexpr std::array<const char*, 3> kSharedDrivers = {"mlx5_core", "mlx4_core", "mana"};

template <class Drivers>
bool among(const Drivers& drivers, const std::string& driver) {
  return std::find(drivers.begin(), drivers.end(), driver) != drivers.end();
}

Binding binding_of(const std::string& driver) {
  if (driver.empty()) return Binding::kNone;
  if (among(kUserSpaceDrivers, driver)) return Binding::kUserSpace;
  return among(kSharedDrivers, driver) ? Binding::kShared : Binding::kKernel;
}

PortKind kind_of(const std::string& spec) {
  if (spec.starts_with("pcap:")) return PortKind::kCapture;
  if (spec.starts_with("vdev:")) return PortKind::kVirtual;
  return spec.find(':') == std::string::npos ? PortKind::kKernel : PortKind::kPci;
}

PortFacts facts_of(const DoctorPort& port, const Machine& machine) {
  PortFacts facts;
  facts.spec = port.spec;
  facts.queues = port.queues;
  facts.kind = kind_of(port.spec);
  facts.is_xdp = port.kernel_driver == "af_xdp";
  facts.rss = port.rss;
  if (facts.kind == PortKind::kPci) {
    facts.numa_node = static_cast<int>(machine.number(pci_path(port.spec) + "/numa_node", -1));
    facts.driver = machine.link_name(pci_path(port.spec) + "/driver");
    facts.binding = binding_of(facts.driver);
  } else if (facts.kind == PortKind::kKernel) {
    facts.numa_node =
        static_cast<int>(machine.number("/sys/class/net/" + port.spec + "/device/numa_node", -1));
  }
  return facts;
}

}  // namespace

std::string pci_path(const std::string& address) { return "/sys/bus/pci/devices/" + address; }

Examined::Examined(const DoctorConfig& c) : config(c), machine(c.root) {
  for (const DoctorPort& port : c.ports) ports.push_back(facts_of(port, machine));
}

bool Examined::has(PortKind kind) const {
  return std::any_of(ports.begin(), ports.end(), [&](const PortFacts& port) { return port.kind == kind; });
}

unsigned Examined::queues() const {
  unsigned queues = 0;
  for (const PortFacts& port : ports) queues += port.queues;
  return queues;
}

std::vector<Finding> examine(const DoctorConfig& config) {
  const Examined it(config);
  Findings findings;
  examine_hugepages(it, findings);
  examine_memlock(it, findings);
  examine_permissions(it, findings);
  examine_vfio(it, findings);
  for (const PortFacts& port : it.ports) {
    examine_port(it, port, findings);
    examine_spread(it, port, findings);
  }
  examine_cores(it, findings);
  if (config.publishes) examine_spool(it, findings);
  examine_clock(it, findings);
  return findings;
}

std::string findings_text(const std::vector<Finding>& findings) {
  constexpr const char* kLevels[] = {"ok    ", "warn  ", "FAULT "};
  std::string text;
  for (const Finding& finding : findings) {
    absl::StrAppend(&text, kLevels[static_cast<size_t>(finding.level)], finding.subject, ": ", finding.text,
                    "\n");
    if (!finding.mend.empty()) absl::StrAppend(&text, "      mend: ", finding.mend, "\n");
  }
  return text;
}

}  // namespace netspectra

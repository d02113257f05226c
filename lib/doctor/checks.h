// The parts of the examination; each adds its findings. doctor.h says the order.
//
// Levels: a fault keeps ns-probe from starting, or from measuring; a warning costs speed, packets or sight.
// Threads: one thread, once.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "doctor/doctor.h"
#include "doctor/machine.h"

namespace netspectra {

using Findings = std::vector<Finding>;

inline void good(Findings& findings, std::string subject, std::string text) {
  findings.push_back({Finding::Level::kGood, std::move(subject), std::move(text), ""});
}
inline void warn(Findings& findings, std::string subject, std::string text, std::string mend) {
  findings.push_back({Finding::Level::kWarning, std::move(subject), std::move(text), std::move(mend)});
}
inline void fault(Findings& findings, std::string subject, std::string text, std::string mend) {
  findings.push_back({Finding::Level::kFault, std::move(subject), std::move(text), std::move(mend)});
}

inline constexpr const char* kIommuGroups = "/sys/kernel/iommu_groups";

enum class PortKind : uint8_t { kPci, kKernel, kVirtual, kCapture };

// How a PCI device is driven: by a driver that hands it to user space (vfio-pci), by one that shares it with the
// kernel (mlx5_core), or by one that keeps it for the kernel.
enum class Binding : uint8_t { kNone, kUserSpace, kShared, kKernel };

struct PortFacts {
  std::string spec;
  unsigned queues = 1;
  PortKind kind = PortKind::kKernel;
  bool is_xdp = false;
  bool rss = true;
  int numa_node = -1;  // -1: none, or not known
  std::string driver;  // of a PCI device; "" = none
  Binding binding = Binding::kNone;
};

struct Examined {
  const DoctorConfig& config;
  const Machine machine;
  std::vector<PortFacts> ports;

  explicit Examined(const DoctorConfig& config);
  bool has(PortKind kind) const;
  unsigned queues() const;
};

std::string pci_path(const std::string& address);  // its folder in sysfs

void examine_hugepages(const Examined& it, Findings& findings);
void examine_memlock(const Examined& it, Findings& findings);
void examine_permissions(const Examined& it, Findings& findings);
void examine_vfio(const Examined& it, Findings& findings);
void examine_port(const Examined& it, const PortFacts& port, Findings& findings);
void examine_spread(const Examined& it, const PortFacts& port, Findings& findings);
void examine_cores(const Examined& it, Findings& findings);
void examine_spool(const Examined& it, Findings& findings);
void examine_clock(const Examined& it, Findings& findings);

}  // namespace netspectra

// Hugepages, memory that may be locked, permissions.
#include <algorithm>
#include <map>
#include <sstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "doctor/checks.h"

namespace netspectra {
namespace {

constexpr int kAnyNode = -1;
constexpr uint64_t kKiBPerMiB = 1024;

struct Pool {
  uint64_t page_kib = 0;
  uint64_t pages = 0;
  uint64_t free = 0;
};

std::string page_name(uint64_t kib) {
  if (kib % (kKiBPerMiB * 1024) == 0) return absl::StrCat(kib / kKiBPerMiB / 1024, "G");
  return kib % kKiBPerMiB == 0 ? absl::StrCat(kib / kKiBPerMiB, "M") : absl::StrCat(kib, "K");
}

std::vector<Pool> read_pools(const Machine& machine, const std::string& folder) {
  std::vector<Pool> pools;
  for (const std::string& name : machine.names(folder)) {
    Pool pool;
    const std::string prefix = "hugepages-";
    if (!name.starts_with(prefix) || !name.ends_with("kB") ||
        !absl::SimpleAtoi(name.substr(prefix.size(), name.size() - prefix.size() - 2), &pool.page_kib) ||
        pool.page_kib == 0) {
      continue;
    }
    pool.pages =
        static_cast<uint64_t>(std::max<int64_t>(0, machine.number(folder + "/" + name + "/nr_hugepages", 0)));
    pool.free = static_cast<uint64_t>(
        std::max<int64_t>(0, machine.number(folder + "/" + name + "/free_hugepages", 0)));
    pools.push_back(pool);
  }
  std::sort(pools.begin(), pools.end(), [](const Pool& a, const Pool& b) { return a.page_kib < b.page_kib; });
  return pools;
}

// The pools of each node; of the whole machine under kAnyNode where the kernel has no NUMA, or nobody asks for more.
std::map<int, std::vector<Pool>> pools_by_node(const Machine& machine) {
  std::map<int, std::vector<Pool>> nodes;
  for (const std::string& name : machine.names("/sys/devices/system/node")) {
    int node = 0;
    if (!name.starts_with("node") || !absl::SimpleAtoi(name.substr(4), &node)) continue;
    nodes[node] = read_pools(machine, "/sys/devices/system/node/" + name + "/hugepages");
  }
  nodes[kAnyNode] = read_pools(machine, "/sys/kernel/mm/hugepages");
  return nodes;
}

// Each queue takes the same; those of ports without a known node may lie anywhere.
std::map<int, uint64_t> needs_by_node(const Examined& it, const std::map<int, std::vector<Pool>>& nodes) {
  std::map<int, uint64_t> needs;
  const unsigned queues = std::max(1u, it.queues());
  for (const PortFacts& port : it.ports) {
    needs[nodes.contains(port.numa_node) ? port.numa_node : kAnyNode] += it.config.memory_mib * port.queues;
  }
  if (it.ports.empty()) needs[kAnyNode] = it.config.memory_mib;
  for (auto& [node, mib] : needs) mib = (mib + queues - 1) / queues;
  return needs;
}

std::string reserve_command(const std::vector<Pool>& pools, int node, uint64_t missing_kib) {
  if (pools.empty()) return "";
  const Pool& pool = pools.front();
  const uint64_t pages = pool.pages + (missing_kib + pool.page_kib - 1) / pool.page_kib;
  return absl::StrCat("sudo scripts/hugepages.sh reserve --size ", page_name(pool.page_kib), " --count ",
                      pages, node == kAnyNode ? "" : absl::StrCat(" --node ", node), " --persistent");
}

// The capabilities of Linux by number: capability.h of a distribution may be older than the kernel.
struct Capability {
  const char* name;
  unsigned bit;
};
constexpr Capability kNetAdmin = {"cap_net_admin", 12}, kNetRaw = {"cap_net_raw", 13},
                     kIpcLock = {"cap_ipc_lock", 14}, kSysRawio = {"cap_sys_rawio", 17},
                     kSysAdmin = {"cap_sys_admin", 21};

bool is_held(const Machine& machine, const Capability& capability) {
  uint64_t held = 0;
  return absl::SimpleHexAtoi(machine.status_of_self("CapEff"), &held) && (held >> capability.bit & 1) != 0;
}

}  // namespace

void examine_hugepages(const Examined& it, Findings& findings) {
  const auto nodes = pools_by_node(it.machine);
  for (const auto& [node, need_mib] : needs_by_node(it, nodes)) {
    const std::vector<Pool>& pools = nodes.at(node);
    const std::string where = node == kAnyNode ? "" : absl::StrCat(" on node ", node);
    std::vector<std::string> parts;
    uint64_t free_kib = 0;
    for (const Pool& pool : pools) {
      free_kib += pool.free * pool.page_kib;
      parts.push_back(absl::StrCat(pool.free, " of ", pool.pages, " pages of ", page_name(pool.page_kib)));
    }
    const std::string free = parts.empty() ? "none" : absl::StrCat(absl::StrJoin(parts, ", "), " free");
    if (free_kib >= need_mib * kKiBPerMiB && free_kib > 0) {
      good(findings, "hugepages", absl::StrCat(free, where, ", ", need_mib, " MiB needed"));
      continue;
    }
    const std::string found = absl::StrCat(free, where, ", ", need_mib, " MiB needed: ");
    const std::string mend =
        reserve_command(pools, node, need_mib * kKiBPerMiB - std::min(free_kib, need_mib * kKiBPerMiB));
    if (it.has(PortKind::kPci)) {
      fault(findings, "hugepages", absl::StrCat(found, "a NIC on PCI writes its packets there"), mend);
    } else {
      warn(findings, "hugepages", absl::StrCat(found, "ordinary memory will do, and is slower"), mend);
    }
  }
}

void examine_memlock(const Examined& it, Findings& findings) {
  constexpr const char* kSubject = "memlock";
  uint64_t limit = UINT64_MAX;
  for (const std::string& line : it.machine.lines("/proc/self/limits")) {
    const std::string name = "Max locked memory";
    if (!line.starts_with(name)) continue;
    std::istringstream words(line.substr(name.size()));
    uint64_t bytes = 0;
    if (words >> bytes) limit = bytes;
  }
  if (limit == UINT64_MAX) return good(findings, kSubject, "no limit");
  const uint64_t limit_mib = limit >> 20;
  if (is_held(it.machine, kIpcLock)) {
    return good(findings, kSubject, absl::StrCat("a limit of ", limit_mib, " MiB, which CAP_IPC_LOCK lifts"));
  }
  // All of DPDK's memory is locked for a NIC's DMA; for kernel interfaces only their rings are.
  const uint64_t need =
      (it.has(PortKind::kPci) ? it.config.memory_mib << 20 : 0) + it.config.kernel_locked_bytes;
  if (limit >= need) return good(findings, kSubject, absl::StrCat("a limit of ", limit_mib, " MiB"));
  fault(findings, kSubject,
        absl::StrCat("at most ", limit_mib, " MiB may be locked, ", (need + (1 << 20) - 1) >> 20,
                     " MiB will be"),
        "sudo prlimit --pid $$ --memlock=unlimited   (as a service: LimitMEMLOCK=infinity)");
}

void examine_permissions(const Examined& it, Findings& findings) {
  std::vector<Capability> needed;
  const auto need = [&](const Capability& capability) {
    const bool known = std::any_of(needed.begin(), needed.end(),
                                   [&](const Capability& other) { return other.bit == capability.bit; });
    if (!known) needed.push_back(capability);
  };
  for (const PortFacts& port : it.ports) {
    // Packet sockets, and the raw queue pairs of shared drivers; promiscuous mode.
    if (port.kind == PortKind::kKernel || port.binding == Binding::kShared) need(kNetRaw), need(kNetAdmin);
    // Without an IOMMU the NIC takes physical addresses, which only these may learn and use.
    const bool has_iommu = port.driver == "vfio-pci" && !it.machine.names(kIommuGroups).empty();
    if (port.binding == Binding::kUserSpace && !has_iommu) need(kSysRawio), need(kSysAdmin);
  }
  std::vector<std::string> missing, all;
  for (const Capability& capability : needed) {
    all.push_back(capability.name);
    if (!is_held(it.machine, capability)) missing.push_back(capability.name);
  }
  if (all.empty()) return good(findings, "permissions", "none needed");
  if (missing.empty()) return good(findings, "permissions", absl::StrJoin(all, ", "));
  fault(findings, "permissions",
        absl::StrCat(absl::StrJoin(missing, ", "), " missing: the ports cannot be opened"),
        absl::StrCat("sudo setcap ", absl::StrJoin(all, ","), "+ep \"$(command -v ns-probe)\""));
}

}  // namespace netspectra

#include "ethdev/cpu_placement.h"

#include <dirent.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <tuple>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace netspectra {
namespace {

int read_number(const std::string& path, int otherwise) {
  std::ifstream in(path);
  int number;
  return in >> number ? number : otherwise;
}

// A CPU's folder holds a link "nodeN".
int node_of(const std::string& cpu_dir) {
  DIR* const dir = opendir(cpu_dir.c_str());
  if (dir == nullptr) return -1;
  int node = -1;
  while (const dirent* entry = readdir(dir)) {
    const std::string name = entry->d_name;
    if (absl::StartsWith(name, "node") && name.size() > 4) node = std::atoi(name.c_str() + 4);
  }
  closedir(dir);
  return node;
}

}  // namespace

std::vector<Cpu> read_cpus(const cpu_set_t& allowed) {
  std::vector<Cpu> cpus;
  for (int id = 0; id < CPU_SETSIZE; ++id) {
    if (!CPU_ISSET(id, &allowed)) continue;
    const std::string dir = absl::StrCat("/sys/devices/system/cpu/cpu", id);
    // core_id counts within a package.
    const int package = read_number(dir + "/topology/physical_package_id", 0);
    const int core = read_number(dir + "/topology/core_id", id);
    cpus.push_back({id, node_of(dir), package << 16 | core});
  }
  return cpus;
}

int numa_node_of(const std::string& spec) {
  for (const std::string& dir :
       {absl::StrCat("/sys/bus/pci/devices/", spec), absl::StrCat("/sys/class/net/", spec, "/device")}) {
    const int node = read_number(dir + "/numa_node", -1);
    if (node >= 0) return node;
  }
  return -1;
}

CpuPlacement place_workers(const std::vector<Cpu>& cpus, const std::vector<int>& nodes) {
  CpuPlacement placement;
  placement.main_cpu = cpus.front().id;
  std::vector<int> on_cpu(cpus.size()), by_core(cpus.size());
  for (size_t i = 0; i < cpus.size(); ++i) by_core[i] = cpus[i].core == cpus.front().core;
  on_cpu[0] = 1;
  for (size_t worker = 0; worker < nodes.size(); ++worker) {
    const auto cost = [&](size_t i) {
      const bool far = nodes[worker] >= 0 && cpus[i].node >= 0 && cpus[i].node != nodes[worker];
      return std::tuple(on_cpu[i], far, by_core[i], i);
    };
    size_t best = 0;
    for (size_t i = 1; i < cpus.size(); ++i) {
      if (cost(i) < cost(best)) best = i;
    }
    const auto [taken, far, sibling, index] = cost(best);
    if (taken != 0) {
      placement.warnings.push_back(
          absl::StrCat("worker ", worker, " shares CPU ", cpus[best].id,
                       " with others: packets are lost at high rates; use fewer queues, or a "
                       "machine with more cores"));
    } else if (far) {
      placement.warnings.push_back(absl::StrCat(
          "worker ", worker, " polls on NUMA node ", cpus[best].node, ", but its port is on node ",
          nodes[worker], ": about a third less packets a second; allow it CPUs of that node"));
    }
    ++on_cpu[best];
    for (size_t i = 0; i < cpus.size(); ++i) by_core[i] += cpus[i].core == cpus[best].core;
    placement.worker_cpus.push_back(cpus[best].id);
  }
  return placement;
}

}  // namespace netspectra

// Which CPU each worker polls on.
//
// Purpose: a worker on its port's NUMA node, alone on its physical core, away from the main lcore, as far as there are
//   CPUs; where there are not, it says what that costs.
// Threads: set-up only. Errors: none; what could not be had is in `warnings`.
// Source: DPDK 22.11, "Getting the best performance with NICs".
#pragma once

#include <sched.h>

#include <string>
#include <vector>

namespace netspectra {

struct Cpu {
  int id;
  int node;  // -1: not known
  int core;  // siblings share it
};

struct CpuPlacement {
  int main_cpu;
  std::vector<int> worker_cpus;  // in the order of `nodes`
  std::vector<std::string> warnings;
};

// The CPUs of `allowed`, as /sys/devices/system/cpu tells. `allowed` is not empty.
std::vector<Cpu> read_cpus(const cpu_set_t& allowed);
// Of a PCI device or a kernel interface; -1: none, or not known.
int numa_node_of(const std::string& spec);

// One worker for each of `nodes`: that of its port, or -1. REQUIRES: `cpus` is not empty.
CpuPlacement place_workers(const std::vector<Cpu>& cpus, const std::vector<int>& nodes);

}  // namespace netspectra

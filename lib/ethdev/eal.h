// DPDK's environment abstraction layer, set up from code.
//
// Purpose: start_eal() works as any user on any machine: hugepages where enough of them are free, else
//   ordinary memory; no files shared with other DPDK processes; PCI only where it is asked for, and then no device is
//   taken before its port is opened (rte_eal_hotplug_add).
// Threads: once per process, before any other thread that uses DPDK.
// Errors: what the EAL refused, with the arguments that it was given.
// Source: DPDK 22.11, "EAL parameters".
#pragma once

#include <sched.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace netspectra {

struct EalConfig {
  std::vector<std::string> args;  // given by the user: passed untouched, nothing is derived
  unsigned polling_lcores = 1;    // beside the main lcore
  unsigned memory_mib = 64;
  bool pci = false;              // ports on PCI will be opened
  bool telemetry = false;        // DPDK's telemetry socket, below the run-time folder of file_prefix
  std::string file_prefix;       // names that folder; "" = DPDK's default
  int main_cpu = -1;             // -1: the first that the process may use
  std::vector<int> worker_cpus;  // of the polling lcores, in order; those left out are chosen
};

struct EalInfo {
  std::vector<unsigned> polling_lcores;  // ids, as many as asked for
  cpu_set_t cpus;                        // that the process may use; for threads that are no lcore
  bool hugepages;
};

absl::StatusOr<EalInfo> start_eal(const EalConfig& config);

}  // namespace netspectra

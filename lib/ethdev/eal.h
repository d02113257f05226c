// DPDK's environment abstraction layer, set up from code.
//
// Purpose: start_eal() works as any user on any machine: hugepages where enough of them are free, else
//   ordinary memory; no files shared with other DPDK processes; PCI only where it is asked for, and then no device is
//   taken before its port is opened (rte_eal_hotplug_add).
// Threads: once per process, before any other thread that uses DPDK.
// Errors: what the EAL refused, with the arguments that it was given; ports on PCI, and hugepages for less than is
//   needed: ordinary memory is no place for a NIC to write to.
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
  std::vector<std::string> pci_ports;  // that will be opened, as configured
  bool telemetry = false;              // DPDK's telemetry socket, below the run-time folder of file_prefix
  std::string file_prefix;             // names that folder; "" = DPDK's default
  int main_cpu = -1;                   // -1: the first that the process may use
  std::vector<int> worker_cpus;        // of the polling lcores, in order; those left out are chosen
};

struct EalInfo {
  std::vector<unsigned> polling_lcores;        // ids, as many as asked for
  std::vector<std::vector<int>> polling_cpus;  // of each; one, unless the user's arguments give it several
  cpu_set_t cpus;                              // that the process may use
  // Of `cpus`, where none of them polls, for threads that are no lcore; where all have one, those of the main lcore.
  cpu_set_t other_cpus;
};

absl::StatusOr<EalInfo> start_eal(const EalConfig& config);

}  // namespace netspectra

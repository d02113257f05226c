// DPDK's environment abstraction layer, set up from code.
//
// Purpose: start_eal() works as any user on any machine: hugepages where enough of them are free, else
//   ordinary memory; no PCI scan, no files shared with other DPDK processes.
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
};

struct EalInfo {
  std::vector<unsigned> polling_lcores;  // ids, as many as asked for
  cpu_set_t cpus;                        // that the process may use; for threads that are no lcore
  bool hugepages;
};

absl::StatusOr<EalInfo> start_eal(const EalConfig& config);

}  // namespace netspectra

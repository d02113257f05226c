// DPDK telemetry commands: /netspectra/stats and /netspectra/tasks.
//
// Purpose: `dpdk-telemetry.py` and whatever else speaks DPDK's telemetry protocol sees the probe's books beside
//   the ports' own counters.
// Shapes: docs/operations.md. DPDK cuts an answer at 16 KiB without a word: so all workers are one sum, and a
//   parameter chooses one of them; of more than 60 tasks the rest are had by parameter, too.
// Threads: register once, after the EAL has started; answers come on DPDK's telemetry thread. The board outlives
//   the process's EAL.
// Errors: what rte_telemetry_register_cmd refuses; a wrong parameter is answered with {"error": ...}.
// Source: DPDK 22.11 rte_telemetry.h, "DPDK Telemetry User Guide".
#pragma once

#include "absl/status/status.h"
#include "telemetry/probe_status.h"

namespace netspectra {

absl::Status register_telemetry_commands(const StatusBoard& board);

}  // namespace netspectra

// Whether somebody else already uses the CPUs that workers are to poll on.
//
// Purpose: two pollers on one CPU lose packets in silence. A thread that may run on one CPU only and keeps it busy is
//   a poller: that CPU is refused, and so is one that was isolated for polling and is busy with whatever. On any other
//   CPU it may be passing work: that is warned of.
// Threads: set-up only; waits for the time it measures over. Errors: what cannot be read counts as idle: processes of
//   other PID namespaces are not seen.
// Source: proc(5), /proc/stat and /proc/PID/task/TID/stat; Documentation/admin-guide/kernel-parameters, isolcpus.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace netspectra {

struct CpuUse {
  int cpu = 0;
  int percent = 0;  // of its time not idle
  bool isolated = false;
  std::string poller;  // "ns-probe (process 4711)"; "" = none was seen
};

// By CPU, percent of the time between two readings of /proc/stat that was not idle.
std::vector<int> busy_percent(const std::string& before, const std::string& after,
                              const std::vector<int>& cpus);

// How the CPUs are used, over the next `over`. This process does not count as a poller.
std::vector<CpuUse> measure_cpus(const std::vector<int>& cpus, std::chrono::milliseconds over);

// FailedPrecondition where there is a poller, unless CPUs may be shared; appends a warning for each other busy CPU.
absl::Status judge_cpus(const std::vector<CpuUse>& uses, bool may_share, std::vector<std::string>& warnings);

}  // namespace netspectra

// Whether somebody else already uses the CPUs that workers are to poll on.
//
// Purpose: two pollers on one CPU lose packets in silence. On a CPU that was isolated for polling, work means another
//   poller: that is refused. On any other CPU it may be passing work: that is warned of.
// Threads: set-up only; waits for the time it measures over. Errors: what cannot be read counts as idle.
// Source: proc(5), /proc/stat; Documentation/admin-guide/kernel-parameters, isolcpus.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace netspectra {

// By CPU, percent of the time between two readings of /proc/stat that was not idle.
std::vector<int> busy_percent(const std::string& before, const std::string& after,
                              const std::vector<int>& cpus);

// "2-3,6" -> 2, 3, 6.
std::vector<int> parse_cpu_list(const std::string& list);

// FailedPrecondition where an isolated CPU of `cpus` is busy; appends a warning for every other busy one.
absl::Status judge_busy_cpus(const std::vector<int>& cpus, const std::vector<int>& percent,
                             const std::vector<int>& isolated, std::vector<std::string>& warnings);

// The same, measured now.
absl::Status check_worker_cpus(const std::vector<int>& cpus, std::chrono::milliseconds over,
                               std::vector<std::string>& warnings);

}  // namespace netspectra

// The probe's books as it runs: from parts to a ProbeStatus per period.
//
// Threads: the control core.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "config/probe_options.h"
#include "task/epoch_part.h"
#include "telemetry/probe_status.h"

namespace netspectra {

class StatusKeeper {
 public:
  // `workers`: port, queue and CPU of each are filled in.
  StatusKeeper(const ProbeOptions& options, uint64_t run, std::vector<WorkerStatus> workers,
               const TaskPlan& plan);

  const ProbeStatus& status() const { return status_; }
  void add(const EpochPart& part);
  // Calls `on_period` for every epoch that starts before `watermark_ns`, the earliest first.
  void finish_before(uint64_t watermark_ns, const std::function<void(ProbeStatus&)>& on_period);

 private:
  struct Epoch {
    uint64_t end_ns = 0;
    std::vector<WorkerStatus::Counts> workers;
    std::vector<TaskStatus> tasks;
  };
  void count(const EpochPart& part, Epoch& epoch) const;

  ProbeStatus status_;
  std::map<uint64_t, Epoch> open_;  // by start
};

}  // namespace netspectra

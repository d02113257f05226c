// The Manager of live ports.
//
// Purpose: one worker per RX queue, each on an lcore of its own, for as long as nobody stops it. What the ports lost goes
//   into the part of the same worker and time.
// Threads: manager.h. Ownership: owns the workers; borrows the ports, which outlive it.
// Errors: create() when memory cannot be had.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ethdev/eal.h"
#include "ethdev/port.h"
#include "task/task_plan.h"
#include "worker/manager.h"
#include "worker/worker_set.h"

namespace netspectra {

struct PortManagerConfig {
  std::shared_ptr<const TaskPlan> plan;
  uint64_t period_ns = 0;  // not 0
};

class PortManager final : public Manager {
 public:
  struct Place {
    Port* port;
    unsigned queue;
  };

  // Opens the ports, since they need the flag that stop() sets.
  static absl::StatusOr<std::unique_ptr<PortManager>> create(const PortManagerConfig& config,
                                                             const std::vector<PortConfig>& ports,
                                                             const EalInfo& eal);
  ~PortManager() override;

  // Starts the ports, then the workers: nothing that a port receives is left lying.
  absl::Status start_ports();
  void start() override;
  bool poll(const OnPart& on_part) override;
  uint64_t watermark_ns() const override { return watermark_ns_; }
  void finish() override;

  const std::vector<std::unique_ptr<Port>>& ports() const { return ports_; }
  // By worker: the queue that it polls.
  const std::vector<Place>& places() const { return places_; }
  // What happened to the ports since the last call, a line each. Call it a few times a second.
  std::vector<std::string> watch();
  // From the epoch after the next boundary on. REQUIRES: plan as create() takes it.
  absl::Status change_plan(std::shared_ptr<const TaskPlan> plan);

 private:
  PortManager(const PortManagerConfig& config, const EalInfo& eal) : config_(config), eal_(eal) {}
  absl::Status make(const std::vector<PortConfig>& ports);
  SourceStats stats_since_last(unsigned worker);

  const PortManagerConfig config_;
  const EalInfo eal_;
  std::vector<std::unique_ptr<Port>> ports_;
  std::vector<Place> places_;
  std::vector<SourceStats> told_stats_;  // by worker: what has been handed over with parts
  std::unique_ptr<WorkerSet> workers_;
  uint64_t watermark_ns_ = 0;
};

}  // namespace netspectra

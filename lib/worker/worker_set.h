// The workers of a process: for each a pipeline, its two states and the feed that it polls from.
//
// Purpose: what every kind of manager has in common: making states by a plan, launching the pipelines on their lcores,
//   emptying sealed states, and changing the plan at an epoch's boundary.
// Changing the plan: new tasks go into each state when it is given back empty, with the time from which they hold; the
//   worker takes them up at that boundary. So all workers change in the same epoch, whatever else happens.
// Threads: all calls on the control core. Ownership: owns handovers, feeds, pipelines and tasks.
// Errors: create() and change_plan() when memory cannot be had; the latter leaves everything as it was.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ethdev/eal.h"
#include "task/epoch_part.h"
#include "task/task_plan.h"
#include "worker/pipeline.h"

namespace netspectra {

struct WorkerSetConfig {
  std::shared_ptr<const TaskPlan> plan;
  unsigned workers = 1;
  uint64_t period_ns = 0;
  const PacketFilter* filter = nullptr;
  Overrun overrun = Overrun::kWait;
};

class WorkerSet {
 public:
  static absl::StatusOr<std::unique_ptr<WorkerSet>> create(const WorkerSetConfig& config);

  unsigned size() const { return static_cast<unsigned>(workers_.size()); }
  QueueFeed<RxQueue>& feed(unsigned worker) { return workers_[worker]->feed; }
  uint64_t overruns(unsigned worker) const { return workers_[worker]->pipeline->overruns(); }

  // REQUIRES: as many lcores as workers.
  void launch(const std::vector<unsigned>& lcores);
  // Gets ready what the workers will soon need.
  void prepare();
  // Hands over what this worker has sealed. False once it is done and all of it has been handed over.
  bool collect(unsigned worker, const std::function<void(EpochPart)>& on_part);

  bool done() const;
  // No worker that runs will hand over an epoch that starts before this.
  uint64_t epoch_start_ns() const;

  // From the epoch after the next boundary on. Not before period_ns has made a first boundary: REQUIRES a period.
  absl::Status change_plan(std::shared_ptr<const TaskPlan> plan);

 private:
  // The tasks of a state, as its lists were when the control core last held it: the worker may exchange the lists.
  struct Held {
    EpochState* state;
    std::vector<Task*> tasks;
    void list();
  };
  struct Worker {
    std::unique_ptr<Handover<EpochState>> handover;
    QueueFeed<RxQueue> feed;
    std::unique_ptr<Pipeline> pipeline;
    std::vector<Held> states;
    std::vector<WorkerTasks>
        next_tasks;          // of a plan that was changed: one for each state that has not got them yet
    bool collected = false;  // done, and its last part taken
  };

  explicit WorkerSet(const WorkerSetConfig& config) : config_(config) {}
  absl::Status add_worker();
  void empty(Worker& worker, EpochState& state);

  const WorkerSetConfig config_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::shared_ptr<const TaskPlan> next_plan_;
  uint64_t next_plan_from_ns_ = 0;
};

}  // namespace netspectra

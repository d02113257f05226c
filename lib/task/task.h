// What a worker runs for each task, and what it leaves behind at the end of an epoch.
//
// Threads: update() and flush() by the owning worker; prepare() by the control core at any time; drain() by the
//   control core once the epoch is sealed. An Estimate belongs to whoever holds it: the control core.
// Cost: one virtual call per task and burst.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "flow/flow_record.h"
#include "task/burst.h"
#include "task/task_config.h"
#include "task/task_plan.h"
#include "task/task_result.h"

namespace netspectra {

// What an estimator task knows of one epoch, from any number of workers, in any order: the result is the same.
class Estimate {
 public:
  virtual ~Estimate() = default;
  // Takes in what another worker measured. `other` is of the same task.
  virtual absl::Status merge(const Estimate& other) = 0;
  // Takes in flows that are known exactly, over a key that holds the task's; each key stands there once.
  virtual void add(std::span<const FlowRecord> records) = 0;
  // Fills in the result's lists. `total` is what a threshold's share is of.
  virtual void report(const FlowCounters& total, TaskResult& result) const = 0;
  // The whole state, for restore_estimate() elsewhere: docs/wire.md, "Estimator state".
  virtual std::vector<std::byte> save() const = 0;
  // Takes in what another worker's save() gave. InvalidArgument where that is of another task or cannot have come
  // from save(); then nothing is changed.
  virtual absl::Status take_saved(std::span<const std::byte> state) = 0;
};

// One task's yield of one epoch from one worker: a delta, so parts add up in any order.
struct TaskPart {
  std::vector<FlowRecord> records;         // exact
  FlowCounters overflow;                   // exact
  std::unique_ptr<Estimate> estimate;      // estimators; null where there were no packets
  absl::Status status = absl::OkStatus();  // not OK: something that was measured could not be handed over
};

class Task {
 public:
  virtual ~Task() = default;
  // By the control core, from time to time while the worker runs: gets ready what update() will soon need.
  virtual void prepare() {}
  // The burst's packets must stay where they are until two further calls, or flush().
  virtual void update(const Burst& burst) = 0;
  // By the worker, before it seals: measures what is still on its way.
  virtual void flush() {}
  // Hands over all that was measured and is empty afterwards.
  virtual TaskPart drain() = 0;
};

// What one worker runs: the tasks that see every packet, and those that see what overflows one of these.
struct WorkerTasks {
  std::vector<std::unique_ptr<Task>> measured;  // in the order of TaskPlan::measured
  std::vector<std::unique_ptr<Task>> fallback;  // in the order of TaskPlan::fallback; fed by the former
};

// REQUIRES: capacity is set in every exact task.
absl::StatusOr<WorkerTasks> make_worker_tasks(const TaskPlan& plan);

// An empty estimate, to derive from exact records and to merge into. REQUIRES: an estimator's kind.
std::unique_ptr<Estimate> make_estimate(const TaskConfig& config);

// The estimate whose save() gave `state`. InvalidArgument where `state` is of another task, or no such state.
absl::StatusOr<std::unique_ptr<Estimate>> restore_estimate(const TaskConfig& config,
                                                           std::span<const std::byte> state);

}  // namespace netspectra

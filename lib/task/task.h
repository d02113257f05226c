// What a worker runs for each measuring task, and what it leaves behind at the end of an epoch.
//
// Threads: update() by the owning worker; drain() by the control core once the epoch is sealed.
// Cost: one virtual call per task and burst.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "flow/flow_record.h"
#include "packet/packet.h"
#include "task/task_config.h"

namespace netspectra {

// One task's yield of one epoch from one worker: a delta, so parts add up in any order.
struct TaskPart {
  std::vector<FlowRecord> records;
  FlowCounters overflow;
};

class Task {
 public:
  virtual ~Task() = default;
  virtual void update(std::span<const Packet> packets) = 0;  // at most FlowTable::kMaxBurst
  // Hands over all that was measured and is empty afterwards.
  virtual TaskPart drain() = 0;
};

// The list of task kinds. `initial` is the number of keys that a task has room for from the start;
// config.capacity must not be 0.
absl::StatusOr<std::unique_ptr<Task>> make_task(const TaskConfig& config, uint64_t initial);

}  // namespace netspectra

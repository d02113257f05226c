// What a worker runs for each measuring task, and what it leaves behind at the end of an epoch.
//
// Threads: update() by the owning worker; prepare() by the control core at any time; drain() by the control
//   core once the epoch is sealed.
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
  // By the control core, from time to time while the worker runs: gets ready what update() will soon need.
  virtual void prepare() = 0;
  // At most FlowTable::kMaxBurst packets, which must stay where they are until two further calls, or flush().
  virtual void update(std::span<const Packet> packets) = 0;
  // By the worker, before it seals: measures what is still on its way.
  virtual void flush() = 0;
  // Hands over all that was measured and is empty afterwards.
  virtual TaskPart drain() = 0;
};

// The list of task kinds. REQUIRES: config.capacity != 0.
absl::StatusOr<std::unique_ptr<Task>> make_task(const TaskConfig& config);

}  // namespace netspectra

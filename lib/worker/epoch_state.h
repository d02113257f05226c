// All that one worker measures in one epoch: one of the two states of its handover.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "base/ledger.h"
#include "epoch/epoch_span.h"
#include "task/task.h"

namespace netspectra {

struct EpochState {
  EpochSpan span;
  Ledger ledger;
  WorkerTasks tasks;
  // Tasks that take the place of `tasks` in the first epoch that starts at next_from_ns or later, which is for the worker
  // to see: only it knows where its epochs end. What they replaced then stands here, for the control core to free.
  WorkerTasks next_tasks;
  uint64_t next_from_ns = UINT64_MAX;
  bool changed = false;
  std::shared_ptr<const TaskPlan> plan, next_plan;  // of both; control core only

  // By the worker, before it begins an epoch in this state.
  void begin(EpochSpan next) {
    span = next;
    if (next.start_ns < next_from_ns) return;
    std::swap(tasks, next_tasks);
    next_from_ns = UINT64_MAX;
    changed = true;
  }
  bool used() const { return ledger.rx_packets + ledger.filtered_out != 0; }
};

}  // namespace netspectra

// All that one worker measures in one epoch: one of the two states of its handover.
#pragma once

#include <memory>
#include <vector>

#include "base/ledger.h"
#include "epoch/epoch_span.h"
#include "task/task.h"

namespace netspectra {

struct EpochState {
  EpochSpan span;
  Ledger ledger;
  WorkerTasks tasks;
  std::shared_ptr<const TaskPlan> plan;  // of `tasks`; control core only

  bool used() const { return ledger.rx_packets + ledger.filtered_out != 0; }
};

}  // namespace netspectra

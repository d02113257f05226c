// One merged epoch: what the sinks (output, store) are given.
//
// Shapes: one TaskResult per configured task, in configuration order.
// Threads: plain data, the caller's once emitted.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ledger.h"
#include "task/task_result.h"

namespace netspectra {

struct EpochResult {
  uint64_t start_ns = 0;   // a multiple of the period; 0 where the whole capture is one epoch
  uint64_t period_ns = 0;  // 0 where the whole capture is one epoch
  Ledger ledger;
  std::vector<TaskResult> tasks;
  // What had gone wrong with the files by the time the epoch was emitted: parts of it may be missing.
  std::vector<std::string> read_errors;
};

}  // namespace netspectra

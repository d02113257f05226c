// The books of a whole run, and what does not balance in them.
//
// Purpose: every packet that was received is counted somewhere, or the run says that it is not.
// Threads: one thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ledger.h"
#include "merge/epoch_result.h"
#include "task/task_plan.h"

namespace netspectra {

class Books {
 public:
  void add(const EpochResult& result, const TaskPlan& plan);
  void close(uint64_t received_by_ports);

  const Ledger& ledger() const { return ledger_; }
  uint64_t overflow_packets() const { return overflow_packets_; }
  const std::vector<std::string>& faults() const { return faults_; }

 private:
  Ledger ledger_;
  uint64_t overflow_packets_ = 0;
  std::vector<std::string> faults_;
};

}  // namespace netspectra

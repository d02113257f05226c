// The JSON Lines of one task's result in one epoch.
//
// Purpose: one shape of each row for whoever writes them: the output, the files store. To be used by
//   append_rows() (output/rows.h).
// Shapes: docs/pcap-analyzer.md, "Output": {"type":...,"task":...,"epoch_start_ns":...,<the task's
//   fields>,...}, one line with its newline. Exact integers, times in nanoseconds.
// Ownership: copies what it needs of the task. Threads: immutable. Errors: none.
// Cost: about 0.15 us a row; what is the same in every row is written once, at construction.
#pragma once

#include <cstdint>
#include <string>

#include "task/task_result.h"

namespace netspectra {

class JsonRows {
 public:
  JsonRows(const TaskConfig& task, uint64_t epoch_start_ns);

  void append(std::string& out, const FlowRecord& record) const;
  void append(std::string& out, const HeavyHitterRecord& record) const;
  void append(std::string& out, const SpreadRecord& record) const;
  void append_overflow(std::string& out, const FlowCounters& overflow) const;
  void append_cardinality(std::string& out, uint64_t cardinality) const;

 private:
  KeyFields fields_;
  std::string prefix_;           // of the task's kind of row, up to and with the start of the epoch
  std::string overflow_prefix_;  // likewise
};

}  // namespace netspectra

// The CSV lines of one task's result in one epoch.
//
// Purpose: the rows that JSON Lines has, under the same names. To be used by append_rows() (output/rows.h).
// Shapes: RFC 4180, but lines end in LF. One header for all types of row; a column that a row's type or the
//   task's key does not have is empty.
// Ownership: copies what it needs of the task. Threads: immutable. Errors: none. Cost: as json_rows.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "task/task_result.h"

namespace netspectra {

inline constexpr std::string_view kCsvHeader =
    "type,task,epoch_start_ns,src_ip,dst_ip,src_port,dst_port,protocol,vlan,packets,bytes,first_seen_ns,"
    "last_seen_ns,tcp_flags,error_packets,error_bytes,spread,cardinality\n";

class CsvRows {
 public:
  CsvRows(const TaskConfig& task, uint64_t epoch_start_ns);

  void append(std::string& out, const FlowRecord& record) const;
  void append(std::string& out, const HeavyHitterRecord& record) const;
  void append(std::string& out, const SpreadRecord& record) const;
  void append_overflow(std::string& out, const FlowCounters& overflow) const;
  void append_cardinality(std::string& out, uint64_t cardinality) const;

 private:
  KeyFields fields_;
  std::string prefix_;           // of the task's kind of row: the first three columns
  std::string overflow_prefix_;  // likewise
};

}  // namespace netspectra

// The last word of a run: what was read, what of it was measured, what went wrong.
//
// Threads: plain data.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ledger.h"
#include "base/source_stats.h"

namespace netspectra {

struct RunSummary {
  std::vector<std::string> files;        // as the user named them
  Ledger ledger;                         // over all epochs
  uint64_t overflow_packets = 0;         // summed over the tasks
  std::optional<SourceStats> source;     // live ports: what they know beside
  double elapsed_s = 0;                  // from the first poll to the last record merged
  std::vector<std::string> read_errors;  // "FILE: cause", in the order of the files
};

}  // namespace netspectra

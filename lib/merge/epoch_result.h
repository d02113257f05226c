// One merged epoch: what the sinks (output, store) are given.
//
// Shapes: one TaskResult per configured task, in configuration order.
// Threads: plain data, the caller's once emitted.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/ledger.h"
#include "base/source_stats.h"
#include "task/task_result.h"

namespace netspectra {

// Whose epoch it is, and how much of it has come: what makes it one row of the books.
//
// An epoch that was written before all of it had come is amended by what comes later: amendments are deltas, too, so a
// sum over them is always right, and (site, probe, run, start, amendment) names each once.
struct EpochOrigin {
  std::string site;   // "" where one process measures and stores
  std::string probe;  // likewise
  uint64_t run = 0;   // the start of the probe's process, ns since the Unix epoch
  uint32_t amendment = 0;
  uint32_t expected_snapshots = 0;   // of workers and tasks; 0 where there are none to wait for
  uint32_t missing_snapshots = 0;    // of those, after this
  std::vector<std::string> missing;  // "worker 2 of 4: per_five_tuple, chunks 3 to 5 of 9"
  // Which chunks this and no other amendment has, for the engine to know a repeat by: opaque to stores, which keep it and
  // give it back (Store::find). "" where nothing is missing after this: then everything is stored.
  std::string holds;
  bool complete() const { return missing_snapshots == 0; }
};

struct EpochResult {
  EpochOrigin origin;
  uint64_t start_ns = 0;   // a multiple of the period; 0 where the whole capture is one epoch
  uint64_t period_ns = 0;  // 0 where the whole capture is one epoch
  Ledger ledger;
  // Of ledger.rx_packets: refused by a newer probe for reasons that this program has no name for, by the probe's name.
  std::map<std::string, uint64_t> other_drops;
  SourceStats source;
  std::vector<TaskResult> tasks;
  // What had gone wrong with the files by the time the epoch was emitted: parts of it may be missing.
  std::vector<std::string> read_errors;
  // "TASK: cause": of what was measured, this could not be handed over or merged, and is missing from that task.
  std::vector<std::string> faults;
};

}  // namespace netspectra

// What one task reports of one epoch.
//
// Units: packets, bytes on the wire, distinct elements.
// Shapes: of the lists only that of the task's kind is filled; each key is there once. Records are sorted by
//   bytes (descending), then by key; heavy hitters by what the task ranks by, spreads by spread, both
//   descending, then by key.
// Threads: plain data, the caller's once emitted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "flow/flow_record.h"
#include "task/task_config.h"

namespace netspectra {

// Certified: packets - error_packets <= the truth <= packets, and likewise for bytes. No error: exact.
struct HeavyHitterRecord {
  FlowKey key;
  uint64_t packets = 0;
  uint64_t bytes = 0;
  uint64_t error_packets = 0;
  uint64_t error_bytes = 0;
  friend bool operator==(const HeavyHitterRecord&, const HeavyHitterRecord&) = default;
};

struct SpreadRecord {
  FlowKey key;
  uint64_t spread = 0;
  friend bool operator==(const SpreadRecord&, const SpreadRecord&) = default;
};

struct TaskResult {
  const TaskConfig* task = nullptr;  // borrowed: outlives the result
  const TaskConfig* source =
      nullptr;  // likewise: the exact task that it is derived from; null = measured itself
  std::vector<FlowRecord> records;  // exact
  FlowCounters overflow;  // exact: packets whose flow found no room; packets == 0 where there was none
  std::vector<HeavyHitterRecord> heavy_hitters;
  std::vector<SpreadRecord> spreads;
  uint64_t cardinality = 0;
  uint64_t threshold = 0;     // heavy_hitters, super_spreader: what the keys that are listed reach
  double standard_error = 0;  // super_spreader, cardinality: relative; 0 = the values are exact
  // An estimator's, as Estimate::save() gives it: what it takes to merge the estimate with others. Empty where it follows
  // from the source's records alone.
  std::vector<std::byte> state;
};

}  // namespace netspectra

// A configured measurement: what is asked for, before anything is built.
//
// Threads: plain data. Checked by whoever reads it from a user (config), so that every mistake is reported
//   with its place.
#pragma once

#include <cstdint>
#include <string>

#include "packet/flow_key.h"

namespace netspectra {

enum class TaskKind : uint8_t { kExact, kHeavyHitters, kSuperSpreader, kCardinality };
inline constexpr size_t kTaskKindCount = 4;

enum class RankBy : uint8_t { kPackets, kBytes };

// From which value on a key is reported: a count, or a share of the epoch's total in the same unit.
struct Threshold {
  uint64_t count = 0;      // used where share_ppm == 0
  uint32_t share_ppm = 0;  // millionths
  uint64_t of(uint64_t total) const {
    constexpr uint64_t kMillion = 1'000'000;
    return share_ppm == 0 ? count : total / kMillion * share_ppm + total % kMillion * share_ppm / kMillion;
  }
  bool set() const { return count != 0 || share_ppm != 0; }
};

struct TaskConfig {
  std::string name;
  TaskKind kind = TaskKind::kExact;
  KeyFields fields;
  KeyFields elements;            // super_spreader: what is counted distinct for each key
  uint64_t capacity = 0;         // exact: flows (per worker) that get a record; 0 = the program's default
  Threshold threshold;           // heavy_hitters, super_spreader; not set = the kind's default
  RankBy by = RankBy::kPackets;  // heavy_hitters: what the threshold and the order go by
  uint64_t memory_bytes = 0;     // estimators: of each of a worker's two states; 0 = the kind's default
  uint64_t seed = 1;             // estimators: only parts with the same seed can be merged
};

}  // namespace netspectra

// The head of an estimate's saved state: what must be the same on both sides for the rest to mean anything.
//
// Shapes: docs/wire.md, "Estimator state": 64 bytes, little-endian, then the content. Every field but `form` follows
//   from the task's configuration, so that a saved state either has the very head that its reader expects or is
//   refused.
// Threads: plain data. Errors: split_state() says what differs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/keyed_hash.h"
#include "task/task_config.h"

namespace netspectra {

enum class StateForm : uint8_t { kExact, kSketch };

// Of a sketch, what its kind has; 0 otherwise.
struct SketchShape {
  uint64_t size = 0;    // heavy_hitters: sets; super_spreader: bits; cardinality: precision
  uint32_t groups = 0;  // super_spreader
};

struct StateHead {
  static constexpr uint8_t kVersion = 1;

  uint8_t version;
  uint8_t kind;  // TaskKind
  uint8_t form;  // StateForm
  uint8_t by;    // RankBy
  uint32_t groups;
  uint64_t seed;
  uint64_t size;
  KeyWords mask;  // of key and element together
};
static_assert(sizeof(StateHead) == 64);

struct SavedState {
  StateForm form;
  std::span<const std::byte> content;
};

// The head, for the content to be appended to.
std::vector<std::byte> begin_state(const TaskConfig& config, const SketchShape& shape, StateForm form);
// InvalidArgument unless the state is of this task.
absl::StatusOr<SavedState> split_state(const TaskConfig& config, const SketchShape& shape,
                                       std::span<const std::byte> state);

}  // namespace netspectra

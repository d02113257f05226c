#include "task/estimate_state.h"

#include <bit>
#include <cstring>

#include "absl/strings/str_format.h"
#include "packet/flow_key.h"

namespace netspectra {
namespace {

static_assert(std::endian::native == std::endian::little);

StateHead head_of(const TaskConfig& config, const SketchShape& shape, StateForm form) {
  return {.version = StateHead::kVersion,
          .kind = static_cast<uint8_t>(config.kind),
          .form = static_cast<uint8_t>(form),
          .by = static_cast<uint8_t>(config.by),
          .groups = shape.groups,
          .seed = config.seed,
          .size = shape.size,
          .mask = KeyMask(config.fields | config.elements).words()};
}

absl::Status differs(const char* what, uint64_t theirs, uint64_t ours) {
  return absl::InvalidArgumentError(
      absl::StrFormat("the state has %s %u where the task has %u", what, theirs, ours));
}

}  // namespace

std::vector<std::byte> begin_state(const TaskConfig& config, const SketchShape& shape, StateForm form) {
  const StateHead head = head_of(config, shape, form);
  const auto bytes = std::as_bytes(std::span(&head, 1));
  return {bytes.begin(), bytes.end()};
}

absl::StatusOr<SavedState> split_state(const TaskConfig& config, const SketchShape& shape,
                                       std::span<const std::byte> state) {
  StateHead head;
  if (state.size() < sizeof(head)) return absl::InvalidArgumentError("the state is cut short");
  std::memcpy(&head, state.data(), sizeof(head));
  const StateHead ours = head_of(config, shape, static_cast<StateForm>(head.form));
  if (head.version != ours.version) return differs("version", head.version, ours.version);
  if (head.kind != ours.kind) return differs("kind", head.kind, ours.kind);
  if (head.form > static_cast<uint8_t>(StateForm::kSketch)) {
    return absl::InvalidArgumentError(absl::StrFormat("the state is of an unknown form: %u", head.form));
  }
  if (head.by != ours.by) return differs("rank", head.by, ours.by);
  if (head.seed != ours.seed) return differs("seed", head.seed, ours.seed);
  if (head.size != ours.size) return differs("size", head.size, ours.size);
  if (head.groups != ours.groups) return differs("groups", head.groups, ours.groups);
  if (head.mask != ours.mask) {
    return absl::InvalidArgumentError("the state is over other key fields than the task");
  }
  return SavedState{static_cast<StateForm>(head.form), state.subspan(sizeof(head))};
}

}  // namespace netspectra

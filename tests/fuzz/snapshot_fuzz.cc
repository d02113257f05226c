// Fuzz target of snapshots: any bytes as a message, and a good message or a good estimator's state with changes.
//
// Input: a byte that says which: the rest as a message; as the content of the state of a kind; or changes to a good
//   message or state of the kinds' four: triples of a position (two bytes, a fraction of the length) and a value.
// Checks: nothing crashes; what is accepted has its place and sizes in bounds, can be restored, merged and reported,
//   and saves the same again; what is refused says why.
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "good_messages.h"

namespace {

using namespace netspectra;

void restore(const TaskConfig& task, std::span<const std::byte> state) {
  const auto estimate = restore_estimate(task, state);
  if (!estimate.ok()) {
    require(!estimate.status().message().empty());
    return;
  }
  const auto sum = make_estimate(task);
  require(sum->merge(**estimate).ok());
  const std::vector<std::byte> saved = (*estimate)->save();
  require(sum->save() == saved);
  if (state[2] == std::byte{static_cast<uint8_t>(StateForm::kSketch)}) {
    require(saved.size() == state.size() && std::memcmp(saved.data(), state.data(), saved.size()) == 0);
  }
  require(sum->merge(**estimate).ok());
  TaskResult result;
  sum->report({}, result);
}

void decode(std::span<const uint8_t> bytes) {
  // Of exactly its size, so that any read past it is seen.
  const std::vector<uint8_t> exact(bytes.begin(), bytes.end());
  const absl::StatusOr<Snapshot> snapshot = decode_snapshot(exact);
  if (!snapshot.ok()) {
    require(!snapshot.status().message().empty());
    return;
  }
  require(snapshot->task < snapshot->tasks.size() && snapshot->chunk < snapshot->chunks);
  require(snapshot->header.worker < snapshot->header.workers);
  require(snapshot->records.size() * sizeof(FlowRecord) + snapshot->state.size() <= bytes.size());
  const TaskConfig& task = snapshot->tasks[snapshot->task];
  require(snapshot->state.empty() || task.kind != TaskKind::kExact);
  if (!snapshot->state.empty()) restore(task, snapshot->state);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::span<const uint8_t> input(data + 1, size - 1);
  const size_t which = data[0] % 16;
  if (which < 8) {
    decode(changed(good().messages[which % 4], input));
  } else if (which < 11) {
    restore(good().tasks[which - 8], changed(good().states[which - 8], input));
  } else if (which < 14) {
    // The head of the kind's, with what is told known exactly.
    const std::vector<std::byte>& state = good().states[which - 11];
    std::vector<std::byte> made(state.begin(), state.begin() + sizeof(StateHead));
    made[2] = std::byte{static_cast<uint8_t>(StateForm::kExact)};
    const auto content = std::as_bytes(input);
    made.insert(made.end(), content.begin(), content.end());
    restore(good().tasks[which - 11], made);
  } else {
    decode(input);
  }
  return 0;
}

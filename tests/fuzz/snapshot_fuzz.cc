// Fuzz target of snapshots: any bytes as a message, and a good message or a good estimator's state with changes.
//
// Input: a byte that says which: the rest as a message; as the content of the state of a kind; or changes to a good
//   message or state of the kinds' four: triples of a position (two bytes, a fraction of the length) and a value.
// Checks: nothing crashes; what is accepted has its place and sizes in bounds, can be restored, merged and reported,
//   and saves the same again; what is refused says why.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "task/epoch_part.h"
#include "task/estimate_state.h"
#include "wire/snapshot.h"

namespace {

using namespace netspectra;

void require(bool condition) {
  if (!condition) std::abort();
}

TaskConfig config(const char* name, TaskKind kind, KeyFields elements = {}) {
  TaskConfig config;
  config.name = name;
  config.kind = kind;
  config.fields.add(KeyField::kSrcIp);
  config.elements = elements;
  config.capacity = 64;
  // Estimating the spread of every candidate would take most of the time.
  config.threshold.count = kind == TaskKind::kSuperSpreader ? 200 : 1;
  config.memory_bytes = 4096;
  return config;
}

std::vector<TaskConfig> estimators() {
  KeyFields destination;
  destination.add(KeyField::kDstIp);
  return {config("hitters", TaskKind::kHeavyHitters), config("spread", TaskKind::kSuperSpreader, destination),
          config("count", TaskKind::kCardinality)};
}

struct Good {
  std::vector<std::vector<uint8_t>> messages;  // of each kind
  std::vector<TaskConfig> tasks = estimators();
  std::vector<std::vector<std::byte>> states;  // of each of `tasks`
};

EpochPart measured(const TaskPlan& plan) {
  EpochPart part;
  const WorkerTasks tasks = *make_worker_tasks(plan);
  std::vector<Packet> packets(60);
  for (uint8_t i = 0; i < 60; ++i) {
    Packet& packet = packets[i];
    packet = {};
    packet.key.src_ip[15] = i % 20;
    packet.key.dst_ip[15] = i;
    packet.key.ip_version = 6;
    packet.ts_ns = packet.len_bytes = 100 + i;
  }
  for (const auto& task : tasks.measured) task->update(std::span(packets).first(30));
  for (const auto& task : tasks.measured) task->update(std::span(packets).subspan(30));
  for (const auto& task : tasks.measured) task->flush();
  for (const auto& task : tasks.measured) part.measured.push_back(task->drain());
  return part;
}

const Good& good() {
  static const Good good = [] {
    Good made;
    std::vector<TaskConfig> all = made.tasks;
    all.push_back(config("exact", TaskKind::kExact));
    for (const TaskConfig& task : all) {
      const TaskPlan plan = plan_tasks({task});
      const EpochPart part = measured(plan);
      SnapshotHeader header;
      header.site = "site";
      header.probe = "probe";
      header.port = "port";
      header.ledger.dropped[1] = 1;
      header.ledger.ethertypes.count(0x806);
      const absl::Status status = encode_part(header, plan, part, [&](const EncodedChunk& chunk) {
        made.messages.emplace_back(chunk.bytes.begin(), chunk.bytes.end());
      });
      require(status.ok());
      if (part.measured[0].estimate != nullptr) made.states.push_back(part.measured[0].estimate->save());
    }
    require(made.messages.size() == 4 && made.states.size() == 3);
    return made;
  }();
  return good;
}

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

template <typename Byte>
std::vector<Byte> changed(std::vector<Byte> bytes, std::span<const uint8_t> changes) {
  for (size_t i = 0; i + 3 <= changes.size(); i += 3) {
    const size_t place = size_t{changes[i]} << 8 | changes[i + 1];
    bytes[place * bytes.size() >> 16] = static_cast<Byte>(changes[i + 2]);
  }
  return bytes;
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

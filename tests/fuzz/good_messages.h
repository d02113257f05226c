// Good messages of every kind, and good states, for fuzz targets to change.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "task/epoch_part.h"
#include "task/estimate_state.h"
#include "wire/snapshot.h"

namespace netspectra {

inline void require(bool condition) {
  if (!condition) std::abort();
}

inline TaskConfig config(const char* name, TaskKind kind, KeyFields elements = {}) {
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

inline std::vector<TaskConfig> estimators() {
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

inline EpochPart measured(const TaskPlan& plan) {
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

inline const Good& good() {
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

inline const std::vector<std::vector<uint8_t>>& good_messages() { return good().messages; }

// Triples of a position (two bytes, a fraction of the length) and a value.
template <typename Byte>
std::vector<Byte> changed(std::vector<Byte> bytes, std::span<const uint8_t> changes) {
  for (size_t i = 0; i + 3 <= changes.size(); i += 3) {
    const size_t place = size_t{changes[i]} << 8 | changes[i + 1];
    bytes[place * bytes.size() >> 16] = static_cast<Byte>(changes[i + 2]);
  }
  return bytes;
}

}  // namespace netspectra

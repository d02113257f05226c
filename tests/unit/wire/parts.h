// What a worker seals, made of made-up packets, for tests.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "packet/packet.h"
#include "task/epoch_part.h"
#include "task/task_plan.h"
#include "wire/snapshot.h"

namespace netspectra {

inline TaskConfig make_task_config(const char* name, TaskKind kind, std::initializer_list<KeyField> fields,
                                   std::initializer_list<KeyField> elements = {}) {
  TaskConfig config;
  config.name = name;
  config.kind = kind;
  for (KeyField field : fields) config.fields.add(field);
  for (KeyField field : elements) config.elements.add(field);
  if (kind == TaskKind::kExact) config.capacity = 1 << 16;
  return config;
}

inline TaskConfig five_tuple(uint64_t capacity = 1 << 16) {
  TaskConfig config = make_task_config("flows", TaskKind::kExact, {});
  config.fields = KeyFields::five_tuple();
  config.capacity = capacity;
  return config;
}

// One of each kind of estimator, over sources.
inline std::vector<TaskConfig> estimators() {
  std::vector<TaskConfig> tasks = {
      make_task_config("top_src", TaskKind::kHeavyHitters, {KeyField::kSrcIp}),
      make_task_config("scan", TaskKind::kSuperSpreader, {KeyField::kSrcIp}, {KeyField::kDstIp}),
      make_task_config("hosts", TaskKind::kCardinality, {KeyField::kSrcIp, KeyField::kDstIp})};
  tasks[0].by = RankBy::kBytes;
  tasks[0].threshold.share_ppm = 2000;
  tasks[0].memory_bytes = 16 << 10;
  tasks[1].threshold.count = 20;
  tasks[1].memory_bytes = 64 << 10;
  tasks[2].seed = 77;
  return tasks;
}

inline std::vector<TaskConfig> with(TaskConfig first, std::vector<TaskConfig> others) {
  others.insert(others.begin(), std::move(first));
  return others;
}

// Source i of `sources` meets destinations 0 .. i % 50.
inline std::vector<Packet> traffic(uint32_t count, uint32_t first = 0, uint32_t sources = 2000) {
  std::vector<Packet> packets(count);
  for (uint32_t i = 0; i < count; ++i) {
    Packet& packet = packets[i];
    const uint32_t number = first + i, source = number * 7919 % sources,
                   destination = number / 7 % (source % 50 + 1);
    packet = {};
    packet.key.src_ip[10] = packet.key.src_ip[11] = packet.key.dst_ip[10] = packet.key.dst_ip[11] = 0xff;
    std::memcpy(packet.key.src_ip.data() + 12, &source, 4);
    std::memcpy(packet.key.dst_ip.data() + 12, &destination, 4);
    packet.key.ip_version = source % 3 == 0 ? 6 : 4;
    packet.key.be_dst_port = 443;
    packet.key.protocol = 6;
    packet.ts_ns = 1000 + number;
    packet.len_bytes = 60 + number % 1000;
    packet.tcp_flags = static_cast<uint8_t>(1 << number % 6);
  }
  return packets;
}

inline EpochPart measure(const TaskPlan& plan, const std::vector<Packet>& packets) {
  WorkerTasks tasks = *make_worker_tasks(plan);
  EpochPart part;
  for (size_t at = 0; at < packets.size(); at += 32) {
    const auto burst = std::span(packets).subspan(at, std::min<size_t>(32, packets.size() - at));
    for (const auto& task : tasks.measured) task->update(burst);
  }
  for (const auto& task : tasks.measured) task->flush();
  for (const auto& task : tasks.measured) part.measured.push_back(task->drain());
  for (const auto& task : tasks.fallback) part.fallback.push_back(task->drain());
  return part;
}

// With a different number in every place.
inline SnapshotHeader full_header() {
  SnapshotHeader header;
  header.site = "ams";
  header.probe = "edge-1";
  header.run = 1'700'000'000'000'000'001;
  header.epoch_start_ns = 1'700'000'010'000'000'000;
  header.epoch_end_ns = 1'700'000'020'000'000'000;
  header.period_ns = 10'000'000'000;
  header.worker = 2;
  header.workers = 4;
  header.port = "0000:3b:00.0";
  header.queue = 3;
  Ledger& ledger = header.ledger;
  ledger.rx_bytes = 100'001;
  ledger.filtered_out = 5;
  ledger.late_packets = 6;
  ledger.ip_packets = 1000;
  ledger.ip_bytes = 90'000;
  ledger.first_seen_ns = 1'700'000'010'000'000'007;
  ledger.last_seen_ns = 1'700'000'019'000'000'008;
  ledger.rx_packets = ledger.ip_packets;
  for (size_t i = 1; i < kDropReasonCount; ++i) {
    ledger.dropped[i] = 100 + i;
    ledger.rx_packets += ledger.dropped[i];
  }
  ledger.ethertypes.count(0x0806, 60);
  ledger.ethertypes.count(0x88cc, 48);
  header.source = {11, 12, 13, 14, 15, 16, 17, 18, {21, 22, 23, 24, 25, 26, 27, 28}};
  return header;
}

struct Message {
  std::string task;
  uint32_t chunk;
  std::vector<uint8_t> bytes;
};

inline std::vector<Message> encode(const SnapshotHeader& header, const TaskPlan& plan,
                                   const EpochPart& part) {
  std::vector<Message> messages;
  const absl::Status status = encode_part(header, plan, part, [&](const EncodedChunk& chunk) {
    messages.push_back({chunk.task, chunk.chunk, {chunk.bytes.begin(), chunk.bytes.end()}});
  });
  if (!status.ok()) messages.clear();
  return messages;
}

// What an estimate reports, to be compared.
inline TaskResult report(const Estimate& estimate,
                         const FlowCounters& total = {.packets = 50'000, .bytes = 5'000'000}) {
  TaskResult result;
  estimate.report(total, result);
  return result;
}

inline bool same(const TaskResult& a, const TaskResult& b) {
  return a.heavy_hitters == b.heavy_hitters && a.spreads == b.spreads && a.cardinality == b.cardinality &&
         a.threshold == b.threshold && a.standard_error == b.standard_error;
}

}  // namespace netspectra

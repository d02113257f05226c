#include "wire/snapshot.h"

#include <gtest/gtest.h>

#include <map>

#include "parts.h"
#include "task/record_bytes.h"

namespace netspectra {
namespace {

void expect_same_ledger(const Ledger& a, const Ledger& b) {
  EXPECT_EQ(a.rx_packets, b.rx_packets);
  EXPECT_EQ(a.rx_bytes, b.rx_bytes);
  EXPECT_EQ(a.filtered_out, b.filtered_out);
  EXPECT_EQ(a.late_packets, b.late_packets);
  EXPECT_EQ(a.ip_packets, b.ip_packets);
  EXPECT_EQ(a.ip_bytes, b.ip_bytes);
  EXPECT_EQ(a.first_seen_ns, b.first_seen_ns);
  EXPECT_EQ(a.last_seen_ns, b.last_seen_ns);
  EXPECT_EQ(a.dropped, b.dropped);
  for (size_t i = 0; i < EthertypeCounts::kSlots; ++i) {
    EXPECT_EQ(a.ethertypes.slots()[i].packets, b.ethertypes.slots()[i].packets);
    EXPECT_EQ(a.ethertypes.slots()[i].ethertype, b.ethertypes.slots()[i].ethertype);
  }
  EXPECT_EQ(a.ethertypes.other(), b.ethertypes.other());
}

void expect_same_header(const SnapshotHeader& a, const SnapshotHeader& b) {
  EXPECT_EQ(a.site, b.site);
  EXPECT_EQ(a.probe, b.probe);
  EXPECT_EQ(a.run, b.run);
  EXPECT_EQ(a.epoch_start_ns, b.epoch_start_ns);
  EXPECT_EQ(a.epoch_end_ns, b.epoch_end_ns);
  EXPECT_EQ(a.period_ns, b.period_ns);
  EXPECT_EQ(a.worker, b.worker);
  EXPECT_EQ(a.workers, b.workers);
  EXPECT_EQ(a.port, b.port);
  EXPECT_EQ(a.queue, b.queue);
  expect_same_ledger(a.ledger, b.ledger);
  EXPECT_EQ(a.other_drops, b.other_drops);
  EXPECT_EQ(a.source, b.source);
}

void expect_same_tasks(const std::vector<TaskConfig>& a, const std::vector<TaskConfig>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].name, b[i].name);
    EXPECT_EQ(a[i].kind, b[i].kind);
    EXPECT_EQ(a[i].fields, b[i].fields);
    EXPECT_EQ(a[i].elements, b[i].elements);
    EXPECT_EQ(a[i].capacity, b[i].capacity);
    EXPECT_EQ(a[i].threshold.count, b[i].threshold.count);
    EXPECT_EQ(a[i].threshold.share_ppm, b[i].threshold.share_ppm);
    EXPECT_EQ(a[i].by, b[i].by);
    EXPECT_EQ(a[i].memory_bytes, b[i].memory_bytes);
    EXPECT_EQ(a[i].seed, b[i].seed);
  }
}

// What has arrived of a task, its chunks put together.
struct Arrived {
  uint32_t chunks = 0;
  uint32_t seen = 0;
  FlowCounters overflow;
  std::vector<FlowRecord> records;
  std::vector<std::byte> state;
};

// Decodes every message and checks it against what was sent.
std::map<std::string, Arrived> arrive(const SnapshotHeader& header, const TaskPlan& plan,
                                      const std::vector<Message>& messages) {
  std::map<std::string, Arrived> arrived;
  for (const Message& message : messages) {
    EXPECT_LE(message.bytes.size(), kMaxChunkBytes);
    const absl::StatusOr<Snapshot> snapshot = decode_snapshot(message.bytes);
    if (!snapshot.ok()) {
      ADD_FAILURE() << snapshot.status().message();
      continue;
    }
    expect_same_header(snapshot->header, header);
    expect_same_tasks(snapshot->tasks, plan.tasks);
    EXPECT_EQ(snapshot->tasks.at(snapshot->task).name, message.task);
    EXPECT_EQ(snapshot->chunk, message.chunk);
    EXPECT_EQ(snapshot->fault, "");
    Arrived& task = arrived[message.task];
    EXPECT_EQ(snapshot->chunk, task.seen++);  // in order
    task.chunks = snapshot->chunks;
    task.overflow = snapshot->overflow;
    task.records.insert(task.records.end(), snapshot->records.begin(), snapshot->records.end());
    task.state.insert(task.state.end(), snapshot->state.begin(), snapshot->state.end());
  }
  for (const auto& [name, task] : arrived) EXPECT_EQ(task.seen, task.chunks) << name;
  return arrived;
}

TEST(Snapshot, OfEveryKindArrivesAsItWasSent) {
  const TaskPlan plan = plan_tasks(
      with(make_task_config("ports", TaskKind::kExact, {KeyField::kDstPort, KeyField::kVlan}), estimators()));
  ASSERT_EQ(plan.measured.size(), 4u);
  const EpochPart part = measure(plan, traffic(50'000));
  const auto arrived = arrive(full_header(), plan, encode(full_header(), plan, part));
  ASSERT_EQ(arrived.size(), 4u);
  EXPECT_EQ(arrived.at("ports").records, part.measured[0].records);
  EXPECT_EQ(arrived.at("ports").records.size(), 1u);
  for (size_t i = 1; i < 4; ++i) {
    const TaskConfig& task = plan.tasks[plan.measured[i]];
    const auto restored = restore_estimate(task, arrived.at(task.name).state);
    ASSERT_TRUE(restored.ok()) << restored.status().message();
    EXPECT_TRUE(same(report(**restored), report(*part.measured[i].estimate))) << task.name;
  }
  EXPECT_GT(report(*part.measured[1].estimate).heavy_hitters.size(), 0u);
  EXPECT_GT(report(*part.measured[2].estimate).spreads.size(), 0u);
}

TEST(Snapshot, OfNothingIsStillSentForEveryTaskThatTheWorkerRuns) {
  const TaskPlan plan = plan_tasks(with(five_tuple(), estimators()));
  ASSERT_EQ(plan.measured.size(), 1u);
  ASSERT_EQ(plan.fallback.size(), 3u);
  SnapshotHeader header;
  header.site = header.probe = "x";
  const std::vector<Message> messages = encode(header, plan, measure(plan, {}));
  ASSERT_EQ(messages.size(), 4u);
  const auto arrived = arrive(header, plan, messages);
  ASSERT_EQ(arrived.size(), 4u);
  for (const auto& [name, task] : arrived) {
    EXPECT_EQ(task.chunks, 1u);
    EXPECT_TRUE(task.records.empty() && task.state.empty());
    EXPECT_EQ(task.overflow, FlowCounters{});
  }
}

TEST(Snapshot, OfManyRecordsIsCutIntoFullChunks) {
  const TaskPlan plan = plan_tasks({five_tuple()});
  const EpochPart part = measure(plan, traffic(60'000, 0, 30'000));
  ASSERT_GT(part.measured[0].records.size(), 20'000u);
  const std::vector<Message> messages = encode(full_header(), plan, part);
  const auto arrived = arrive(full_header(), plan, messages);
  EXPECT_EQ(arrived.at("flows").records, part.measured[0].records);
  EXPECT_EQ(arrived.at("flows").chunks,
            (part.measured[0].records.size() * kRecordBytes) / (kMaxChunkBytes - 4096) + 1);
  EXPECT_GT(messages.front().bytes.size(), kMaxChunkBytes - 4096);
}

TEST(Snapshot, OfALargeSketchIsCutAndPutTogether) {
  std::vector<TaskConfig> tasks = {estimators()[1]};
  tasks[0].memory_bytes = 3 << 20;
  const TaskPlan plan = plan_tasks(tasks);
  const EpochPart part = measure(plan, traffic(100'000));
  const auto arrived = arrive(full_header(), plan, encode(full_header(), plan, part));
  EXPECT_EQ(arrived.at("scan").chunks, 6u);
  EXPECT_EQ(arrived.at("scan").state, part.measured[0].estimate->save());
}

TEST(Snapshot, CarriesOverflowAndWhatTheFallbackTasksMadeOfIt) {
  const TaskPlan plan = plan_tasks(with(five_tuple(100), estimators()));
  const EpochPart part = measure(plan, traffic(20'000));
  ASSERT_GT(part.measured[0].overflow.packets, 0u);
  ASSERT_NE(part.fallback[2].estimate, nullptr);
  const auto arrived = arrive(full_header(), plan, encode(full_header(), plan, part));
  EXPECT_EQ(arrived.at("flows").overflow, part.measured[0].overflow);
  EXPECT_EQ(arrived.at("flows").records, part.measured[0].records);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(arrived.at(plan.tasks[plan.fallback[i]].name).state, part.fallback[i].estimate->save());
  }
}

TEST(Snapshot, OfADerivedExactTaskIsNotSent) {
  const TaskPlan plan =
      plan_tasks({five_tuple(), make_task_config("src", TaskKind::kExact, {KeyField::kSrcIp})});
  EXPECT_EQ(encode(full_header(), plan, measure(plan, traffic(10))).size(), 1u);
}

TEST(Snapshot, SaysWhatCouldNotBeHandedOver) {
  const TaskPlan plan = plan_tasks({estimators()[2]});
  EpochPart part = measure(plan, {});
  part.measured[0].status = absl::ResourceExhaustedError("no memory for 1048576 bytes");
  const std::vector<Message> messages = encode(full_header(), plan, part);
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_EQ(decode_snapshot(messages[0].bytes)->fault, "no memory for 1048576 bytes");
}

TEST(Snapshot, CountsMoreEthertypesThanHaveASlot) {
  SnapshotHeader header = full_header();
  for (uint16_t ethertype = 0; ethertype < 40; ++ethertype)
    header.ledger.ethertypes.count(0x9000 + ethertype, 3);
  ASSERT_GT(header.ledger.ethertypes.other(), 0u);
  const TaskPlan plan = plan_tasks({five_tuple()});
  arrive(header, plan, encode(header, plan, measure(plan, {})));
}

TEST(Snapshot, CanBeReadFromAnyAddress) {
  const TaskPlan plan = plan_tasks({five_tuple()});
  const EpochPart part = measure(plan, traffic(1000));
  const Message message = encode(full_header(), plan, part).at(0);
  for (size_t shift = 0; shift < 8; ++shift) {
    std::vector<uint8_t> moved(message.bytes.size() + shift);
    std::copy(message.bytes.begin(), message.bytes.end(), moved.begin() + static_cast<ptrdiff_t>(shift));
    const absl::StatusOr<Snapshot> snapshot = decode_snapshot(std::span(moved).subspan(shift));
    ASSERT_TRUE(snapshot.ok());
    EXPECT_EQ(snapshot->records, part.measured[0].records);
  }
}

TEST(Snapshot, LeavesNothingOfTheProcessesMemoryInThePadding) {
  const TaskPlan plan = plan_tasks({five_tuple()});
  EpochPart part = measure(plan, {});
  part.measured[0].records.resize(1);
  std::memset(static_cast<void*>(part.measured[0].records.data()), 0xee, sizeof(FlowRecord));
  std::byte bytes[kRecordBytes];
  write_records(part.measured[0].records, bytes);
  EXPECT_EQ(bytes[72], std::byte{0xee});
  for (size_t i = 73; i < kRecordBytes; ++i) EXPECT_EQ(bytes[i], std::byte{0});
}

}  // namespace
}  // namespace netspectra

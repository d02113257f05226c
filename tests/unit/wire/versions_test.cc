// Old and new programs understand each other: bytes that the first version wrote are read for ever, and what a later
// version adds is passed over.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "parts.h"
#include "snapshot_v2_generated.h"
#include "wire/snapshot.h"

namespace netspectra {
namespace {

namespace v2 = wire_v2;

std::vector<uint8_t> golden(const std::string& name) {
  std::ifstream file(std::string(std::getenv("NS_GOLDEN_WIRE")) + "/" + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// tests/golden/wire: full_header(); 20 packets of traffic(); a table of 4 flows, and what did not fit in top_src.
TEST(FirstVersion, OfAnExactTaskIsRead) {
  const absl::StatusOr<Snapshot> snapshot = decode_snapshot(golden("v1_exact.nss"));
  ASSERT_TRUE(snapshot.ok()) << snapshot.status().message();
  const SnapshotHeader& header = snapshot->header;
  EXPECT_EQ(header.site, "ams");
  EXPECT_EQ(header.probe, "edge-1");
  EXPECT_EQ(header.run, 1'700'000'000'000'000'001u);
  EXPECT_EQ(header.epoch_start_ns, 1'700'000'010'000'000'000u);
  EXPECT_EQ(header.epoch_end_ns, 1'700'000'020'000'000'000u);
  EXPECT_EQ(header.period_ns, 10'000'000'000u);
  EXPECT_EQ(header.worker, 2u);
  EXPECT_EQ(header.workers, 4u);
  EXPECT_EQ(header.port, "0000:3b:00.0");
  EXPECT_EQ(header.queue, 3u);
  EXPECT_TRUE(header.ledger.balanced());
  EXPECT_EQ(header.ledger.dropped[static_cast<size_t>(DropReason::kIpv4HeaderTruncated)], 101u);
  EXPECT_EQ(header.ledger.dropped[static_cast<size_t>(DropReason::kUnsupportedLinkType)], 115u);
  EXPECT_EQ(header.ledger.ethertypes.slots()[1].ethertype, 0x88cc);
  EXPECT_EQ(header.ledger.ethertypes.slots()[1].packets, 48u);
  EXPECT_EQ(header.source.kernel_dropped, 15u);
  EXPECT_EQ(header.source.polls[7], 28u);
  ASSERT_EQ(snapshot->tasks.size(), 4u);
  EXPECT_EQ(snapshot->tasks[1].name, "top_src");
  EXPECT_EQ(snapshot->tasks[1].by, RankBy::kBytes);
  EXPECT_EQ(snapshot->tasks[1].threshold.share_ppm, 2000u);
  EXPECT_EQ(snapshot->tasks[2].kind, TaskKind::kSuperSpreader);
  EXPECT_TRUE(snapshot->tasks[2].elements.has(KeyField::kDstIp));
  EXPECT_EQ(snapshot->tasks[3].seed, 77u);
  EXPECT_EQ(snapshot->task, 0u);
  EXPECT_EQ(snapshot->chunks, 1u);

  ASSERT_FALSE(snapshot->records.empty());
  uint64_t packets = snapshot->overflow.packets, bytes = snapshot->overflow.bytes;
  for (const FlowRecord& record : snapshot->records) {
    packets += record.counters.packets;
    bytes += record.counters.bytes;
    EXPECT_EQ(record.key.be_dst_port, 443);
  }
  EXPECT_GT(snapshot->overflow.packets, 0u);
  EXPECT_EQ(packets, 20u);
  EXPECT_EQ(bytes, 20 * 60 + 190u);
  const FlowRecord& first = snapshot->records.front();
  EXPECT_EQ(first.key.src_ip[15], 0);
  EXPECT_EQ(first.counters.first_seen_ns, first.counters.last_seen_ns);
}

TEST(FirstVersion, OfEachEstimatorIsRestored) {
  for (const char* name : {"top_src", "scan", "hosts"}) {
    const absl::StatusOr<Snapshot> snapshot = decode_snapshot(golden(std::string("v1_") + name + ".nss"));
    ASSERT_TRUE(snapshot.ok()) << name << ": " << snapshot.status().message();
    const TaskConfig& task = snapshot->tasks[snapshot->task];
    ASSERT_EQ(task.name, name);
    const auto estimate = restore_estimate(task, snapshot->state);
    ASSERT_TRUE(estimate.ok()) << name << ": " << estimate.status().message();
    const TaskResult result = report(**estimate, {.packets = 1, .bytes = 1});
    switch (task.kind) {
      case TaskKind::kHeavyHitters: {
        uint64_t packets = 0;
        for (const HeavyHitterRecord& hitter : result.heavy_hitters) packets += hitter.packets;
        EXPECT_EQ(packets, 400u);  // nothing was evicted: all exact
        EXPECT_EQ(result.heavy_hitters.size(), 50u);
        break;
      }
      case TaskKind::kSuperSpreader:
        ASSERT_EQ(result.spreads.size(), 1u);
        EXPECT_EQ(result.spreads[0].key.src_ip[12], 9);
        EXPECT_NEAR(static_cast<double>(result.spreads[0].spread), 40, 8);
        break;
      case TaskKind::kCardinality:
        EXPECT_NEAR(static_cast<double>(result.cardinality), 90, 2);
        break;
      case TaskKind::kExact:
        FAIL();
    }
  }
}

// A message such as a later program writes: every table has fields that this one does not know.
std::vector<uint8_t> later_message(uint16_t version) {
  flatbuffers::FlatBufferBuilder b;
  const std::vector<uint64_t> numbers = {1, 2, 3};
  const auto extra = v2::CreateExtraDirect(b, "unknown", &numbers);
  const std::vector<flatbuffers::Offset<v2::Extra>> extras = {extra, v2::CreateExtra(b)};
  const std::vector<flatbuffers::Offset<v2::DropCount>> dropped = {
      v2::CreateDropCountDirect(b, "llc", 7, true, "hint"),
      v2::CreateDropCountDirect(b, "wormhole", 5, true, "not known yet")};
  const std::vector<v2::EthertypeCount> ethertypes;
  const auto ledger =
      v2::CreateLedgerDirect(b, 112, 9000, 0, 0, 100, 8000, 1, 2, &dropped, &ethertypes, 0, extra);
  const std::vector<uint64_t> polls = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
  const auto source = v2::CreateSourceDirect(b, 112, 1, 2, 3, 4, 5, 6, 7, &polls, &extras);
  const std::vector<flatbuffers::Offset<v2::Task>> tasks = {
      v2::CreateTaskDirect(b, "protocols", v2::Kind_exact, v2::Field_protocol, static_cast<v2::Field>(0), 10,
                           0, 0, v2::Rank_packets, 0, 0, extra)};
  const auto header = v2::CreateHeaderDirect(b, "ams", "later", 1, 10, 20, 10, 0, 1, "port", 0, ledger,
                                             source, &tasks, extra);
  const std::vector<v2::Record> records = {v2::Record(17, 0, 0, 3, 180, 1, 2, 0)};
  const std::vector<uint8_t> signature(64, 1);
  const auto message = v2::CreateSnapshotDirect(b, version, header, 0, 0, 1, nullptr, nullptr, &records,
                                                nullptr, &extras, &signature);
  v2::FinishSnapshotBuffer(b, message);
  return {b.GetBufferPointer(), b.GetBufferPointer() + b.GetSize()};
}

TEST(LaterVersion, WithFieldsThatAreNotKnownIsRead) {
  const absl::StatusOr<Snapshot> snapshot = decode_snapshot(later_message(1));
  ASSERT_TRUE(snapshot.ok()) << snapshot.status().message();
  EXPECT_EQ(snapshot->header.probe, "later");
  ASSERT_EQ(snapshot->records.size(), 1u);
  EXPECT_EQ(snapshot->records[0].key.protocol, 17);
  EXPECT_EQ(snapshot->records[0].counters.bytes, 180u);
  EXPECT_EQ(snapshot->header.source.polls, (std::array<uint64_t, 8>{1, 2, 3, 4, 5, 6, 7, 8}));
}

TEST(LaterVersion, WithADropReasonThatIsNotKnownKeepsItsBooksBalanced) {
  const SnapshotHeader header = decode_snapshot(later_message(1))->header;
  EXPECT_EQ(header.ledger.dropped[static_cast<size_t>(DropReason::kLlc)], 7u);
  EXPECT_EQ(header.other_drops, (std::map<std::string, uint64_t>{{"wormhole", 5}}));
  EXPECT_EQ(header.ledger.rx_packets, header.ledger.ip_packets + header.ledger.not_ip() + 5);
}

TEST(LaterVersion, ThatCallsItselfIncompatibleIsRefused) {
  EXPECT_EQ(decode_snapshot(later_message(2)).status().message(),
            "a snapshot of version 2; this program knows version 1");
}

}  // namespace
}  // namespace netspectra

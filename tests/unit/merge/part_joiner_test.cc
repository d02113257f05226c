#include "merge/part_joiner.h"

#include <gtest/gtest.h>

namespace netspectra {
namespace {

std::shared_ptr<const TaskPlan> sources_and_count() {
  TaskConfig exact, count;
  exact.name = "sources";
  count.name = "count";
  count.kind = TaskKind::kCardinality;
  exact.fields.add(KeyField::kSrcIp);
  count.fields.add(KeyField::kDstIp);
  return std::make_shared<TaskPlan>(plan_tasks({exact, count}));
}

FlowKey source(uint8_t last) {
  FlowKey key;
  key.src_ip[15] = last;
  key.ip_version = 6;
  return key;
}

EpochPart part(const std::shared_ptr<const TaskPlan>& plan, uint64_t start_ns, uint32_t worker, uint8_t key,
               uint64_t packets) {
  EpochPart part;
  part.start_ns = start_ns;
  part.end_ns = start_ns + 10;
  part.worker = worker;
  part.plan = plan;
  part.ledger.rx_packets = part.ledger.ip_packets = packets;
  part.source.received = packets;
  part.measured.resize(2);
  part.measured[0].records = {{source(key), {packets, 100 * packets, start_ns, start_ns + packets, 0}}};
  part.measured[0].overflow.packets = 1;
  return part;
}

std::vector<EpochPart> emitted(PartJoiner& joiner, uint64_t watermark_ns) {
  std::vector<EpochPart> parts;
  joiner.emit_before(watermark_ns, [&](EpochPart part) { parts.push_back(std::move(part)); });
  return parts;
}

TEST(PartJoiner, AddsUpThePartsOfOneEpochAndWorker) {
  const auto plan = sources_and_count();
  PartJoiner joiner;
  joiner.add(part(plan, 20, 0, 1, 3));
  joiner.add(part(plan, 20, 0, 1, 4));
  joiner.add(part(plan, 20, 0, 2, 5));
  const std::vector<EpochPart> parts = emitted(joiner, 21);
  ASSERT_EQ(parts.size(), 1u);
  EXPECT_EQ(parts[0].ledger.rx_packets, 12u);
  EXPECT_EQ(parts[0].source.received, 12u);
  EXPECT_EQ(parts[0].measured[0].overflow.packets, 3u);
  ASSERT_EQ(parts[0].measured[0].records.size(), 2u);
  uint64_t packets_of_first = 0;
  for (const FlowRecord& record : parts[0].measured[0].records) {
    if (record.key == source(1)) packets_of_first = record.counters.packets;
  }
  EXPECT_EQ(packets_of_first, 7u);
}

TEST(PartJoiner, MergesEstimatesAndTakesOverASingleOne) {
  const auto plan = sources_and_count();
  PartJoiner joiner;
  const auto with_count = [&](uint8_t destination) {
    EpochPart with = part(plan, 20, 0, 1, 1);
    with.measured[1].estimate = make_estimate(plan->tasks[1]);
    FlowRecord record;
    record.key.dst_ip[15] = destination;
    record.key.ip_version = 6;
    record.counters.packets = 1;
    with.measured[1].estimate->add({&record, 1});
    return with;
  };
  joiner.add(part(plan, 20, 0, 1, 1));
  joiner.add(with_count(1));
  joiner.add(with_count(2));
  const std::vector<EpochPart> parts = emitted(joiner, 21);
  ASSERT_EQ(parts.size(), 1u);
  ASSERT_NE(parts[0].measured[1].estimate, nullptr);
  TaskResult result;
  result.task = &plan->tasks[1];
  parts[0].measured[1].estimate->report({}, result);
  EXPECT_EQ(result.cardinality, 2u);
}

TEST(PartJoiner, KeepsEpochsAndWorkersApartAndHoldsWhatMayStillGrow) {
  const auto plan = sources_and_count();
  PartJoiner joiner;
  joiner.add(part(plan, 30, 0, 1, 1));
  joiner.add(part(plan, 20, 1, 1, 2));
  joiner.add(part(plan, 20, 0, 1, 3));
  const std::vector<EpochPart> first = emitted(joiner, 30);
  ASSERT_EQ(first.size(), 2u);
  EXPECT_EQ(first[0].worker, 0u);
  EXPECT_EQ(first[0].ledger.rx_packets, 3u);
  EXPECT_EQ(first[1].worker, 1u);
  const std::vector<EpochPart> second = emitted(joiner, UINT64_MAX);
  ASSERT_EQ(second.size(), 1u);
  EXPECT_EQ(second[0].start_ns, 30u);
  EXPECT_TRUE(emitted(joiner, UINT64_MAX).empty());
}

}  // namespace
}  // namespace netspectra

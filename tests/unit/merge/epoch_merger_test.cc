#include "merge/epoch_merger.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace netspectra {
namespace {

TaskConfig task(const char* name, std::initializer_list<KeyField> fields) {
  TaskConfig config;
  config.name = name;
  for (KeyField field : fields) config.fields.add(field);
  return config;
}

FlowKey key(uint8_t src, uint8_t dst) {
  FlowKey key;
  key.src_ip[15] = src;
  key.dst_ip[15] = dst;
  key.ip_version = 6;
  return key;
}

FlowKey only_src(uint8_t src) {
  FlowKey key;
  key.src_ip[15] = src;
  key.ip_version = 6;
  return key;
}

EpochPart part(uint64_t start, std::vector<FlowRecord> records, FlowCounters overflow = {}) {
  EpochPart part;
  part.start_ns = start;
  for (const FlowRecord& record : records) part.ledger.rx_packets += record.counters.packets;
  part.ledger.ip_packets = part.ledger.rx_packets;
  part.measured.push_back({std::move(records), overflow, nullptr});
  return part;
}

std::vector<EpochResult> all_of(EpochMerger& merger) {
  std::vector<EpochResult> results;
  merger.emit_all([&](const EpochResult& result) { results.push_back(result); });
  return results;
}

const TaskPlan kPairAndSource =
    plan_tasks({task("pair", {KeyField::kSrcIp, KeyField::kDstIp}), task("src", {KeyField::kSrcIp})});

TEST(EpochMerger, AddsUpTheSameKeyFromSeveralParts) {
  EpochMerger merger(kPairAndSource, 10, 0);
  merger.add(
      part(20, {{key(1, 2), {3, 300, 21, 25, 1}}, {key(1, 3), {1, 50, 22, 22, 4}}}, {7, 70, 23, 24, 8}));
  merger.add(part(20, {{key(1, 2), {2, 200, 20, 29, 2}}}, {1, 10, 29, 29, 1}));
  const std::vector<EpochResult> results = all_of(merger);
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].start_ns, 20u);
  EXPECT_EQ(results[0].period_ns, 10u);
  EXPECT_EQ(results[0].ledger.rx_packets, 6u);
  ASSERT_EQ(results[0].tasks.size(), 2u);
  EXPECT_EQ(results[0].tasks[0].records,
            (std::vector<FlowRecord>{{key(1, 2), {5, 500, 20, 29, 3}}, {key(1, 3), {1, 50, 22, 22, 4}}}));
  EXPECT_EQ(results[0].tasks[0].overflow, (FlowCounters{8, 80, 23, 29, 9}));
}

TEST(EpochMerger, DerivesACoarserTaskWithTheOverflowOfItsSource) {
  EpochMerger merger(kPairAndSource, 10, 0);
  merger.add(part(
      20, {{key(1, 2), {3, 300, 21, 25, 1}}, {key(1, 3), {1, 50, 22, 26, 4}}, {key(2, 3), {1, 900, 5, 5, 0}}},
      {7, 70, 23, 24, 8}));
  const std::vector<EpochResult> results = all_of(merger);
  EXPECT_EQ(results[0].tasks[1].records,
            (std::vector<FlowRecord>{{only_src(2), {1, 900, 5, 5, 0}}, {only_src(1), {4, 350, 21, 26, 5}}}));
  EXPECT_EQ(results[0].tasks[1].overflow, (FlowCounters{7, 70, 23, 24, 8}));
}

TEST(EpochMerger, EmitsOnlyWhatTheWatermarkHasPassedEarliestFirst) {
  EpochMerger merger(kPairAndSource, 10, 0);
  for (uint64_t start : {40u, 20u, 30u}) merger.add(part(start, {{key(1, 2), {1, 1, start, start, 0}}}));
  std::vector<uint64_t> starts;
  const auto note = [&](const EpochResult& result) { starts.push_back(result.start_ns); };
  merger.emit_before(20, note);
  EXPECT_TRUE(starts.empty());
  merger.emit_before(40, note);
  EXPECT_EQ(starts, (std::vector<uint64_t>{20, 30}));
  merger.emit_all(note);
  EXPECT_EQ(starts, (std::vector<uint64_t>{20, 30, 40}));
  merger.emit_all(note);
  EXPECT_EQ(starts.size(), 3u);
}

TEST(EpochMerger, RanksByBytesThenKeyAndTheFirstRowsAreTheSameWhenOnlyThoseAreWanted) {
  std::vector<FlowRecord> records;
  std::mt19937 random(1);
  for (int i = 0; i < 200; ++i) records.push_back({key(uint8_t(i), 1), {1, random() % 20, 1, 1, 0}});
  EpochMerger all(kPairAndSource, 0, 0), ten(kPairAndSource, 0, 10);
  all.add(part(0, records));
  std::shuffle(records.begin(), records.end(), random);
  ten.add(part(0, records));
  const std::vector<FlowRecord> sorted = all_of(all)[0].tasks[0].records;
  const std::vector<FlowRecord> top = all_of(ten)[0].tasks[0].records;
  ASSERT_EQ(top.size(), 200u);
  for (size_t i = 0; i + 1 < sorted.size(); ++i) {
    const bool more_bytes = sorted[i].counters.bytes > sorted[i + 1].counters.bytes;
    const bool smaller_key =
        sorted[i].counters.bytes == sorted[i + 1].counters.bytes && sorted[i].key < sorted[i + 1].key;
    EXPECT_TRUE(more_bytes || smaller_key);
  }
  EXPECT_TRUE(std::equal(sorted.begin(), sorted.begin() + 10, top.begin()));
}

// The promise that lets workers, epochs and probes be merged in any order.
TEST(EpochMerger, TheResultDoesNotDependOnTheOrderOrTheSplitOfTheParts) {
  std::mt19937 random(3);
  std::vector<FlowRecord> records;
  for (int i = 0; i < 500; ++i) {
    const uint64_t ts = random() % 1000;
    records.push_back({key(uint8_t(random() % 20), uint8_t(random() % 5)),
                       {1 + random() % 9, random() % 5000, ts, ts + random() % 9, uint8_t(random())}});
  }
  std::vector<std::vector<FlowRecord>> first;
  for (int way = 0; way < 20; ++way) {
    std::shuffle(records.begin(), records.end(), random);
    EpochMerger merger(kPairAndSource, 0, 0);
    for (size_t at = 0; at < records.size();) {
      const size_t n = std::min<size_t>(1 + random() % 200, records.size() - at);
      // Within one part each key stands once, as in a table.
      for (size_t i = at; i < at + n; ++i) merger.add(part(0, {records[i]}));
      at += n;
    }
    const EpochResult result = all_of(merger)[0];
    if (way == 0) {
      first = {result.tasks[0].records, result.tasks[1].records};
    } else {
      EXPECT_EQ(result.tasks[0].records, first[0]);
      EXPECT_EQ(result.tasks[1].records, first[1]);
    }
  }
}

TaskConfig hosts(uint64_t seed) {
  TaskConfig config = task("hosts", {KeyField::kSrcIp});
  config.kind = TaskKind::kCardinality;
  config.seed = seed;
  return config;
}

// The estimate of one packet, as a worker makes it that was configured with `config`.
EpochPart estimated(const TaskConfig& config) {
  const WorkerTasks tasks = *make_worker_tasks(plan_tasks({config}));
  Packet packet{};
  packet.key = key(1, 2);
  tasks.measured[0]->update({&packet, 1});
  EpochPart part;
  part.measured.push_back(tasks.measured[0]->drain());
  return part;
}

TEST(EpochMerger, SaysWhichEstimatesItCouldNotMerge) {
  const TaskPlan plan = plan_tasks({hosts(1)});
  EpochMerger merger(plan, 10, 0);
  merger.add(estimated(hosts(1)));
  merger.add(estimated(hosts(2)));
  const EpochResult result = all_of(merger).at(0);
  EXPECT_EQ(
      result.faults,
      (std::vector<std::string>{"hosts: cardinality sketches of unequal seeds cannot be merged: 1 and 2"}));
  EXPECT_EQ(result.tasks[0].cardinality, 1u);
}

TEST(EpochMerger, SaysWhatAWorkerCouldNotHandOver) {
  const TaskPlan plan = plan_tasks({hosts(1)});
  EpochMerger merger(plan, 10, 0);
  EpochPart part = estimated(hosts(1));
  part.measured[0].estimate = nullptr;
  part.measured[0].status = absl::ResourceExhaustedError("no memory");
  merger.add(std::move(part));
  EXPECT_EQ(all_of(merger).at(0).faults, std::vector<std::string>{"hosts: no memory"});
}

}  // namespace
}  // namespace netspectra

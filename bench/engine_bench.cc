// engine/*: what becomes of an epoch of 200,000 records from two workers between probe and store. "ns" is per record.
#include <optional>
#include <utility>

#include "harness.h"
#include "merge/stream_aggregator.h"
#include "snapshots.h"
#include "task_set.h"

namespace netspectra::bench {
namespace {

constexpr uint64_t kRecords = 200'000;
constexpr uint32_t kWorkers = 2;
constexpr uint64_t kStartNs = 1'700'000'000'000'000'000;
constexpr uint64_t kPeriodNs = 1'000'000'000;

struct Rig {
  std::shared_ptr<const TaskPlan> plan;
  std::vector<EpochPart> parts;
  std::vector<Message> messages;
  uint64_t packets = 0;
};

Rig& rig() {
  return kept<Rig>(0, [] {
    auto made = std::make_unique<Rig>();
    made->plan = std::make_shared<const TaskPlan>(plan_tasks({exact_five_tuple(kRecords)}));
    const std::vector<FlowRecord> records = random_records(kRecords, 1);
    for (const FlowRecord& record : records) made->packets += record.counters.packets;
    for (uint32_t worker = 0; worker < kWorkers; ++worker) {
      made->parts.push_back(part_of_worker(made->plan, records, kStartNs, kPeriodNs, worker, kWorkers));
      for (Message& message : encode(made->parts.back(), "probe", 1, kPeriodNs, kWorkers)) {
        made->messages.push_back(std::move(message));
      }
    }
    return made;
  });
}

void encode_epoch(benchmark::State& state) {
  const Rig& from = rig();
  for (auto _ : state) {
    size_t bytes = 0;
    for (const EpochPart& part : from.parts) {
      SnapshotHeader header;
      header.site = header.probe = header.port = "x";
      header.period_ns = kPeriodNs;
      header.epoch_start_ns = part.start_ns;
      header.epoch_end_ns = part.end_ns;
      header.worker = part.worker;
      header.workers = kWorkers;
      header.ledger = part.ledger;
      const absl::Status encoded = encode_part(
          header, *from.plan, part, [&](const EncodedChunk& chunk) { bytes += chunk.bytes.size(); });
      if (!encoded.ok()) return fail(state, "the part was refused");
    }
    if (bytes < kRecords * 64) return fail(state, "records are missing");
  }
  report(state, state.iterations() * kRecords);
}

// Verify, decode, collect, merge, rank: all that the engine does but the network and the store.
void merge_epoch(benchmark::State& state) {
  const Rig& from = rig();
  for (auto _ : state) {
    StreamAggregator aggregator(AggregatorConfig(), [](const EpochOrigin&, uint64_t) {
      return absl::StatusOr<std::vector<EpochOrigin>>(std::vector<EpochOrigin>());
    });
    uint64_t ticket = 0;
    for (const Message& message : from.messages) {
      if (!aggregator.add(message.subject, message.bytes, ++ticket, 1).ok()) return fail(state, "refused");
    }
    std::optional<CollectedEpoch> epoch = aggregator.next(1);
    if (!epoch) return fail(state, "the epoch is not complete");
    const std::shared_ptr<const TaskPlan> plan = epoch->plan;
    std::vector<CollectedEpoch> one;
    one.push_back(*std::move(epoch));
    const EpochResult result = merge_epochs(std::move(one));
    state.PauseTiming();
    uint64_t packets = 0;
    for (const FlowRecord& record : result.tasks[0].records) packets += record.counters.packets;
    if (result.tasks[0].records.size() != kRecords || packets != from.packets) {
      return fail(state, "records are missing");
    }
    state.ResumeTiming();
  }
  report(state, state.iterations() * kRecords);
}

}  // namespace

void register_engine_benchmarks() {
  benchmark::RegisterBenchmark("engine/encode_200k", encode_epoch);
  benchmark::RegisterBenchmark("engine/merge_200k", merge_epoch);
}

}  // namespace netspectra::bench

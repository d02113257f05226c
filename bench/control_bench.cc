// control/*: what the control core does with a sealed epoch of a million flows. "ns" is per record.
#include <utility>

#include "flow/flow_table.h"
#include "flow/record_sum.h"
#include "harness.h"
#include "task_set.h"
#include "workload.h"

namespace netspectra::bench {
namespace {

std::vector<FlowRecord> make_records(const Traffic& traffic) {
  const FlowStream each({traffic.flows, Draw::kEachOnce, traffic.first_flow});
  PacketSource source(each);
  std::vector<FlowRecord> records;
  records.reserve(each.flows().size());
  while (records.size() < traffic.flows) {
    for (const Packet& packet : source.next()) {
      records.push_back({packet.key, {1, packet.len_bytes, packet.ts_ns, packet.ts_ns, packet.tcp_flags}});
    }
  }
  records.resize(traffic.flows);
  return records;
}

const std::vector<FlowRecord>& records_of(const Traffic& traffic) {
  return kept<std::vector<FlowRecord>>(
      traffic, [&] { return std::make_unique<std::vector<FlowRecord>>(make_records(traffic)); });
}

EpochPart part_of(const TaskPlan& plan, const Traffic& traffic) {
  EpochPart part;
  part.measured.resize(plan.measured.size());
  part.fallback.resize(plan.fallback.size());
  part.measured[0].records = records_of(traffic);
  part.ledger.rx_packets = part.ledger.ip_packets = traffic.flows;
  part.ledger.rx_bytes = part.ledger.ip_bytes = traffic.flows * kFrameBytes;
  return part;
}

void drain(benchmark::State& state) {
  FlowTable& table = kept<FlowTable>(0, [] {
    auto made = std::make_unique<FlowTable>(FlowTable::create(KeyFields::five_tuple(), 2 * k1m).value());
    const FlowStream each({k1m, Draw::kEachOnce});
    PacketSource source(each);
    for (uint64_t done = 0; done < k1m; done += kBurst) made->update(source.next());
    made->update({});
    made->update({});
    return made;
  });
  for (auto _ : state) {
    std::vector<FlowRecord> records;
    table.drain(records);
    state.PauseTiming();
    if (records.size() != k1m) return fail(state, "records are missing");
    records = {};
    state.ResumeTiming();
  }
  report(state, state.iterations() * k1m);
}

void sum(benchmark::State& state) {
  KeyFields fields;
  fields.add(KeyField::kSrcIp);
  const std::vector<FlowRecord>& records = records_of({k1m});
  for (auto _ : state) {
    const std::vector<FlowRecord> sums = sum_records(records, fields);
    state.PauseTiming();
    uint64_t packets = 0;
    for (const FlowRecord& one : sums) packets += one.counters.packets;
    if (packets != k1m) return fail(state, "packets are missing from the sums");
    state.ResumeTiming();
  }
  report(state, state.iterations() * k1m);
}

void merge(benchmark::State& state, const std::vector<TaskConfig>& tasks,
           const std::vector<Traffic>& shares) {
  const TaskPlan plan = plan_tasks(tasks);
  for (auto _ : state) {
    state.PauseTiming();
    std::vector<EpochPart> parts;
    for (const Traffic& share : shares) parts.push_back(part_of(plan, share));
    state.ResumeTiming();
    const EpochResult result = merge_parts(plan, std::move(parts));
    state.PauseTiming();
    if (result.tasks[0].records.size() != k1m) return fail(state, "records are missing");
    for (const TaskResult& task : result.tasks) {
      if (task.task->kind == TaskKind::kCardinality && task.cardinality != k1m) {
        return fail(state, "derived cardinality is not exact");
      }
    }
    state.ResumeTiming();
  }
  report(state, state.iterations() * k1m);
}

}  // namespace

void register_control_benchmarks() {
  benchmark::RegisterBenchmark("control/drain_1m", drain);
  benchmark::RegisterBenchmark("control/sum_records_1m", sum);
  benchmark::RegisterBenchmark("control/merge_two_parts_1m", [](benchmark::State& state) {
    merge(state, {exact_five_tuple(k1m)}, {{k1m / 2}, {k1m / 2, Draw::kEachOnce, k1m / 2}});
  });
  benchmark::RegisterBenchmark("control/derive_default_set_1m",
                               [](benchmark::State& state) { merge(state, everything(k1m), {{k1m}}); });
}

}  // namespace netspectra::bench

// pipeline/*: receive, decode, tasks, release; the worker's whole loop, in one epoch.
#include <algorithm>

#include "harness.h"
#include "pipeline_rig.h"

namespace netspectra::bench {
namespace {

ResidentRig& resident_rig(const std::string& name, const std::vector<TaskConfig>& tasks,
                          const Traffic& traffic, const MbufSet& mbufs) {
  return kept<ResidentRig>(name, [&] { return std::make_unique<ResidentRig>(tasks, traffic, mbufs); });
}

// Every flow that comes is known.
void steady(benchmark::State& state, ResidentRig& rig) {
  if (!rig.wrong.empty()) return fail(state, rig.wrong);
  rig.worker.run(rig.queue, kWarmUpPackets);
  for (auto _ : state) rig.worker.run(rig.queue, kPacketsPerIteration);
  if (!rig.worker.handover.active().ledger.balanced()) return fail(state, "the ledger does not balance");
  report(state, state.iterations() * kPacketsPerIteration);
  state.counters["huge_MiB"] = rig.huge_mib;
}

// No flow that comes is known, in a table that earlier epochs have grown.
void churn(benchmark::State& state, ResidentRig& rig) {
  if (!rig.wrong.empty()) return fail(state, rig.wrong);
  const FlowStream each({k1m, Draw::kEachOnce});
  rig.queue.switch_to(each);
  for (auto _ : state) {
    state.PauseTiming();
    rig.worker.drain();
    state.ResumeTiming();
    rig.worker.run(rig.queue, k1m);
  }
  const EpochPart part = rig.worker.drain();
  if (part.measured[0].records.size() != k1m) return fail(state, "flows are missing");
  report(state, state.iterations() * k1m);
}

// No flow that comes is known, in a table of its first size. The control core's part is not in the timing.
void growing(benchmark::State& state, ResidentRig& rig) {
  constexpr uint64_t kStep = k1m / 125;  // 8000 packets, in 0.5 ms: as often as the control core looks
  if (!rig.wrong.empty()) return fail(state, rig.wrong);
  const FlowStream each({k1m, Draw::kEachOnce});
  rig.queue.switch_to(each);
  uint64_t packets = 0;
  for (auto _ : state) {
    state.PauseTiming();
    rig.worker.renew();
    state.ResumeTiming();
    uint64_t done = 0;
    while (done < k1m) {
      done += rig.worker.run(rig.queue, std::min(kStep, k1m - done));
      state.PauseTiming();
      rig.worker.prepare();
      state.ResumeTiming();
    }
    packets += done;
  }
  const EpochPart part = rig.worker.drain();
  if (part.measured[0].records.size() != k1m) return fail(state, "flows are missing");
  report(state, packets);
}

using Measure = void (*)(benchmark::State&, ResidentRig&);

void add(const std::string& name, Measure measure, const std::vector<TaskConfig>& tasks,
         const Traffic& traffic, MbufSet& (*mbufs)() = hot_mbufs) {
  benchmark::RegisterBenchmark(("pipeline/" + name).c_str(), [=](benchmark::State& state) {
    measure(state, resident_rig(name, tasks, traffic, mbufs()));
  });
}

}  // namespace

void register_pipeline_benchmarks() {
  add("decode", steady, {}, {k1m});
  add("decode_table_1m", steady, {exact_five_tuple(k1m)}, {k1m});
  add("estimators_1m", steady, estimators(), {k1m});
  add("everything_1m", steady, everything(k1m), {k1m});
  add("everything_8m", steady, everything(k8m), {k8m});
  add("everything_zipf_1m", steady, everything(k1m), {k1m, Draw::kZipf});
  add("everything_cold_1m", steady, everything(k1m), {k1m}, cold_mbufs);
  add("everything_growing_1m", growing, everything(k1m), {k1m});
  add("churn_1m", churn, everything(k1m), {k1m});
}

}  // namespace netspectra::bench

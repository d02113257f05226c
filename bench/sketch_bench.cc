// sketch/*: each estimator as the task that a worker runs, every packet going through it.
#include <utility>

#include "harness.h"
#include "reference.h"
#include "task_set.h"
#include "workload.h"

namespace netspectra::bench {
namespace {

constexpr uint64_t kWarmUp = 4'194'304;  // packets after which the state changes no more than it ever will

struct SketchRig {
  SketchRig(const TaskConfig& config, const Traffic& traffic)
      : plan(plan_tasks({config})),
        tasks(make_worker_tasks(plan).value()),
        task(*tasks.measured[0]),
        source(flow_stream(traffic)) {
    run(kCheckedPackets);
    task.flush();
    std::vector<EpochPart> parts;
    parts.push_back(drain_all(tasks));
    Ledger& ledger = parts[0].ledger;
    ledger.rx_packets = ledger.ip_packets = kCheckedPackets;
    wrong = reference(traffic).check(merge_parts(plan, std::move(parts)));
    run(kWarmUp);
  }
  void run(uint64_t packets) {
    for (uint64_t done = 0; done < packets; done += kBurst) task.update(source.next());
  }

  const TaskPlan plan;
  WorkerTasks tasks;
  Task& task;
  PacketSource source;
  std::string wrong;
};

void add(const std::string& name, const TaskConfig& config, const Traffic& traffic) {
  benchmark::RegisterBenchmark(("sketch/" + name).c_str(), [=](benchmark::State& state) {
    SketchRig& rig = kept<SketchRig>(name, [&] { return std::make_unique<SketchRig>(config, traffic); });
    if (!rig.wrong.empty()) return fail(state, rig.wrong);
    rig.run(kWarmUpPackets);
    for (auto _ : state) rig.run(kPacketsPerIteration);
    report(state, state.iterations() * kPacketsPerIteration);
  });
}

}  // namespace

void register_sketch_benchmarks() {
  const auto add_both = [](const std::string& name, const TaskConfig& config) {
    add(name + "_1m", config, {k1m});
    add(name + "_zipf_1m", config, {k1m, Draw::kZipf});
  };
  add_both("heavy_hitters", heavy_hitters(KeyField::kSrcIp));
  add_both("super_spreader", super_spreader(KeyField::kSrcIp, KeyField::kDstIp));
  add_both("cardinality", cardinality());
}

}  // namespace netspectra::bench

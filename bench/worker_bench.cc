// workers/*: several workers at once, each with a core and a pipeline of its own, as RSS deals flows to them.
//
// Figures: wall-clock time of all packets of all workers, from the common start to the last one's end; cpu_ns
//   is the CPU time of a packet, which tells a slower core from a core that had to be shared.
#include <algorithm>
#include <barrier>
#include <chrono>
#include <thread>

#include "harness.h"
#include "pipeline_rig.h"

namespace netspectra::bench {
namespace {

constexpr uint64_t kPacketsEach = 1 << 21;
using Clock = std::chrono::steady_clock;

struct WorkerRig {
  WorkerRig(const std::string& name, const Traffic& traffic)
      : mbufs(name, kHotMbufs, false), resident(everything(traffic.flows), traffic, mbufs) {}
  MbufSet mbufs;
  ResidentRig resident;
};

struct Lap {
  Clock::time_point start, end;
  uint64_t cpu_ns;
};

Lap run(WorkerRig& rig, std::barrier<>& start) {
  start.arrive_and_wait();
  Lap lap;
  const uint64_t cpu_before_ns = thread_cpu_ns();
  lap.start = Clock::now();
  rig.resident.worker.run(rig.resident.queue, kPacketsEach);
  lap.end = Clock::now();
  lap.cpu_ns = thread_cpu_ns() - cpu_before_ns;
  return lap;
}

void work(benchmark::State& state, const std::string& name, const std::vector<Traffic>& shares) {
  if (cpus.size() < shares.size()) return state.SkipWithError("needs more CPUs");
  std::vector<WorkerRig*> rigs;
  for (size_t i = 0; i < shares.size(); ++i) {
    const std::string mine = name + "_" + std::to_string(i);
    rigs.push_back(&kept<WorkerRig>(mine, [&] { return std::make_unique<WorkerRig>(mine, shares[i]); }));
    if (!rigs.back()->resident.wrong.empty()) return fail(state, rigs.back()->resident.wrong);
  }
  uint64_t cpu_ns = 0;
  for (auto _ : state) {
    std::vector<Lap> laps(rigs.size());
    std::barrier start(static_cast<ptrdiff_t>(rigs.size()));
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < rigs.size(); ++i) {
      threads.emplace_back([&, i] {
        pin_to(cpus[cpus.size() - 1 - i]);
        laps[i] = run(*rigs[i], start);
      });
    }
    threads.clear();
    const auto by_start = [](const Lap& a, const Lap& b) { return a.start < b.start; };
    const auto by_end = [](const Lap& a, const Lap& b) { return a.end < b.end; };
    const auto elapsed = std::max_element(laps.begin(), laps.end(), by_end)->end -
                         std::min_element(laps.begin(), laps.end(), by_start)->start;
    state.SetIterationTime(std::chrono::duration<double>(elapsed).count());
    for (const Lap& lap : laps) cpu_ns += lap.cpu_ns;
  }
  const uint64_t packets = state.iterations() * kPacketsEach * shares.size();
  report(state, packets);
  state.counters["cpu_ns"] = static_cast<double>(cpu_ns) / static_cast<double>(packets);
}

}  // namespace

void register_worker_benchmarks() {
  const auto add = [](const std::string& name, const std::vector<Traffic>& shares) {
    benchmark::RegisterBenchmark(("workers/" + name).c_str(), [=](benchmark::State& state) {
      work(state, name, shares);
    })->UseManualTime();
  };
  constexpr Draw kUniform = Draw::kUniform;
  add("one", {{k1m}});
  add("two", {{k1m / 2}, {k1m / 2, kUniform, k1m / 2}});
  add("two_same_each", {{k1m}, {k1m, kUniform, k1m}});
}

}  // namespace netspectra::bench

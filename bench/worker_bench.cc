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
constexpr uint64_t kSpins = 1 << 22;
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
  double spin_ns;  // right afterwards, with the others still there
};

template <class Work>
Lap run(Work work, std::barrier<>& start) {
  start.arrive_and_wait();
  Lap lap;
  const uint64_t cpu_before_ns = thread_cpu_ns();
  lap.start = Clock::now();
  work();
  lap.end = Clock::now();
  lap.cpu_ns = thread_cpu_ns() - cpu_before_ns;
  lap.spin_ns = spin_ns();
  return lap;
}

// work(i) on `count` CPUs at once, each with so many items.
template <class Work>
void together(benchmark::State& state, size_t count, uint64_t items_each, Work work) {
  if (cpus.size() < count) return state.SkipWithError("needs more CPUs");
  uint64_t cpu_ns = 0;
  double slowest_spin_ns = 0;
  for (auto _ : state) {
    std::vector<Lap> laps(count);
    std::barrier start(static_cast<ptrdiff_t>(count));
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < count; ++i) {
      threads.emplace_back([&, i] {
        pin_to(cpus[cpus.size() - 1 - i]);
        laps[i] = run([&] { work(i); }, start);
      });
    }
    threads.clear();
    const auto by_start = [](const Lap& a, const Lap& b) { return a.start < b.start; };
    const auto by_end = [](const Lap& a, const Lap& b) { return a.end < b.end; };
    const auto elapsed = std::max_element(laps.begin(), laps.end(), by_end)->end -
                         std::min_element(laps.begin(), laps.end(), by_start)->start;
    state.SetIterationTime(std::chrono::duration<double>(elapsed).count());
    for (const Lap& lap : laps) {
      cpu_ns += lap.cpu_ns;
      slowest_spin_ns = std::max(slowest_spin_ns, lap.spin_ns);
    }
  }
  const uint64_t items = state.iterations() * items_each * count;
  report(state, items, slowest_spin_ns);
  state.counters["cpu_ns"] = static_cast<double>(cpu_ns) / static_cast<double>(items);
}

void workers(benchmark::State& state, const std::string& name, const std::vector<Traffic>& shares) {
  if (cpus.size() < shares.size()) return state.SkipWithError("needs more CPUs");
  std::vector<WorkerRig*> rigs;
  for (size_t i = 0; i < shares.size(); ++i) {
    const std::string mine = name + "_" + std::to_string(i);
    rigs.push_back(&kept<WorkerRig>(mine, [&] { return std::make_unique<WorkerRig>(mine, shares[i]); }));
    if (!rigs.back()->resident.wrong.empty()) return fail(state, rigs.back()->resident.wrong);
  }
  together(state, shares.size(), kPacketsEach,
           [&](size_t i) { rigs[i]->resident.worker.run(rigs[i]->resident.queue, kPacketsEach); });
}

// What two CPUs give where nothing is shared. Less than twice as much: they are threads of one core, or somebody else has
// a part of one.
void spins(benchmark::State& state, size_t count) {
  together(state, count, kSpins, [](size_t) { spin(kSpins); });
}

}  // namespace

void register_worker_benchmarks() {
  const auto add = [](const std::string& name, const std::vector<Traffic>& shares) {
    benchmark::RegisterBenchmark(("workers/" + name).c_str(), [=](benchmark::State& state) {
      workers(state, name, shares);
    })->UseManualTime();
  };
  for (const size_t count : {1, 2}) {
    benchmark::RegisterBenchmark(count == 1 ? "workers/spin_one" : "workers/spin_two",
                                 [=](benchmark::State& state) { spins(state, count); })
        ->UseManualTime();
  }
  constexpr Draw kUniform = Draw::kUniform;
  add("one", {{k1m}});
  add("two", {{k1m / 2}, {k1m / 2, kUniform, k1m / 2}});
  add("two_same_each", {{k1m}, {k1m, kUniform, k1m}});
}

}  // namespace netspectra::bench

// What all families of benchmarks share: fixtures that are kept, figures, and failures.
//
// Fixtures: built at first use, outside any timing, checked against a reference (reference.h), and then kept:
//   all repetitions, interleaved with other benchmarks in any order, use the same one.
// Figures: thread CPU time, save where a family says so. "ns" is nanoseconds per item (packet or record),
//   items_per_second its inverse.
// Failures: a fixture that gives a wrong result is not timed; the program then exits with status 1.
// Threads: the main thread, save where a family says so.
#pragma once

#include <benchmark/benchmark.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "spin.h"

namespace netspectra::bench {

void register_source_benchmarks();
void register_table_benchmarks();
void register_rival_benchmarks();
void register_sketch_benchmarks();
void register_member_benchmarks();
void register_decode_benchmarks();
void register_pipeline_benchmarks();
void register_worker_benchmarks();
void register_handover_benchmarks();
void register_ethdev_benchmarks();
void register_control_benchmarks();
void register_engine_benchmarks();

// Of one iteration: enough that the timing itself costs nothing.
inline constexpr uint64_t kPacketsPerIteration = 1 << 16;
// Untimed, before the loop of what works on much memory: other benchmarks have left theirs in the caches.
inline constexpr uint64_t kWarmUpPackets = 1 << 20;

void fail(benchmark::State& state, const std::string& why);
bool any_failed();

// To be called after the loop. "spin_ns" says whether the core was ours (spin.h): before and after the sample, and where
// other threads had a part in it, what the slowest of them found.
void report(benchmark::State& state, uint64_t items, double slowest_spin_ns = 0);

// The fixture of that key. `make` returns a std::unique_ptr<Rig>.
template <class Rig, class Key, class Make>
Rig& kept(const Key& key, Make&& make) {
  static std::map<Key, std::unique_ptr<Rig>> rigs;
  std::unique_ptr<Rig>& rig = rigs[key];
  if (rig == nullptr) rig = make();
  return *rig;
}

// CPU time of the calling thread.
uint64_t thread_cpu_ns();
// Memory of this process that stands on transparent huge pages.
double huge_page_mib();

// The CPUs that the process was given; the main thread is on the last. Set by main().
extern std::vector<int> cpus;

}  // namespace netspectra::bench

// source/*: what the traffic itself costs, which is part of every other figure.
#include "frame_source.h"
#include "harness.h"
#include "workload.h"

namespace netspectra::bench {
namespace {

void packets(benchmark::State& state) {
  PacketSource source(flow_stream({k1m}));
  for (auto _ : state) {
    for (uint64_t done = 0; done < kPacketsPerIteration; done += kBurst) {
      benchmark::DoNotOptimize(source.next().data());
      benchmark::ClobberMemory();
    }
  }
  report(state, state.iterations() * kPacketsPerIteration);
}

void frames(benchmark::State& state) {
  FrameSource source(flow_stream({k1m}), {FrameShape{}});
  for (auto _ : state) {
    for (uint64_t done = 0; done < kPacketsPerIteration; done += kBurst) {
      benchmark::DoNotOptimize(source.next().data());
      benchmark::ClobberMemory();
    }
  }
  report(state, state.iterations() * kPacketsPerIteration);
}

}  // namespace

void register_source_benchmarks() {
  benchmark::RegisterBenchmark("source/packets", packets);
  benchmark::RegisterBenchmark("source/frames", frames);
}

}  // namespace netspectra::bench

// handover/*: what the end of an epoch costs the worker while the control core empties the sealed state.
//
// Set-up: a million flows, epochs of 20 ms of the packets' clock (300,000 packets); a control thread on
//   another CPU takes, drains and gives back, as the Manager does. flip: packets as fast as the worker takes
//   them, so that it may be ahead of the control core and, as offline, wait for it. flip_at_10gbe: a burst
//   every 64 x 67 ns.
// Figures: "ns" is wall-clock time, waits included. The others, by the TSC, are of a burst from its poll to
//   its release: the median; the longest without a flip (what the machine does to any loop), with a flip, and
//   with one that had to wait. `waits` counts the latter. Nothing is ever lost, which is checked.
#include <rte_cycles.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <span>
#include <thread>

#include "harness.h"
#include "pipeline_rig.h"

namespace netspectra::bench {
namespace {

constexpr uint64_t kPeriodNs = 20'000'000;

constexpr uint64_t kPackets = 1 << 23;  // of an iteration: 28 flips

struct HandoverRig {
  HandoverRig()
      : worker(everything(k1m), kPeriodNs), queue(hot_mbufs(), flow_stream({k1m})), bursts(1 << 20) {}
  PipelineRig worker;
  ResidentQueue queue;
  std::vector<uint64_t> bursts;  // cycles of those without a flip; its memory is there before the timing
};

class ControlThread {
 public:
  explicit ControlThread(Handover<EpochState>& handover)
      : handover_(handover), thread_([this](std::stop_token stop) { run(stop); }) {}
  // The state that is not in use has come back.
  bool returned() const { return returned_.load(std::memory_order_acquire); }
  void sealed() { returned_.store(false, std::memory_order_relaxed); }
  // Ends it, and says how many packets it has been handed.
  uint64_t stop() {
    thread_.request_stop();
    thread_.join();
    return packets_;
  }

 private:
  void run(const std::stop_token& stop) {
    pin_to(cpus.front());
    while (!stop.stop_requested()) {
      if (!collect()) std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
    collect();
  }
  bool collect() {
    EpochState* const state = handover_.take();
    if (state == nullptr) return false;
    drain_all(state->tasks);
    packets_ += state->ledger.rx_packets;
    state->ledger = {};
    state->span = {};
    handover_.give_back(state);
    // A little after the truth: a worker that seals in between counts a wait that it has not had.
    returned_.store(true, std::memory_order_release);
    return true;
  }

  Handover<EpochState>& handover_;
  std::atomic<bool> returned_{true};
  uint64_t packets_ = 0;
  std::jthread thread_;
};

struct Longest {
  uint64_t other = 0, flip = 0, wait = 0;
};

double median(std::span<uint64_t> values) {
  const auto middle = values.begin() + static_cast<ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return static_cast<double>(*middle);
}

void flip(benchmark::State& state, bool paced) {
  if (cpus.size() < 2) return state.SkipWithError("needs two CPUs");
  HandoverRig& rig = kept<HandoverRig>(0, [] { return std::make_unique<HandoverRig>(); });
  PipelineRig& worker = rig.worker;
  worker.drain();
  ControlThread control(worker.handover);
  const double cycles_per_us = static_cast<double>(rte_get_tsc_hz()) / 1e6;
  const auto burst_cycles = static_cast<uint64_t>(kBurst * kPacketGapNs * cycles_per_us / 1e3);
  Longest longest;
  uint64_t flips = 0, waits = 0, packets = 0;
  size_t bursts = 0;
  uint64_t epoch_start_ns = worker.pipeline.epoch_start_ns();
  for (auto _ : state) {
    uint64_t due = rte_rdtsc();
    for (uint64_t done = 0; done < kPackets;) {
      due += burst_cycles;
      while (paced && rte_rdtsc() < due) continue;
      const bool returned = control.returned();
      const uint64_t start = rte_rdtsc();
      done += worker.pipeline.poll_once(rig.queue);
      const uint64_t cycles = rte_rdtsc() - start;
      if (worker.pipeline.epoch_start_ns() == epoch_start_ns) {
        longest.other = std::max(longest.other, cycles);
        rig.bursts[bursts++ % rig.bursts.size()] = cycles;
        continue;
      }
      epoch_start_ns = worker.pipeline.epoch_start_ns();
      control.sealed();
      ++flips;
      if (!returned) ++waits;
      uint64_t& most = returned ? longest.flip : longest.wait;
      most = std::max(most, cycles);
    }
    packets += kPackets;
  }
  const uint64_t sealed = control.stop();
  if (sealed + worker.drain().ledger.rx_packets != packets) return fail(state, "packets were lost");
  report(state, packets);
  const auto us = [&](uint64_t cycles) { return static_cast<double>(cycles) / cycles_per_us; };
  state.counters["flips"] = static_cast<double>(flips);
  state.counters["waits"] = static_cast<double>(waits);
  state.counters["flip_max_us"] = us(longest.flip);
  state.counters["wait_max_us"] = us(longest.wait);
  state.counters["other_max_us"] = us(longest.other);
  state.counters["median_us"] =
      median(std::span(rig.bursts).first(std::min(bursts, rig.bursts.size()))) / cycles_per_us;
}

}  // namespace

void register_handover_benchmarks() {
  benchmark::RegisterBenchmark("handover/flip", flip, false)->UseRealTime();
  benchmark::RegisterBenchmark("handover/flip_at_10gbe", flip, true)->UseRealTime();
}

}  // namespace netspectra::bench

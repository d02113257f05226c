// sketch/rte_member_*: DPDK's own heavy hitters under the same traffic, keyed by source address; a rival.
//
// rte_member's sketch is a NitroSketch: a count sketch of which every packet updates a sample of the rows,
// with a heap of the largest keys. It uses AVX-512 where the CPU has it.
//   all       every packet in every row, 256 KiB: heavy_hitters' memory, and like it right from the start
//   sampled   one row in a hundred, 1.3 MiB: the speed it is made for; right after millions of packets
// It counts packets or bytes; heavy_hitters both, and certifies its error.
// Source: Liu et al., "NitroSketch: robust and general sketch-based monitoring in software switches" (2019).
#define ALLOW_EXPERIMENTAL_API  // which all of the sketch is
#include <rte_errno.h>
#include <rte_member.h>

#include <algorithm>
#include <cmath>

#include "harness.h"
#include "reference.h"
#include "workload.h"

namespace netspectra::bench {
namespace {

constexpr uint32_t kTop = 100;
constexpr uint64_t kWarmUp = 4'194'304;

struct Sampling {
  float error_rate;
  float sample_rate;
};

struct Rig {
  Rig(const std::string& name, const Sampling& sampling, const Traffic& traffic)
      : source(flow_stream(traffic)) {
    rte_member_parameters parameters = {};
    parameters.name = name.c_str();
    parameters.type = RTE_MEMBER_TYPE_SKETCH;
    parameters.key_len = sizeof(FlowKey::src_ip);
    parameters.error_rate = sampling.error_rate;
    parameters.sample_rate = sampling.sample_rate;
    parameters.top_k = kTop;
    parameters.prim_hash_seed = 1;
    parameters.sec_hash_seed = 2;
    parameters.socket_id = 0;
    sketch = rte_member_create(&parameters);
    if (sketch == nullptr) {
      wrong = std::string("rte_member_create: ") + rte_strerror(rte_errno);
      return;
    }
    run(kWarmUp);
    check(traffic, sampling.error_rate);
  }
  ~Rig() { rte_member_free(sketch); }
  void run(uint64_t packets) {
    for (uint64_t done = 0; done < packets; done += kBurst) {
      for (const Packet& packet : source.next()) rte_member_add(sketch, packet.key.src_ip.data(), 1);
    }
  }
  // The flow of rank 1 (under Zipf's law 7 % of all), against exact counting.
  void check(const Traffic& traffic, double error_rate) {
    PacketSource again(flow_stream(traffic));
    const FlowKey largest = reference(traffic).largest();
    uint64_t truth = 0;
    for (uint64_t done = 0; done < kWarmUp; done += kBurst) {
      for (const Packet& packet : again.next()) truth += packet.key.src_ip == largest.src_ip;
    }
    uint64_t count = 0;
    rte_member_query_count(sketch, largest.src_ip.data(), &count);
    const double off = std::abs(static_cast<double>(count) - static_cast<double>(truth));
    if (off > error_rate * static_cast<double>(kWarmUp)) wrong = "a count beyond its error";
  }

  PacketSource source;
  rte_member_setsum* sketch = nullptr;
  std::string wrong;
};

void add(const std::string& name, const Sampling& sampling, const Traffic& traffic) {
  benchmark::RegisterBenchmark(("sketch/" + name).c_str(), [=](benchmark::State& state) {
    Rig& rig = kept<Rig>(name, [&] { return std::make_unique<Rig>(name, sampling, traffic); });
    if (!rig.wrong.empty()) return fail(state, rig.wrong);
    rig.run(kWarmUpPackets);
    for (auto _ : state) rig.run(kPacketsPerIteration);
    report(state, state.iterations() * kPacketsPerIteration);
  });
}

}  // namespace

void register_member_benchmarks() {
  constexpr Sampling kAll = {0.001f, 1.0f}, kSampled = {0.02f, 0.01f};
  add("rte_member_all_1m", kAll, {k1m});
  add("rte_member_all_zipf_1m", kAll, {k1m, Draw::kZipf});
  add("rte_member_sampled_1m", kSampled, {k1m});
  add("rte_member_sampled_zipf_1m", kSampled, {k1m, Draw::kZipf});
}

}  // namespace netspectra::bench

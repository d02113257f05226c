// decode/*: frames -> packets, everything in cache.
#include "packet/decode_burst.h"

#include "frame_source.h"
#include "harness.h"

namespace netspectra::bench {
namespace {

struct Rig {
  explicit Rig(const std::vector<FrameShape>& shapes) : source(flow_stream({k1m}), shapes) {
    // The frames are patched in as many bytes as the packets.
    PacketSource reference(flow_stream({k1m}));
    for (unsigned burst = 0; burst < 1000; ++burst) {
      const std::span<const Packet> expected = reference.next();
      BurstFacts facts;
      decode_burst(source.next(), packets.data(), facts);
      if (facts.refused_count != 0) wrong = "a frame is refused";
      for (size_t i = 0; i < kBurst; ++i) {
        const FrameShape& shape = shapes[i % shapes.size()];
        const Packet& packet = packets[i];
        const bool same_ports = packet.key.be_src_port == expected[i].key.be_src_port &&
                                packet.key.be_dst_port == expected[i].key.be_dst_port;
        const bool same_shape = packet.key.vlan == (shape.vlan ? 100 : 0) &&
                                packet.key.ip_version == (shape.ipv6 ? 6 : 4) &&
                                packet.key.protocol == (shape.udp ? 17 : 6);
        const bool same_hosts = std::memcmp(&packet.key.src_ip[12], &expected[i].key.src_ip[12], 4) == 0 &&
                                std::memcmp(&packet.key.dst_ip[12], &expected[i].key.dst_ip[12], 4) == 0;
        if (!same_ports || !same_shape || !same_hosts) wrong = "a packet is decoded wrong";
      }
    }
  }
  FrameSource source;
  std::array<Packet, kBurst> packets;
  std::string wrong;
};

void decode_frames(benchmark::State& state, const std::string& name, const std::vector<FrameShape>& shapes) {
  Rig& rig = kept<Rig>(name, [&] { return std::make_unique<Rig>(shapes); });
  if (!rig.wrong.empty()) return fail(state, rig.wrong);
  uint64_t refused = 0;
  for (auto _ : state) {
    for (uint64_t done = 0; done < kPacketsPerIteration; done += kBurst) {
      const std::span<const Frame> frames = rig.source.next();
      BurstFacts facts;
      decode_burst(frames, rig.packets.data(), facts);
      refused += facts.refused_count;
      benchmark::ClobberMemory();
    }
  }
  if (refused != 0) return fail(state, "frames were refused");
  report(state, state.iterations() * kPacketsPerIteration);
}

}  // namespace

void register_decode_benchmarks() {
  const auto add = [](const std::string& name, const std::vector<FrameShape>& shapes) {
    benchmark::RegisterBenchmark(name.c_str(),
                                 [=](benchmark::State& state) { decode_frames(state, name, shapes); });
  };
  add("decode/plain", {FrameShape{}});
  add("decode/vlan_ipv6_mix", {{},
                               {.vlan = true},
                               {.ipv6 = true},
                               {.vlan = true, .ipv6 = true},
                               {.udp = true},
                               {.vlan = true, .udp = true},
                               {.ipv6 = true, .udp = true},
                               {.vlan = true, .ipv6 = true, .udp = true}});
}

}  // namespace netspectra::bench

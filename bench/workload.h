// The traffic of the benchmarks: which flow each packet belongs to, and what plays the NIC.
//
// Flows: numbered; a flow's 8 bytes (source address, ports) are a bijective mix of its number, its
//   destination is one of 2048, chosen by these bytes. All else is the same in all packets: TCP over IPv4, 60
//   bytes.
// Streams: the 8 bytes of one packet after the other, drawn once, on 2 MiB pages. Walked round and round.
// Source: before each burst the bytes that differ are patched into 64 packets (or frames) that stay in cache.
//   That costs about a nanosecond, is in every figure, and has benchmarks of its own (source/*). Stores are
//   as wide as the loads that follow: a load that needs two stores has to wait until both are in the cache.
// Time: the burst's clock, which advances by 67 ns a packet: 10 GbE's line rate at 64 bytes.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <span>

#include "base/mapped_memory.h"
#include "ethdev/rx_queue.h"
#include "packet/packet.h"

namespace netspectra::bench {

inline constexpr uint64_t k64k = 65'536, k1m = 1'000'000, k8m = 8'000'000;  // active flows
inline constexpr uint64_t kStartNs = 1'700'000'000'000'000'000;
inline constexpr uint64_t kPacketGapNs = 67;
inline constexpr uint32_t kFrameBytes = 60;  // as DPDK delivers a frame of 64: without its checksum
inline constexpr uint32_t kEthernetBytes = 14;

enum class Draw : uint8_t {
  kUniform,
  kZipf,      // exponent 1.0
  kEachOnce,  // in the order of their numbers: fills a table
};

struct Traffic {
  uint64_t flows;
  Draw draw = Draw::kUniform;
  uint64_t first_flow = 0;
  friend auto operator<=>(const Traffic&, const Traffic&) = default;
};

class FlowStream {
 public:
  explicit FlowStream(const Traffic& traffic);
  std::span<const uint64_t> flows() const { return flows_; }  // whole bursts

 private:
  MappedMemory memory_;
  std::span<uint64_t> flows_;
};

// Shared, and kept.
const FlowStream& flow_stream(const Traffic& traffic);

// A place in a stream, round and round.
class StreamCursor {
 public:
  explicit StreamCursor(const FlowStream& stream) : flows_(stream.flows()) {}
  const uint64_t* next_burst() {
    const uint64_t* const burst = &flows_[at_];
    at_ += kBurst;
    if (at_ == flows_.size()) at_ = 0;
    // Too far apart for the core's own prefetchers: beside the table a burst waited 100 ns for its flows.
    for (size_t ahead = kBurst; ahead < 2 * kBurst; ahead += 8)
      __builtin_prefetch(&flows_.data()[at_ + ahead]);
    return burst;
  }

 private:
  std::span<const uint64_t> flows_;
  size_t at_ = 0;
};

// Writes what differs between flows.
inline void patch(uint64_t flow, void* src_ip, void* dst_ip, void* ports) {
  const auto src = static_cast<uint32_t>(flow);
  const auto port_pair = static_cast<uint32_t>(flow >> 32);
  const uint32_t dst = 10 | (port_pair & 2047) << 16;  // 10.0.0.0 to 10.0.255.7
  std::memcpy(src_ip, &src, sizeof(src));
  std::memcpy(dst_ip, &dst, sizeof(dst));
  std::memcpy(ports, &port_pair, sizeof(port_pair));
}
inline void patch_ipv4_frame(uint64_t flow, uint8_t* ip) { patch(flow, ip + 12, ip + 16, ip + 20); }

struct FrameShape {
  bool vlan = false;
  bool ipv6 = false;
  bool udp = false;
};
// Writes the frame that is to be patched and returns its length; `frame` has room for 128 bytes.
uint32_t write_frame(const FrameShape& shape, uint8_t* frame);
// What decode() makes of write_frame({}).
Packet plain_packet();

// Bursts of decoded packets, each of which stays where it is until two further ones have been taken.
class PacketSource {
 public:
  explicit PacketSource(const FlowStream& stream) : cursor_(stream) {
    for (auto& burst : packets_) burst.fill(plain_packet());
  }
  void switch_to(const FlowStream& stream) { cursor_ = StreamCursor(stream); }
  std::span<const Packet> next() {
    std::array<Packet, kBurst>& packets = packets_[turn_];
    turn_ = turn_ == 2 ? 0 : turn_ + 1;
    const uint64_t* const flows = cursor_.next_burst();
    clock_ns_ += kBurst * kPacketGapNs;
    for (size_t i = 0; i < kBurst; ++i) {
      FlowKey& key = packets[i].key;
      patch(flows[i], &key.src_ip[12], &key.dst_ip[12], &key.be_src_port);
      packets[i].ts_ns = clock_ns_;
    }
    return packets;
  }

 private:
  StreamCursor cursor_;
  std::array<std::array<Packet, kBurst>, 3> packets_;
  size_t turn_ = 0;
  uint64_t clock_ns_ = kStartNs;
};

}  // namespace netspectra::bench

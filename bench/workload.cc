#include "workload.h"

#include <algorithm>
#include <random>
#include <vector>

#include "base/mix64.h"
#include "harness.h"

namespace netspectra::bench {
namespace {

// Of a flow's number: 8 bytes that no other flow has.
uint64_t flow_bytes(uint64_t flow) { return mix64(flow + 0x5eed); }

size_t stream_length(const Traffic& traffic) {
  constexpr size_t kShort = size_t{8} << 20;
  if (traffic.draw == Draw::kEachOnce) return (traffic.flows + kBurst - 1) / kBurst * kBurst;
  return traffic.flows > k1m ? 2 * kShort : kShort;
}

// The sums of 1/rank up to each rank.
std::vector<double> harmonic_sums(uint64_t n) {
  std::vector<double> sums(n);
  double sum = 0;
  for (uint64_t i = 0; i < n; ++i) sums[i] = sum += 1 / static_cast<double>(i + 1);
  return sums;
}

void put_be16(uint8_t* at, uint32_t value) {
  at[0] = static_cast<uint8_t>(value >> 8);
  at[1] = static_cast<uint8_t>(value);
}

}  // namespace

FlowStream::FlowStream(const Traffic& traffic)
    : memory_(MappedMemory::reserve(stream_length(traffic) * sizeof(uint64_t)).value()),
      flows_(reinterpret_cast<uint64_t*>(memory_.data()), stream_length(traffic)) {
  std::mt19937_64 random(traffic.flows);
  std::uniform_int_distribution<uint64_t> uniform(0, traffic.flows - 1);
  switch (traffic.draw) {
    case Draw::kUniform:
      for (uint64_t& flow : flows_) flow = flow_bytes(traffic.first_flow + uniform(random));
      break;
    case Draw::kZipf: {
      const std::vector<double> sums = harmonic_sums(traffic.flows);
      std::uniform_real_distribution<double> share(0, sums.back());
      for (uint64_t& flow : flows_) {
        const auto rank = std::upper_bound(sums.begin(), sums.end() - 1, share(random)) - sums.begin();
        flow = flow_bytes(traffic.first_flow + static_cast<uint64_t>(rank));
      }
      break;
    }
    case Draw::kEachOnce:
      for (size_t i = 0; i < flows_.size(); ++i)
        flows_[i] = flow_bytes(traffic.first_flow + i % traffic.flows);
  }
}

const FlowStream& flow_stream(const Traffic& traffic) {
  return kept<FlowStream>(traffic, [&] { return std::make_unique<FlowStream>(traffic); });
}

uint32_t write_frame(const FrameShape& shape, uint8_t* frame) {
  const uint32_t ip_bytes = shape.ipv6 ? 40 : 20, l4_bytes = shape.udp ? 8 : 20;
  std::memset(frame, 0, 128);
  frame[5] = 1;
  frame[11] = 2;
  uint8_t* ip = frame + kEthernetBytes;
  if (shape.vlan) {
    put_be16(ip - 2, 0x8100);
    put_be16(ip, 100);
    ip += 4;
  }
  put_be16(ip - 2, shape.ipv6 ? 0x86dd : 0x0800);
  const auto headers = static_cast<uint32_t>(ip - frame) + ip_bytes + l4_bytes;
  const uint32_t length = std::max(kFrameBytes, headers);
  const uint32_t payload = length - headers;
  if (shape.ipv6) {
    ip[0] = 0x60;
    put_be16(ip + 4, l4_bytes + payload);
    ip[6] = shape.udp ? 17 : 6;
    ip[7] = 64;
    ip[8] = ip[24] = 0x20;
    ip[9] = ip[25] = 0x01;
  } else {
    ip[0] = 0x45;
    put_be16(ip + 2, ip_bytes + l4_bytes + payload);
    ip[8] = 64;
    ip[9] = shape.udp ? 17 : 6;
  }
  uint8_t* const l4 = ip + ip_bytes;
  if (shape.udp) {
    put_be16(l4 + 4, l4_bytes + payload);
  } else {
    l4[12] = 0x50;
    l4[13] = 0x10;
  }
  return length;
}

Packet plain_packet() {
  Packet packet = {};
  packet.key.src_ip[10] = packet.key.src_ip[11] = packet.key.dst_ip[10] = packet.key.dst_ip[11] = 0xff;
  packet.key.protocol = 6;
  packet.key.ip_version = 4;
  packet.len_bytes = kFrameBytes;
  packet.tcp_flags = 0x10;
  return packet;
}

}  // namespace netspectra::bench

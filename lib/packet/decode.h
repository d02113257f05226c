// Bytes -> Packet: the outermost IP header of a frame and, where they are there, its ports.
//
// Purpose: decode() finds IP under the link layer and reads the flow key by the rules of
//   docs/measurement.md. Nothing is trusted: every read is checked against `frame.captured`, and every
//   refusal has a name.
// Shapes: `frame.captured` bytes are readable at `frame.data`, not one more. On kNone `packet` is complete;
//   on any other reason it is unspecified. `ethertype` is set with kEthertype only.
// Algorithm: what nearly every packet is, TCP or UDP behind an IP header without options behind Ethernet
//   with at most one 802.1Q tag, is decoded inline by decode_common(); all else by decode_general(), which
//   knows every rule. A frame that decode_common() accepts gives the same packet in both: tests and a fuzzer
//   hold them to it.
// Threads: pure functions. Errors: the returned reason.
// Cost: 3.5 ns for what decode_common() accepts, 4 ns to refuse ARP, 8 to 11 ns for the rest (AMD EPYC,
//   frames in cache); bounded for any bytes by kMaxLinkHeaders and kMaxIpv6Headers.
// Source: RFC 791, 8200, 9293; link_layer.h and ip_header.h name theirs.
#pragma once

#include <immintrin.h>

#include <cstdint>
#include <cstring>

#include "base/drop_reason.h"
#include "packet/bytes.h"
#include "packet/frame.h"
#include "packet/ip_header.h"
#include "packet/packet.h"

namespace netspectra {

struct Verdict {
  DropReason reason;
  uint16_t ethertype;
};

Verdict decode_general(const Frame& frame, Packet& packet);

// An address at a time: whoever reads the key next reads 16 bytes at once, and would wait for two stores of eight.
inline void store_key(FlowKey& key, __m128i src_ip, __m128i dst_ip, uint64_t rest) {
  std::memcpy(key.src_ip.data(), &src_ip, sizeof(src_ip));
  std::memcpy(key.dst_ip.data(), &dst_ip, sizeof(dst_ip));
  std::memcpy(&key.be_src_port, &rest, sizeof(rest));
}

// False when the frame is not of the common shapes; `packet` is then unspecified.
// Conditions are joined with &, and flags multiplied by `tcp`: mixed TCP and UDP mispredicts no branch.
inline bool decode_common(const Frame& frame, Packet& packet) {
  constexpr uint32_t kEthernetSize = 14, kVlanSize = 4, kIpv4Size = 20, kIpv6Size = 40;
  constexpr uint32_t kPortsEnd = 4, kTcpFlagsEnd = kTcpFlagsOffset + 1;

  // One bound for what follows, up to the TCP flags behind a VLAN tag and IPv4; a frame from the wire has 60.
  if (frame.link != LinkType::kEthernet) return false;
  if (frame.captured < kEthernetSize + kVlanSize + kIpv4Size + kTcpFlagsEnd) return false;
  const uint8_t* ip = frame.data + kEthernetSize;
  uint16_t be_type = load<uint16_t>(ip - 2);
  uint64_t vlan = 0;
  if (be_type == to_be16(0x8100)) {
    vlan = load_be16(ip) & 0x0fff;
    ip += kVlanSize;
    be_type = load<uint16_t>(ip - 2);
  }

  if (be_type == to_be16(0x0800)) {
    const uint64_t head = load<uint64_t>(ip);  // version and IHL, TOS, total length, id, fragment
    const uint8_t protocol = ip[9];
    const bool tcp = protocol == ip_protocol::kTcp;
    const bool udp = protocol == ip_protocol::kUdp;
    const bool plain = (head & 0xff3f'0000'0000'00ff) == 0x45;  // IHL 5, not a fragment
    const uint32_t total = to_be16(uint16_t(head >> 16));
    if (!(plain & (tcp | udp) & (total >= kIpv4Size + (tcp ? kTcpFlagsEnd : kPortsEnd)))) return false;

    const __m128i mapped = _mm_set_epi32(0, int(0xffff'0000), 0, 0);
    const uint64_t ports = load<uint32_t>(ip + kIpv4Size);
    store_key(packet.key, _mm_insert_epi32(mapped, load<int>(ip + 12), 3),
              _mm_insert_epi32(mapped, load<int>(ip + 16), 3),
              ports | uint64_t(protocol) << 32 | uint64_t(4) << 40 | vlan << 48);
    packet.tcp_flags = uint8_t(ip[kIpv4Size + kTcpFlagsOffset] * tcp);
    packet.tos = uint8_t(head >> 8);
  } else if (be_type == to_be16(0x86dd)) {
    if (frame.captured < kEthernetSize + kVlanSize + kIpv6Size + kTcpFlagsEnd) return false;
    const uint64_t head = load<uint64_t>(ip);  // version, class, label, payload length, next header, hops
    const uint8_t protocol = uint8_t(head >> 48);
    const bool tcp = protocol == ip_protocol::kTcp;
    const bool udp = protocol == ip_protocol::kUdp;
    const bool plain = (head & 0xf0) == 0x60;
    const uint32_t payload = to_be16(uint16_t(head >> 32));
    if (!(plain & (tcp | udp) & (payload >= (tcp ? kTcpFlagsEnd : kPortsEnd)))) return false;

    const uint64_t ports = load<uint32_t>(ip + kIpv6Size);
    store_key(packet.key, load<__m128i_u>(ip + 8), load<__m128i_u>(ip + 24),
              ports | uint64_t(protocol) << 32 | uint64_t(6) << 40 | vlan << 48);
    packet.tcp_flags = uint8_t(ip[kIpv6Size + kTcpFlagsOffset] * tcp);
    packet.tos = uint8_t(head << 4 | (head >> 12 & 0x0f));
  } else {
    return false;
  }
  packet.ts_ns = frame.ts_ns;
  packet.len_bytes = frame.wire_len;
  packet.fragment = false;
  return true;
}

inline Verdict decode(const Frame& frame, Packet& packet) {
  if (decode_common(frame, packet)) [[likely]]
    return {DropReason::kNone, 0};
  return decode_general(frame, packet);
}

}  // namespace netspectra

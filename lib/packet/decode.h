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
// Cost: 2.6 ns for what decode_common() accepts, 4 ns to refuse ARP, 8 to 11 ns for the rest (AMD EPYC,
//   frames in cache); bounded for any bytes by kMaxLinkHeaders and kMaxIpv6Headers.
// Source: RFC 791, 8200, 9293; link_layer.h and ip_header.h name theirs.
#pragma once

#include <immintrin.h>

#include <array>
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

// By IP protocol, what the common shapes need to know without a branch: mixed TCP and UDP mispredicts none.
struct CommonTransport {
  uint64_t key_bits;  // the protocol's place in a key's last word
  int32_t
      min_bytes;  // ports, and TCP's flags; more than there can be where the protocol is not of the common ones
  uint32_t tcp_flags;  // a mask: no other protocol has any
};
inline constexpr auto kCommonTransports = [] {
  std::array<CommonTransport, 256> table{};
  for (size_t protocol = 0; protocol < table.size(); ++protocol)
    table[protocol] = {protocol << 32, 0x10000, 0};
  table[ip_protocol::kTcp].min_bytes = kTcpFlagsOffset + 1;
  table[ip_protocol::kTcp].tcp_flags = 0xff;
  table[ip_protocol::kUdp].min_bytes = 4;
  return table;
}();

// At an ethertype: IPv4, IHL 5, not a fragment. One compare of all that.
inline bool is_common_ipv4(const uint8_t* ethertype) {
  const __m128i bytes =
      load<__m128i_u>(ethertype);  // ethertype, version and IHL, TOS, length, id, fragment, ...
  const __m128i wanted = _mm_setr_epi8(0x08, 0, 0x45, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
  const __m128i mask = _mm_setr_epi8(-1, -1, -1, 0, 0, 0, 0, 0, 0x3f, -1, 0, 0, 0, 0, 0, 0);
  return _mm_testz_si128(_mm_xor_si128(bytes, wanted), mask) != 0;
}

// TCP and UDP over IPv6 without extension headers: `ip` stands behind an ethertype, of which a VLAN tag may be before it.
inline bool decode_common_ipv6(const Frame& frame, const uint8_t* ip, uint16_t vlan, Packet& packet) {
  constexpr uint32_t kBefore = 14 + 4, kIpv6Size = 40;
  if (load<uint16_t>(ip - 2) != to_be16(0x86dd)) return false;
  if (frame.captured < kBefore + kIpv6Size + kTcpFlagsOffset + 1) return false;
  if (ip[0] >> 4 != 6) return false;
  const CommonTransport& transport = kCommonTransports[ip[6]];
  if (load_be16(ip + 4) < transport.min_bytes) return false;
  store_key(packet.key, load<__m128i_u>(ip + 8), load<__m128i_u>(ip + 24),
            load<uint32_t>(ip + kIpv6Size) | transport.key_bits | uint64_t(6) << 40 | uint64_t{vlan} << 48);
  packet.tcp_flags = uint8_t(ip[kIpv6Size + kTcpFlagsOffset] & transport.tcp_flags);
  packet.tos = uint8_t(load_be16(ip) >> 4);
  packet.ts_ns = frame.ts_ns;
  packet.len_bytes = frame.wire_len;
  packet.fragment = false;
  return true;
}

// False when the frame is not of the common shapes; `packet` is then unspecified.
inline bool decode_common(const Frame& frame, Packet& packet) {
  constexpr uint32_t kEthernetSize = 14, kVlanSize = 4;
  constexpr int32_t kIpv4Size = 20;
  constexpr uint32_t kTcpFlagsEnd = kTcpFlagsOffset + 1;

  // One bound for what follows, up to the TCP flags behind a VLAN tag and IPv4; a frame from the wire has 60.
  if (frame.link != LinkType::kEthernet) return false;
  if (frame.captured < kEthernetSize + kVlanSize + kIpv4Size + kTcpFlagsEnd) return false;
  const uint8_t* ip = frame.data + kEthernetSize;
  uint16_t vlan = 0;
  bool ipv4 = is_common_ipv4(ip - 2);
  if (!ipv4 && load<uint16_t>(ip - 2) == to_be16(0x8100)) {
    vlan = load_be16(ip) & 0x0fff;
    ip += kVlanSize;
    ipv4 = is_common_ipv4(ip - 2);
  }
  if (!ipv4) return decode_common_ipv6(frame, ip, vlan, packet);

  const CommonTransport& transport = kCommonTransports[ip[9]];
  if (load_be16(ip + 2) - kIpv4Size < transport.min_bytes) return false;
  const __m128i mapped = _mm_set_epi32(0, int(0xffff'0000), 0, 0);
  store_key(packet.key, _mm_insert_epi32(mapped, load<int>(ip + 12), 3),
            _mm_insert_epi32(mapped, load<int>(ip + 16), 3),
            load<uint32_t>(ip + kIpv4Size) | transport.key_bits | uint64_t(4) << 40 | uint64_t{vlan} << 48);
  packet.tcp_flags = uint8_t(ip[kIpv4Size + kTcpFlagsOffset] & transport.tcp_flags);
  packet.tos = ip[1];
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

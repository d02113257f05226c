// Frames made by hand, and what decode says of them as a line of text that a table can hold.
//
// Shapes: a header is Bytes, and headers are joined with +. Numbers are given in host order.
// Purpose of outcome(): one string for every field that decode fills, so that a wrong one cannot hide.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "packet/bytes.h"
#include "packet/decode.h"
#include "packet/decode_burst.h"

namespace netspectra::test {

using Bytes = std::vector<uint8_t>;

inline Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

inline Bytes be16(uint16_t v) { return {uint8_t(v >> 8), uint8_t(v)}; }
inline Bytes zeros(size_t n) { return Bytes(n); }
inline Bytes repeat(const Bytes& what, int times) {
  Bytes all;
  for (int i = 0; i < times; ++i) all.insert(all.end(), what.begin(), what.end());
  return all;
}

// --- Link layer ---
inline Bytes ethernet(uint16_t type) {
  return Bytes{0x02, 0, 0, 0, 0, 0x01, 0x02, 0, 0, 0, 0, 0x02} + be16(type);
}
inline Bytes tag(uint16_t tci, uint16_t type) { return be16(tci) + be16(type); }
inline Bytes mpls(uint32_t label, bool bottom) {
  return {uint8_t(label >> 12), uint8_t(label >> 4), uint8_t(label << 4 | (bottom ? 1 : 0)), 64};
}
inline Bytes snap(uint16_t type, uint8_t last_of_oui = 0) {
  return Bytes{0xaa, 0xaa, 0x03, 0, 0, last_of_oui} + be16(type);
}
inline Bytes pppoe() { return {0x11, 0x00, 0x12, 0x34, 0x00, 0x40}; }
inline Bytes cooked(uint16_t type) { return Bytes{0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0} + be16(type); }
inline Bytes cooked2(uint16_t type) {
  return be16(type) + Bytes{0, 0, 0, 0, 0, 3, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0};
}

// --- IP: 10.0.0.1 > 10.0.0.2 and 2001:db8::1 > 2001:db8::2 ---
struct Ipv4 {
  uint8_t protocol = 6;
  int total = -1;         // -1: header and payload
  uint16_t fragment = 0;  // flags and offset, as on the wire
  uint8_t tos = 0;
  Bytes options = {};
};
inline Bytes ipv4(const Ipv4& h, const Bytes& payload) {
  const size_t size = 20 + h.options.size();
  const size_t total = h.total < 0 ? size + payload.size() : size_t(h.total);
  return Bytes{uint8_t(0x40 | size / 4), h.tos} + be16(uint16_t(total)) + be16(0x1234) + be16(h.fragment) +
         Bytes{64, h.protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2} + h.options + payload;
}

struct Ipv6 {
  uint8_t next = 6;
  int length = -1;  // -1: the payload's
  uint8_t traffic_class = 0;
};
inline Bytes ipv6(const Ipv6& h, const Bytes& payload) {
  const size_t length = h.length < 0 ? payload.size() : size_t(h.length);
  Bytes head{uint8_t(0x60 | h.traffic_class >> 4), uint8_t(h.traffic_class << 4 | 0x0a), 0xbc, 0xde};
  Bytes address{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  head = head + be16(uint16_t(length)) + Bytes{h.next, 64} + address;
  address[15] = 2;
  return head + address + payload;
}

// Ports 1234 > 80 in all of them.
inline Bytes tcp(uint8_t flags = 0x12) {
  return be16(1234) + be16(80) + zeros(8) + Bytes{0x50, flags} + zeros(6);
}
inline Bytes udp() { return be16(1234) + be16(80) + be16(12) + zeros(6); }

// --- What decode says ---
struct Decoded {
  Verdict verdict;
  Packet packet;
};

inline void expect_same(const Packet& a, const Packet& b) {
  EXPECT_EQ(a.key, b.key);
  EXPECT_EQ(a.ts_ns, b.ts_ns);
  EXPECT_EQ(a.len_bytes, b.len_bytes);
  EXPECT_EQ(a.tcp_flags, b.tcp_flags);
  EXPECT_EQ(a.tos, b.tos);
  EXPECT_EQ(a.fragment, b.fragment);
}

// Decodes from a buffer of exactly the frame's size, so that a sanitizer sees any read past it; and holds the
// short path, and a burst of this frame alone, to the general one.
inline Decoded decode_bytes(LinkType link, const Bytes& bytes, uint32_t wire_len = 1500,
                            uint64_t ts_ns = 99) {
  const std::unique_ptr<uint8_t[]> exact(new uint8_t[bytes.size()]);
  if (!bytes.empty()) std::memcpy(exact.get(), bytes.data(), bytes.size());
  const Frame frame{exact.get(), ts_ns, ts_ns, uint32_t(bytes.size()), wire_len, link};
  Decoded result, general;
  std::memset(static_cast<void*>(&result.packet), 0xee, sizeof(Packet));  // what decode leaves out shows
  std::memset(static_cast<void*>(&general.packet), 0xdd, sizeof(Packet));
  result.verdict = decode(frame, result.packet);
  general.verdict = decode_general(frame, general.packet);
  EXPECT_EQ(result.verdict.reason, general.verdict.reason);
  EXPECT_EQ(result.verdict.ethertype, general.verdict.ethertype);
  const bool accepted = general.verdict.reason == DropReason::kNone;
  if (accepted) expect_same(result.packet, general.packet);
  Packet packet;
  std::memset(static_cast<void*>(&packet), 0xcc, sizeof(Packet));
  BurstFacts burst;
  decode_burst({&frame, 1}, &packet, burst);
  EXPECT_EQ(burst.packets, accepted ? 1u : 0u);
  EXPECT_EQ(burst.refused_count, accepted ? 0u : 1u);
  if (accepted) {
    expect_same(packet, general.packet);
  } else {
    EXPECT_EQ(burst.refused[0].verdict.reason, general.verdict.reason);
    EXPECT_EQ(burst.refused[0].verdict.ethertype, general.verdict.ethertype);
  }
  return result;
}

inline std::string address_text(const std::array<uint8_t, 16>& address) {
  char text[INET6_ADDRSTRLEN];
  inet_ntop(AF_INET6, address.data(), text, sizeof(text));
  return text;
}

// "llc", "ethertype 0806", or
// "v4 ::ffff:10.0.0.1 1234 > ::ffff:10.0.0.2 80 protocol 6[ vlan 7][ flags 12][ tos b8][ fragment]".
inline std::string outcome(LinkType link, const Bytes& bytes) {
  const Decoded d = decode_bytes(link, bytes);
  char text[160];
  if (d.verdict.reason == DropReason::kEthertype) {
    std::snprintf(text, sizeof(text), "ethertype %04x", unsigned(d.verdict.ethertype));
    return text;
  }
  EXPECT_EQ(d.verdict.ethertype, 0);
  if (d.verdict.reason != DropReason::kNone) return drop_reason_name(d.verdict.reason);
  const Packet& p = d.packet;
  EXPECT_EQ(p.len_bytes, 1500u);
  EXPECT_EQ(p.ts_ns, 99u);
  std::snprintf(text, sizeof(text), "v%d %s %d > %s %d protocol %d", p.key.ip_version,
                address_text(p.key.src_ip).c_str(), to_be16(p.key.be_src_port),
                address_text(p.key.dst_ip).c_str(), to_be16(p.key.be_dst_port), p.key.protocol);
  std::string all = text;
  const auto add = [&](const char* format, unsigned value) {
    std::snprintf(text, sizeof(text), format, value);
    if (value != 0) all += text;
  };
  add(" vlan %u", p.key.vlan);
  add(" flags %02x", p.tcp_flags);
  add(" tos %02x", p.tos);
  return p.fragment ? all + " fragment" : all;
}

inline constexpr LinkType kEth = LinkType::kEthernet;

// What outcome() says of ipv4() and ipv6(), up to the protocol.
inline const std::string kV4Ports = "v4 ::ffff:10.0.0.1 1234 > ::ffff:10.0.0.2 80 protocol ";
inline const std::string kV4NoPorts = "v4 ::ffff:10.0.0.1 0 > ::ffff:10.0.0.2 0 protocol ";
inline const std::string kV6Ports = "v6 2001:db8::1 1234 > 2001:db8::2 80 protocol ";
inline const std::string kV6NoPorts = "v6 2001:db8::1 0 > 2001:db8::2 0 protocol ";

}  // namespace netspectra::test

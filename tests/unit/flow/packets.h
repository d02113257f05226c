// Packets with made-up keys, for tests.
#pragma once

#include <cstdint>
#include <cstring>

#include "packet/packet.h"

namespace netspectra {

inline Packet make_packet(uint32_t flow, uint64_t ts_ns = 1, uint32_t len = 64, uint8_t flags = 0) {
  Packet packet{};
  packet.key.src_ip[10] = packet.key.src_ip[11] = packet.key.dst_ip[10] = packet.key.dst_ip[11] = 0xff;
  std::memcpy(packet.key.src_ip.data() + 12, &flow, 4);
  packet.key.dst_ip[15] = 9;
  packet.key.be_src_port = static_cast<uint16_t>(flow * 7);
  packet.key.be_dst_port = 443;
  packet.key.protocol = 6;
  packet.key.ip_version = 4;
  packet.key.vlan = static_cast<uint16_t>(flow % 3);
  packet.ts_ns = ts_ns;
  packet.len_bytes = len;
  packet.tcp_flags = flags;
  return packet;
}

}  // namespace netspectra

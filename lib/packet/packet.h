// The plain decoded facts about one frame that is counted as IP: what every task sees.
//
// Shapes and units: `len_bytes` is the length on the wire, link header included; `ts_ns` nanoseconds since
//   the Unix epoch, 0 = none. One cache line.
// Threads: plain data.
#pragma once

#include <cstdint>

#include "packet/flow_key.h"

namespace netspectra {

struct alignas(64) Packet {
  FlowKey key;
  uint64_t ts_ns;
  uint32_t len_bytes;
  uint8_t tcp_flags;  // CWR..FIN as on the wire; 0 where not TCP, or the flags byte is not captured
  uint8_t tos;        // IPv4 type of service, IPv6 traffic class
  bool fragment;      // any fragment, the first included
};
static_assert(sizeof(Packet) == 64);

}  // namespace netspectra

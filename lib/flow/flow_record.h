// One flow key with its counters: what an exact task yields.
//
// Units: packets, bytes on the wire (link header included), nanoseconds since the Unix epoch. tcp_flags is
//   the OR over the key's packets.
// Merge: sums, minimum, maximum and OR, so parts may be merged in any order and grouping, with one result.
// Threads: plain data.
#pragma once

#include <algorithm>
#include <cstdint>

#include "packet/flow_key.h"

namespace netspectra {

struct FlowCounters {
  uint64_t packets = 0;
  uint64_t bytes = 0;
  uint64_t first_seen_ns = UINT64_MAX;  // UINT64_MAX and 0 while there are no packets
  uint64_t last_seen_ns = 0;
  uint8_t tcp_flags = 0;

  void merge(const FlowCounters& from) {
    packets += from.packets;
    bytes += from.bytes;
    first_seen_ns = std::min(first_seen_ns, from.first_seen_ns);
    last_seen_ns = std::max(last_seen_ns, from.last_seen_ns);
    tcp_flags |= from.tcp_flags;
  }
  friend bool operator==(const FlowCounters&, const FlowCounters&) = default;
};

struct FlowRecord {
  FlowKey key;
  FlowCounters counters;
  friend bool operator==(const FlowRecord&, const FlowRecord&) = default;
};

}  // namespace netspectra

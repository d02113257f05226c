// From a frame's first byte to its outermost IP header.
//
// Purpose: find_ip() skips what may stand before IP, by the rules of docs/measurement.md, "Link layer":
//   Ethernet, VLAN tags, MPLS labels, PPPoE, PPP, LLC/SNAP, BSD loopback, Linux cooked; in any nesting.
// Shapes: `offset` counts from frame.data and never passes frame.captured; that an IP header is really
//   there is for ip_header.h to see.
// Threads: pure function. Errors: the returned reason. Cost: 2 to 5 ns for what networks carry; at most a few
//   microseconds, because nesting is bounded.
// Source: IEEE 802.1Q, 802.1ad, 802.2; RFC 1042 (SNAP), 3032 (MPLS), 2516 (PPPoE), 1661 and 1662 (PPP), 1547
//   (Cisco HDLC); https://www.tcpdump.org/linktypes.html.
#pragma once

#include <cstdint>

#include "base/drop_reason.h"
#include "packet/frame.h"

namespace netspectra {

// VLAN tags, MPLS labels, SNAP and PPPoE headers of one frame together; more than fit a 1500-byte frame.
inline constexpr int kMaxLinkHeaders = 1024;

struct IpStart {
  uint32_t offset = 0;     // where the IP header starts; with kNone only
  uint16_t vlan = 0;       // VLAN id of the outermost tag, 0 = none; host order
  uint16_t ethertype = 0;  // with kEthertype only, else 0
  uint8_t ip_version = 0;  // 4 or 6, as the link layer announces it; with kNone only
};

// Fills in memory, not by return value: GCC 12 packs small structures through the stack, and the store that
// is reloaded in another width costs more than the rest of the walk.
DropReason find_ip(const Frame& frame, IpStart& start);

}  // namespace netspectra

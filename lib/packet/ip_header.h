// The flow key of an IP datagram: addresses, protocol, and ports where they are there.
//
// Purpose: read_ipv4() and read_ipv6() check the header that `ip` points to and fill in what it tells, by the
//   rules of docs/measurement.md: the key save for `vlan`, tcp_flags, tos and fragment.
// Shapes: `captured` bytes are readable at `ip`, not one more. On any reason but kNone, `packet` is
//   unspecified.
// Threads: pure functions. Errors: the returned reason. Cost: 3 to 5 ns; bounded for any chain of headers.
// Source: RFC 791, 8200, 4302 (AH), 5533 (shim6), 9293 (TCP); the numbers from IANA's protocol-numbers.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/drop_reason.h"
#include "packet/packet.h"

namespace netspectra {

// IPv6 extension headers of one packet; past it the chain counts as cut short. 1500 bytes hold 182.
inline constexpr int kMaxIpv6Headers = 1024;

namespace ip_protocol {
inline constexpr uint8_t kHopByHop = 0;
inline constexpr uint8_t kTcp = 6;
inline constexpr uint8_t kUdp = 17;
inline constexpr uint8_t kDccp = 33;
inline constexpr uint8_t kRouting = 43;
inline constexpr uint8_t kFragment = 44;
inline constexpr uint8_t kAh = 51;
inline constexpr uint8_t kDestinationOptions = 60;
inline constexpr uint8_t kSctp = 132;
inline constexpr uint8_t kUdpLite = 136;
inline constexpr uint8_t kShim6 = 140;
}  // namespace ip_protocol

inline constexpr size_t kTcpFlagsOffset = 13;

DropReason read_ipv4(const uint8_t* ip, size_t captured, Packet& packet);
DropReason read_ipv6(const uint8_t* ip, size_t captured, Packet& packet);

}  // namespace netspectra

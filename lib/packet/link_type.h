// The link types that are measured, by their LINKTYPE_ numbers in capture files.
//
// Threads: constants only.
// Source: https://www.tcpdump.org/linktypes.html
#pragma once

#include <cstdint>

namespace netspectra {

enum class LinkType : uint16_t {
  kNull = 0,           // BSD loopback: address family in the writer's byte order
  kEthernet = 1,       //
  kPpp = 9,            // PPP, with or without HDLC address and control bytes
  kRawBsd = 12,        // raw IP, as DLT_RAW was written on some systems
  kRawOpenBsd = 14,    // raw IP, as DLT_RAW was written on OpenBSD
  kRaw = 101,          // raw IP; version from the first nibble
  kLoop = 108,         // OpenBSD loopback: address family in network byte order
  kLinuxCooked = 113,  // "any" interface, version 1
  kIpv4 = 228,         // raw IPv4
  kIpv6 = 229,         // raw IPv6
  kLinuxCooked2 = 276  // "any" interface, version 2
};

constexpr bool is_supported(LinkType link) {
  switch (link) {
    case LinkType::kNull:
    case LinkType::kEthernet:
    case LinkType::kPpp:
    case LinkType::kRawBsd:
    case LinkType::kRawOpenBsd:
    case LinkType::kRaw:
    case LinkType::kLoop:
    case LinkType::kLinuxCooked:
    case LinkType::kIpv4:
    case LinkType::kIpv6:
    case LinkType::kLinuxCooked2:
      return true;
  }
  return false;
}

}  // namespace netspectra

#include "packet/ip_header.h"

#include <algorithm>
#include <cstring>

#include "packet/bytes.h"

namespace netspectra {
namespace {

constexpr size_t kIpv4MinSize = 20;
constexpr size_t kIpv6Size = 40;
constexpr uint16_t kIpv4MoreFragments = 0x2000;
constexpr uint16_t kIpv4OffsetMask = 0x1fff;
constexpr uint16_t kIpv6MoreFragments = 0x0001;
constexpr uint16_t kIpv6OffsetMask = 0xfff8;

constexpr bool has_ports(uint8_t protocol) {
  switch (protocol) {
    case ip_protocol::kTcp:
    case ip_protocol::kUdp:
    case ip_protocol::kDccp:
    case ip_protocol::kSctp:
    case ip_protocol::kUdpLite:
      return true;
  }
  return false;
}

constexpr bool is_extension(uint8_t protocol) {
  switch (protocol) {
    case ip_protocol::kHopByHop:
    case ip_protocol::kRouting:
    case ip_protocol::kFragment:
    case ip_protocol::kAh:
    case ip_protocol::kDestinationOptions:
    case ip_protocol::kShim6:
      return true;
  }
  return false;
}

// `size` bytes of the transport header are both captured and inside the datagram.
void read_transport(const uint8_t* transport, size_t size, Packet& packet) {
  if (!has_ports(packet.key.protocol) || size < 4) return;
  packet.key.be_src_port = load<uint16_t>(transport);
  packet.key.be_dst_port = load<uint16_t>(transport + 2);
  if (packet.key.protocol == ip_protocol::kTcp && size > kTcpFlagsOffset)
    packet.tcp_flags = transport[kTcpFlagsOffset];
}

void set_mapped(std::array<uint8_t, 16>& address, const uint8_t* ipv4) {
  address = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  std::memcpy(address.data() + 12, ipv4, 4);
}

}  // namespace

DropReason read_ipv4(const uint8_t* ip, size_t captured, Packet& packet) {
  if (captured == 0) return DropReason::kIpv4HeaderTruncated;
  if (ip[0] >> 4 != 4) return DropReason::kIpv4BadVersion;
  const size_t header_size = (ip[0] & 0x0f) * 4u;
  if (header_size < kIpv4MinSize) return DropReason::kIpv4BadIhl;
  if (captured < header_size) return DropReason::kIpv4HeaderTruncated;
  const size_t total = load_be16(ip + 2);
  if (total != 0 && total < header_size) return DropReason::kIpv4BadTotalLength;

  const uint16_t fragment = load_be16(ip + 6);
  packet.key = {};
  set_mapped(packet.key.src_ip, ip + 12);
  set_mapped(packet.key.dst_ip, ip + 16);
  packet.key.protocol = ip[9];
  packet.key.ip_version = 4;
  packet.tos = ip[1];
  packet.tcp_flags = 0;
  packet.fragment = (fragment & (kIpv4MoreFragments | kIpv4OffsetMask)) != 0;
  if ((fragment & kIpv4OffsetMask) == 0) {
    const size_t inside = total == 0 ? captured : std::min(captured, total);
    read_transport(ip + header_size, inside - header_size, packet);
  }
  return DropReason::kNone;
}

DropReason read_ipv6(const uint8_t* ip, size_t captured, Packet& packet) {
  if (captured == 0) return DropReason::kIpv6HeaderTruncated;
  if (ip[0] >> 4 != 6) return DropReason::kIpv6BadVersion;
  if (captured < kIpv6Size) return DropReason::kIpv6HeaderTruncated;

  packet.key = {};
  std::memcpy(packet.key.src_ip.data(), ip + 8, 16);
  std::memcpy(packet.key.dst_ip.data(), ip + 24, 16);
  packet.key.protocol = ip[6];
  packet.key.ip_version = 6;
  packet.tos = uint8_t(load_be16(ip) >> 4);
  packet.tcp_flags = 0;
  packet.fragment = false;

  const size_t payload = load_be16(ip + 4);  // 0: jumbogram or TSO, no bound
  size_t left = captured - kIpv6Size;
  if (payload != 0) left = std::min(left, payload);
  const uint8_t* header = ip + kIpv6Size;

  // A chain that is cut short leaves the type of the header that is not whole as the protocol.
  for (int walked = 0; is_extension(packet.key.protocol); ++walked) {
    if (left < 8 || walked == kMaxIpv6Headers) return DropReason::kNone;
    size_t size = (header[1] + 1u) * 8;
    uint16_t offset = 0;
    if (packet.key.protocol == ip_protocol::kFragment) {
      size = 8;
      const uint16_t field = load_be16(header + 2);
      offset = field & kIpv6OffsetMask;
      if (field & (kIpv6OffsetMask | kIpv6MoreFragments)) packet.fragment = true;
    } else if (packet.key.protocol == ip_protocol::kAh) {
      size = (header[1] + 2u) * 4;
    }
    if (left < size) return DropReason::kNone;
    packet.key.protocol = header[0];
    if (offset != 0) return DropReason::kNone;  // the rest is data from the middle of the datagram
    header += size;
    left -= size;
  }
  read_transport(header, left, packet);
  return DropReason::kNone;
}

}  // namespace netspectra

#include "packet/decode.h"

#include "packet/ip_header.h"
#include "packet/link_layer.h"

namespace netspectra {

Verdict decode_general(const Frame& frame, Packet& packet) {
  IpStart start;
  if (const DropReason reason = find_ip(frame, start); reason != DropReason::kNone) {
    return {reason, start.ethertype};
  }
  const uint8_t* ip = frame.data + start.offset;
  const size_t captured = frame.captured - start.offset;
  const DropReason reason =
      start.ip_version == 4 ? read_ipv4(ip, captured, packet) : read_ipv6(ip, captured, packet);
  packet.key.vlan = start.vlan;
  packet.ts_ns = frame.ts_ns;
  packet.len_bytes = frame.wire_len;
  return {reason, 0};
}

}  // namespace netspectra

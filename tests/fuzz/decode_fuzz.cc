// Fuzz target of decode: any bytes, any link type.
//
// Input: two bytes of link type (an index into the supported ones; above them the number itself), then the
//   frame, which is decoded from a heap buffer of exactly its size so that any read past it is seen.
// Checks: every verdict has a name; what is counted as IP has a version, and ports and flags only where its
//   protocol has them; decode_common() and decode_burst() agree with decode_general(); a frame that grows only at its
//   end keeps its addresses.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <memory>

#include "packet/decode.h"
#include "packet/decode_burst.h"

namespace {

using namespace netspectra;

constexpr LinkType kLinks[] = {LinkType::kEthernet, LinkType::kEthernet,    LinkType::kNull,
                               LinkType::kPpp,      LinkType::kRawBsd,      LinkType::kRawOpenBsd,
                               LinkType::kRaw,      LinkType::kLoop,        LinkType::kIpv4,
                               LinkType::kIpv6,     LinkType::kLinuxCooked, LinkType::kLinuxCooked2};

void require(bool condition) {
  if (!condition) std::abort();
}

struct Result {
  Verdict verdict;
  Packet packet;
};

Result decode_copy(LinkType link, const uint8_t* bytes, size_t size,
                   Verdict (*decoder)(const Frame&, Packet&)) {
  const std::unique_ptr<uint8_t[]> exact(new uint8_t[size]);
  if (size != 0) std::memcpy(exact.get(), bytes, size);
  Result result;
  result.verdict = decoder({exact.get(), 7, 7, uint32_t(size), uint32_t(size) + 4, link}, result.packet);
  return result;
}

Verdict decode_in_burst(const Frame& frame, Packet& packet) {
  BurstFacts burst;
  decode_burst({&frame, 1}, &packet, burst);
  require(burst.packets + burst.refused_count == 1);
  return burst.packets == 1 ? Verdict{DropReason::kNone, 0} : burst.refused[0].verdict;
}

bool same(const Packet& a, const Packet& b) {
  return a.key == b.key && a.ts_ns == b.ts_ns && a.len_bytes == b.len_bytes && a.tcp_flags == b.tcp_flags &&
         a.tos == b.tos && a.fragment == b.fragment;
}

void check_packet(const Packet& p, size_t size) {
  require(p.key.ip_version == 4 || p.key.ip_version == 6);
  require(p.key.vlan <= 4095);
  require(p.ts_ns == 7 && p.len_bytes == size + 4);
  const uint8_t protocol = p.key.protocol;
  const bool has_ports =
      protocol == 6 || protocol == 17 || protocol == 33 || protocol == 132 || protocol == 136;
  if (!has_ports) require(p.key.be_src_port == 0 && p.key.be_dst_port == 0);
  if (protocol != 6) require(p.tcp_flags == 0);
  if (p.key.ip_version == 4) {
    constexpr uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    require(std::memcmp(p.key.src_ip.data(), kMapped, 12) == 0);
    require(std::memcmp(p.key.dst_ip.data(), kMapped, 12) == 0);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const size_t number = size_t(data[0]) << 8 | data[1];
  const LinkType link = number < std::size(kLinks) ? kLinks[number] : LinkType(number);
  data += 2;
  size -= 2;

  const Result result = decode_copy(link, data, size, decode);
  const Result general = decode_copy(link, data, size, decode_general);
  const Result in_burst = decode_copy(link, data, size, decode_in_burst);
  const DropReason reason = result.verdict.reason;
  require(size_t(reason) < kDropReasonCount);
  require(general.verdict.reason == reason && general.verdict.ethertype == result.verdict.ethertype);
  require(in_burst.verdict.reason == reason && in_burst.verdict.ethertype == result.verdict.ethertype);
  require(reason == DropReason::kEthertype ? result.verdict.ethertype > 1500 : result.verdict.ethertype == 0);
  require((reason == DropReason::kUnsupportedLinkType) == !is_supported(link));
  if (reason != DropReason::kNone) return 0;
  check_packet(result.packet, size);
  require(same(result.packet, general.packet) && same(in_burst.packet, general.packet));

  // All but the last byte: still IP with the same addresses, or the header's last byte was the one.
  const Result shorter = decode_copy(link, data, size - 1, decode);
  if (shorter.verdict.reason == DropReason::kNone) {
    check_packet(shorter.packet, size - 1);
    require(shorter.packet.key.src_ip == result.packet.key.src_ip);
    require(shorter.packet.key.dst_ip == result.packet.key.dst_ip);
    require(shorter.packet.key.vlan == result.packet.key.vlan && shorter.packet.tos == result.packet.tos);
  } else {
    require(shorter.verdict.reason == DropReason::kIpv4HeaderTruncated ||
            shorter.verdict.reason == DropReason::kIpv6HeaderTruncated);
  }
  return 0;
}

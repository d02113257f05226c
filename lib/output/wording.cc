#include "output/wording.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/time_ns.h"
#include "base/units.h"

namespace netspectra {

std::string protocol_name(uint8_t protocol) {
  switch (protocol) {
    case 0:
      return "HOPOPT";
    case 1:
      return "ICMP";
    case 2:
      return "IGMP";
    case 4:
      return "IPv4";  // IP in IP
    case 6:
      return "TCP";
    case 17:
      return "UDP";
    case 33:
      return "DCCP";
    case 41:
      return "IPv6";  // 6in4
    case 43:
      return "IPv6-Route";
    case 44:
      return "IPv6-Frag";
    case 46:
      return "RSVP";
    case 47:
      return "GRE";
    case 50:
      return "ESP";
    case 51:
      return "AH";
    case 58:
      return "ICMPv6";
    case 59:
      return "IPv6-NoNxt";
    case 60:
      return "IPv6-Opts";
    case 88:
      return "EIGRP";
    case 89:
      return "OSPF";
    case 103:
      return "PIM";
    case 112:
      return "VRRP";
    case 115:
      return "L2TP";
    case 132:
      return "SCTP";
    case 136:
      return "UDPLite";
    case 137:
      return "MPLS";
    default:
      return std::to_string(protocol);
  }
}

std::string ethertype_name(uint16_t ethertype) {
  switch (ethertype) {
    case 0x0806:
      return "ARP";
    case 0x22f0:
      return "AVTP";
    case 0x22f3:
      return "TRILL";
    case 0x6003:
      return "DECnet";
    case 0x6558:
      return "bridged Ethernet";
    case 0x8035:
      return "RARP";
    case 0x809b:
      return "AppleTalk";
    case 0x80f3:
      return "AARP";
    case 0x8137:
      return "IPX";
    case 0x8808:
      return "flow control";
    case 0x8809:
      return "LACP";  // and the other slow protocols
    case 0x8863:
      return "PPPoE discovery";
    case 0x888e:
      return "802.1X";
    case 0x8892:
      return "PROFINET";
    case 0x88a2:
      return "AoE";
    case 0x88a4:
      return "EtherCAT";
    case 0x88b8:
      return "GOOSE";
    case 0x88cc:
      return "LLDP";
    case 0x88e5:
      return "MACsec";
    case 0x88e7:
      return "PBB";
    case 0x88f7:
      return "PTP";
    case 0x8902:
      return "CFM";
    case 0x8906:
      return "FCoE";
    case 0x8914:
      return "FIP";
    case 0x9000:
      return "loopback test";
    default:
      return absl::StrFormat("ethertype 0x%04x", ethertype);
  }
}

const char* drop_reason_words(DropReason reason) {
  switch (reason) {
    case DropReason::kNone:
      return "counted as IP";
    case DropReason::kIpv4HeaderTruncated:
      return "IPv4 header cut short";
    case DropReason::kIpv4BadVersion:
      return "IPv4 with a wrong version";
    case DropReason::kIpv4BadIhl:
      return "IPv4 header length below 20";
    case DropReason::kIpv4BadTotalLength:
      return "IPv4 total length below the header's";
    case DropReason::kIpv6HeaderTruncated:
      return "IPv6 header cut short";
    case DropReason::kIpv6BadVersion:
      return "IPv6 with a wrong version";
    case DropReason::kLinkHeaderTruncated:
      return "link header cut short";
    case DropReason::kEthertype:
      return "other ethertypes";
    case DropReason::kLlc:
      return "LLC (STP, IS-IS, ...)";
    case DropReason::kMplsPayload:
      return "MPLS without IP in it";
    case DropReason::kPppProtocol:
      return "PPP control";
    case DropReason::kAddressFamily:
      return "other address families";
    case DropReason::kRawPayload:
      return "raw, neither IPv4 nor IPv6";
    case DropReason::kTooManyHeaders:
      return "too many nested link headers";
    case DropReason::kUnsupportedLinkType:
      return "unsupported link types";
  }
  return "?";  // not reached: every DropReason is above
}

std::string counted(uint64_t count, const char* noun) {
  return absl::StrCat(format_count(count), " ", noun, count == 1 ? "" : "s");
}

std::string percent(uint64_t part, uint64_t whole) {
  if (whole == 0) return "-";
  if (part != 0 && part < whole / 2000) return "<0.1 %";
  return absl::StrFormat("%.1f %%", 100.0 * static_cast<double>(part) / static_cast<double>(whole));
}

std::string share_text(uint32_t share_ppm) {
  std::string text = absl::StrFormat("%d.%04d", share_ppm / 10'000, share_ppm % 10'000);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text + " %";
}

std::string percent_of_error(double relative) {
  const double percent = 100 * relative;
  return percent < 10 ? absl::StrFormat("%.2g %%", percent) : absl::StrFormat("%.0f %%", percent);
}

std::string short_time(uint64_t time_ns) {
  if (is_far_time(time_ns)) return "a time beyond the year 2262";
  std::string text = format_time_ns(time_ns);  // "... 03:04:05.500000000Z"
  text.pop_back();
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

}  // namespace netspectra

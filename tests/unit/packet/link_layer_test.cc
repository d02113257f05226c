// The rule "link layer" of docs/measurement.md.
#include "packet/link_layer.h"

#include "frames.h"

namespace netspectra::test {
namespace {

const Bytes kV4 = ipv4({.protocol = 17}, udp());
const Bytes kV6 = ipv6({.next = 17}, udp());
const std::string kIsV4 = kV4Ports + "17";
const std::string kIsV6 = kV6Ports + "17";

struct Case {
  const char* name;
  LinkType link;
  Bytes frame;
  std::string expected;
};

void check(const std::vector<Case>& cases) {
  for (const Case& c : cases) EXPECT_EQ(outcome(c.link, c.frame), c.expected) << c.name;
}

TEST(LinkLayer, EthernetCarriesIpUnderItsTwoEthertypes) {
  check({{"IPv4", kEth, ethernet(0x0800) + kV4, kIsV4}, {"IPv6", kEth, ethernet(0x86dd) + kV6, kIsV6}});
}

TEST(LinkLayer, OtherEthertypesAreRefusedByNumber) {
  check({{"ARP", kEth, ethernet(0x0806) + zeros(46), "ethertype 0806"},
         {"PBB", kEth, ethernet(0x88e7) + zeros(46), "ethertype 88e7"},
         {"MACsec", kEth, ethernet(0x88e5) + zeros(46), "ethertype 88e5"},
         {"PPPoE discovery", kEth, ethernet(0x8863) + zeros(46), "ethertype 8863"},
         {"just above a length", kEth, ethernet(0x05dd) + zeros(46), "ethertype 05dd"},
         {"without a byte behind it", kEth, ethernet(0xffff), "ethertype ffff"},
         {"behind a tag", kEth, ethernet(0x8100) + tag(7, 0x0806) + zeros(46), "ethertype 0806"},
         {"behind SNAP", kEth, ethernet(100) + snap(0x0806) + zeros(46), "ethertype 0806"},
         {"behind Linux cooked", LinkType::kLinuxCooked, cooked(0x0806) + zeros(46), "ethertype 0806"}});
}

TEST(LinkLayer, AllFourTagTypesAreSkippedInAnyNesting) {
  const Bytes rest = tag(3, 0x0800) + kV4;
  for (uint16_t type : {0x8100, 0x88a8, 0x9100, 0x9200}) {
    check({{"one", kEth, ethernet(type) + rest, kIsV4 + " vlan 3"},
           {"in 8100", kEth, ethernet(0x8100) + tag(2, type) + rest, kIsV4 + " vlan 2"},
           {"in 88a8", kEth, ethernet(0x88a8) + tag(2, type) + rest, kIsV4 + " vlan 2"},
           {"three", kEth, ethernet(type) + tag(4, type) + tag(5, type) + rest, kIsV4 + " vlan 4"}});
  }
}

TEST(LinkLayer, VlanIsTheTwelveBitsOfTheOutermostTag) {
  check(
      {{"priority and DEI set", kEth, ethernet(0x8100) + tag(0xf123, 0x0800) + kV4, kIsV4 + " vlan 291"},
       {"largest", kEth, ethernet(0x8100) + tag(0xffff, 0x86dd) + kV6, kIsV6 + " vlan 4095"},
       {"priority tag", kEth, ethernet(0x8100) + tag(0xe000, 0x0800) + kV4, kIsV4},
       {"priority tag around a tag", kEth, ethernet(0x8100) + tag(0xe000, 0x8100) + tag(9, 0x0800) + kV4,
        kIsV4},
       {"tag behind SNAP", kEth, ethernet(100) + snap(0x8100) + tag(9, 0x0800) + kV4, kIsV4 + " vlan 9"},
       {"tag before SNAP", kEth, ethernet(0x8100) + tag(9, 100) + snap(0x0800) + kV4, kIsV4 + " vlan 9"},
       {"tag before PPPoE", kEth, ethernet(0x8100) + tag(9, 0x8864) + pppoe() + be16(0x0021) + kV4,
        kIsV4 + " vlan 9"},
       {"tag before MPLS", kEth, ethernet(0x8100) + tag(9, 0x8847) + mpls(16, true) + kV6, kIsV6 + " vlan 9"},
       {"tag behind Linux cooked", LinkType::kLinuxCooked, cooked(0x8100) + tag(9, 0x0800) + kV4,
        kIsV4 + " vlan 9"}});
}

TEST(LinkLayer, MplsStackIsSkippedAndTheNibbleTellsTheVersion) {
  for (uint16_t type : {0x8847, 0x8848}) {
    check({{"one label", kEth, ethernet(type) + mpls(16, true) + kV4, kIsV4},
           {"three labels", kEth,
            ethernet(type) + mpls(16, false) + mpls(0xfffff, false) + mpls(2, true) + kV6, kIsV6},
           {"control word", kEth, ethernet(type) + mpls(16, true) + zeros(40), "mpls_payload"},
           {"Ethernet", kEth, ethernet(type) + mpls(16, true) + ethernet(0x0800) + kV4, "mpls_payload"}});
  }
}

TEST(LinkLayer, PppoeSessionsCarryPpp) {
  const Bytes head = ethernet(0x8864) + pppoe();
  check({{"IPv4", kEth, head + be16(0x0021) + kV4, kIsV4},
         {"IPv6", kEth, head + be16(0x0057) + kV6, kIsV6},
         {"IPv4, protocol field compressed", kEth, head + Bytes{0x21} + kV4, kIsV4},
         {"IPv6, protocol field compressed", kEth, head + Bytes{0x57} + kV6, kIsV6},
         {"MPLS", kEth, head + be16(0x0281) + mpls(16, true) + kV4, kIsV4},
         {"MPLS upstream", kEth, head + be16(0x0283) + mpls(16, true) + kV6, kIsV6},
         {"LCP", kEth, head + be16(0xc021) + zeros(40), "ppp_protocol"},
         {"IPCP", kEth, head + be16(0x8021) + zeros(40), "ppp_protocol"},
         {"address and control do not belong here", kEth, head + be16(0xff03) + be16(0x0021) + kV4,
          "ppp_protocol"}});
}

TEST(LinkLayer, SnapWithOuiZeroOrThatOfBridgesCarriesAnEthertype) {
  Bytes other_oui = ethernet(100) + snap(0x0800) + kV4;
  other_oui[17] = 0x01;
  check(
      {{"OUI 000000", kEth, ethernet(100) + snap(0x0800) + kV4, kIsV4},
       {"OUI 0000f8", kEth, ethernet(100) + snap(0x86dd, 0xf8) + kV6, kIsV6},
       {"length 0", kEth, ethernet(0) + snap(0x0800) + kV4, kIsV4},
       {"length 1500", kEth, ethernet(1500) + snap(0x0800) + kV4, kIsV4},
       {"SNAP in SNAP by way of a tag", kEth, ethernet(100) + snap(0x8100) + tag(9, 100) + snap(0x0800) + kV4,
        kIsV4 + " vlan 9"},
       {"OUI 00000c", kEth, ethernet(100) + snap(0x0800, 0x0c) + kV4, "llc"},
       {"OUI 010000", kEth, other_oui, "llc"},
       {"a length where the ethertype belongs", kEth, ethernet(100) + snap(1500) + snap(0x0800) + kV4, "llc"},
       {"STP", kEth, ethernet(38) + Bytes{0x42, 0x42, 0x03} + zeros(43), "llc"},
       {"IS-IS", kEth, ethernet(1500) + Bytes{0xfe, 0xfe, 0x03} + zeros(43), "llc"},
       {"nothing behind the length", kEth, ethernet(0), "llc"}});
}

TEST(LinkLayer, RawIpIsToldByItsFirstNibble) {
  for (LinkType link : {LinkType::kRaw, LinkType::kRawBsd, LinkType::kRawOpenBsd}) {
    check({{"IPv4", link, kV4, kIsV4},
           {"IPv6", link, kV6, kIsV6},
           {"other", link, Bytes{0x50} + zeros(40), "raw_payload"},
           {"empty", link, {}, "link_header_truncated"}});
  }
}

TEST(LinkLayer, RawIpOfOneVersionMustBeOfThatVersion) {
  check({{"4 in IPv4", LinkType::kIpv4, kV4, kIsV4},
         {"6 in IPv6", LinkType::kIpv6, kV6, kIsV6},
         {"6 in IPv4", LinkType::kIpv4, kV6, "ipv4_bad_version"},
         {"4 in IPv6", LinkType::kIpv6, kV4, "ipv6_bad_version"},
         {"nothing in IPv4", LinkType::kIpv4, {}, "ipv4_header_truncated"},
         {"nothing in IPv6", LinkType::kIpv6, {}, "ipv6_header_truncated"}});
}

TEST(LinkLayer, LoopbackFamiliesAreThoseOfEverySystem) {
  for (uint8_t family = 0; family < 64; ++family) {
    const bool v6 = family == 10 || family == 23 || family == 24 || family == 28 || family == 30;
    const std::string expected = family == 2 ? kIsV4 : v6 ? kIsV6 : "address_family";
    const Bytes& ip = v6 ? kV6 : kV4;
    const Bytes big{0, 0, 0, family}, little{family, 0, 0, 0};
    EXPECT_EQ(outcome(LinkType::kNull, big + ip), expected);
    EXPECT_EQ(outcome(LinkType::kLoop, big + ip), expected);
    EXPECT_EQ(outcome(LinkType::kNull, little + ip), expected);
    EXPECT_EQ(outcome(LinkType::kLoop, little + ip), "address_family");
  }
  EXPECT_EQ(outcome(LinkType::kNull, Bytes{0, 2, 0, 0} + kV4), "address_family");
  EXPECT_EQ(outcome(LinkType::kNull, Bytes{0, 0, 2, 0} + kV4), "address_family");
}

TEST(LinkLayer, LinuxCookedCarriesWhatEthernetDoes) {
  for (bool v2 : {false, true}) {
    const LinkType link = v2 ? LinkType::kLinuxCooked2 : LinkType::kLinuxCooked;
    const auto head = v2 ? cooked2 : cooked;
    check({{"IPv4", link, head(0x0800) + kV4, kIsV4},
           {"IPv6", link, head(0x86dd) + kV6, kIsV6},
           {"802.2 frames are protocol 4", link, head(4) + snap(0x0800) + kV4, kIsV4},
           {"MPLS", link, head(0x8847) + mpls(16, true) + kV4, kIsV4}});
  }
}

TEST(LinkLayer, PppLinksComeWithOrWithoutHdlcHeaders) {
  const LinkType ppp = LinkType::kPpp;
  check({{"bare", ppp, be16(0x0021) + kV4, kIsV4},
         {"bare, compressed", ppp, Bytes{0x57} + kV6, kIsV6},
         {"address and control", ppp, be16(0xff03) + be16(0x0057) + kV6, kIsV6},
         {"address and control, compressed", ppp, be16(0xff03) + Bytes{0x21} + kV4, kIsV4},
         {"MPLS", ppp, be16(0x0281) + mpls(16, true) + kV4, kIsV4},
         {"Cisco HDLC unicast", ppp, be16(0x0f00) + be16(0x0800) + kV4, kIsV4},
         {"Cisco HDLC broadcast", ppp, be16(0x8f00) + be16(0x86dd) + kV6, kIsV6},
         {"Cisco HDLC, SLARP", ppp, be16(0x8f00) + be16(0x8035) + zeros(20), "ethertype 8035"},
         {"LCP", ppp, be16(0xff03) + be16(0xc021) + zeros(40), "ppp_protocol"},
         {"address without control", ppp, be16(0xff04) + be16(0x0021) + kV4, "ppp_protocol"}});
}

TEST(LinkLayer, OtherLinkTypesAreRefused) {
  for (uint16_t link : {2, 6, 50, 51, 104, 105, 127, 192, 65535}) {
    EXPECT_EQ(outcome(LinkType(link), ethernet(0x0800) + kV4), "unsupported_link_type");
  }
}

TEST(LinkLayer, NestingIsBounded) {
  const Bytes vlan = tag(7, 0x8100), last = tag(7, 0x0800);
  const int most = kMaxLinkHeaders;
  const auto labels = [](int n) { return repeat(mpls(16, false), n - 1) + mpls(16, true); };
  check({{"tags", kEth, ethernet(0x8100) + repeat(vlan, most - 1) + last + kV4, kIsV4 + " vlan 7"},
         {"a tag too many", kEth, ethernet(0x8100) + repeat(vlan, most) + last + kV4, "too_many_headers"},
         {"labels", kEth, ethernet(0x8847) + labels(most) + kV4, kIsV4},
         {"a label too many", kEth, ethernet(0x8847) + labels(most + 1) + kV4, "too_many_headers"},
         {"labels and tags count together", kEth,
          ethernet(0x8100) + repeat(vlan, most / 2) + tag(7, 0x8847) + labels(most / 2) + kV4,
          "too_many_headers"},
         {"tags and PPPoE", kEth,
          ethernet(0x8100) + repeat(vlan, most - 1) + tag(7, 0x8864) + pppoe() + be16(0x0021) + kV4,
          "too_many_headers"},
         {"tags and SNAP", kEth, ethernet(0x8100) + repeat(vlan, most - 1) + tag(7, 100) + snap(0x0800) + kV4,
          "too_many_headers"}});
}

}  // namespace
}  // namespace netspectra::test

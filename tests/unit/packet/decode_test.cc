// What holds for every frame: cut anywhere, and changed anywhere.
#include "packet/decode.h"

#include <algorithm>
#include <random>

#include "frames.h"

namespace netspectra::test {
namespace {

// A frame, and what it decodes to when `from` bytes or more of it are captured.
struct Step {
  size_t from;
  std::string expected;
};
struct CutFrame {
  const char* name;
  LinkType link;
  Bytes frame;
  std::vector<Step> steps;
};

std::vector<CutFrame> cut_frames() {
  const std::string short_link = "link_header_truncated";
  const std::string short_v4 = "ipv4_header_truncated", short_v6 = "ipv6_header_truncated";
  const Bytes v4_tcp = ipv4({}, tcp()), v4_udp = ipv4({.protocol = 17}, udp());
  const Bytes v6_tcp = ipv6({}, tcp()), v6_udp = ipv6({.next = 17}, udp());
  const Bytes chain =
      Bytes{44, 0} + zeros(6) + Bytes{60, 0, 0, 1} + zeros(4) + Bytes{17, 1} + zeros(14) + udp();
  return {
      {"IPv4 TCP",
       kEth,
       ethernet(0x0800) + v4_tcp,
       {{0, short_link},
        {14, short_v4},
        {34, kV4NoPorts + "6"},
        {38, kV4Ports + "6"},
        {48, kV4Ports + "6 flags 12"}}},
      {"IPv4 UDP",
       kEth,
       ethernet(0x0800) + v4_udp,
       {{0, short_link}, {14, short_v4}, {34, kV4NoPorts + "17"}, {38, kV4Ports + "17"}}},
      {"IPv4 with options",
       kEth,
       ethernet(0x0800) + ipv4({.options = zeros(8)}, tcp()),
       {{0, short_link},
        {14, short_v4},
        {42, kV4NoPorts + "6"},
        {46, kV4Ports + "6"},
        {56, kV4Ports + "6 flags 12"}}},
      {"IPv6 TCP",
       kEth,
       ethernet(0x86dd) + v6_tcp,
       {{0, short_link},
        {14, short_v6},
        {54, kV6NoPorts + "6"},
        {58, kV6Ports + "6"},
        {68, kV6Ports + "6 flags 12"}}},
      {"one tag, IPv4",
       kEth,
       ethernet(0x8100) + tag(5, 0x0800) + v4_tcp,
       {{0, short_link},
        {18, short_v4},
        {38, kV4NoPorts + "6 vlan 5"},
        {42, kV4Ports + "6 vlan 5"},
        {52, kV4Ports + "6 vlan 5 flags 12"}}},
      {"one tag, IPv6",
       kEth,
       ethernet(0x8100) + tag(5, 0x86dd) + v6_tcp,
       {{0, short_link},
        {18, short_v6},
        {58, kV6NoPorts + "6 vlan 5"},
        {62, kV6Ports + "6 vlan 5"},
        {72, kV6Ports + "6 vlan 5 flags 12"}}},
      {"two tags, PPPoE",
       kEth,
       ethernet(0x88a8) + tag(5, 0x8100) + tag(6, 0x8864) + pppoe() + be16(0x0021) + v4_udp,
       {{0, short_link}, {30, short_v4}, {50, kV4NoPorts + "17 vlan 5"}, {54, kV4Ports + "17 vlan 5"}}},
      {"PPPoE, compressed protocol field",
       kEth,
       ethernet(0x8864) + pppoe() + Bytes{0x21} + v4_udp,
       {{0, short_link}, {22, short_v4}, {41, kV4NoPorts + "17"}, {45, kV4Ports + "17"}}},
      {"two labels",
       kEth,
       ethernet(0x8847) + mpls(16, false) + mpls(17, true) + v6_udp,
       {{0, short_link}, {23, short_v6}, {62, kV6NoPorts + "17"}, {66, kV6Ports + "17"}}},
      {"SNAP",
       kEth,
       ethernet(100) + snap(0x0800) + v4_udp,
       {{0, short_link}, {14, "llc"}, {22, short_v4}, {42, kV4NoPorts + "17"}, {46, kV4Ports + "17"}}},
      {"extension headers",
       kEth,
       ethernet(0x86dd) + ipv6({.next = 0}, chain),
       {{0, short_link},
        {14, short_v6},
        {54, kV6NoPorts + "0"},
        {62, kV6NoPorts + "44"},
        {70, kV6NoPorts + "60 fragment"},
        {86, kV6NoPorts + "17 fragment"},
        {90, kV6Ports + "17 fragment"}}},
      {"ARP", kEth, ethernet(0x0806) + zeros(46), {{0, short_link}, {14, "ethertype 0806"}}},
      {"Linux cooked",
       LinkType::kLinuxCooked,
       cooked(0x0800) + v4_udp,
       {{0, short_link}, {16, short_v4}, {36, kV4NoPorts + "17"}, {40, kV4Ports + "17"}}},
      {"Linux cooked 2",
       LinkType::kLinuxCooked2,
       cooked2(0x86dd) + v6_udp,
       {{0, short_link}, {20, short_v6}, {60, kV6NoPorts + "17"}, {64, kV6Ports + "17"}}},
      {"BSD null",
       LinkType::kNull,
       Bytes{30, 0, 0, 0} + v6_udp,
       {{0, short_link}, {4, short_v6}, {44, kV6NoPorts + "17"}, {48, kV6Ports + "17"}}},
      {"BSD loop",
       LinkType::kLoop,
       Bytes{0, 0, 0, 2} + v4_udp,
       {{0, short_link}, {4, short_v4}, {24, kV4NoPorts + "17"}, {28, kV4Ports + "17"}}},
      {"PPP in HDLC",
       LinkType::kPpp,
       be16(0xff03) + be16(0x0021) + v4_udp,
       {{0, short_link}, {4, short_v4}, {24, kV4NoPorts + "17"}, {28, kV4Ports + "17"}}},
      {"Cisco HDLC",
       LinkType::kPpp,
       be16(0x0f00) + be16(0x0800) + v4_udp,
       {{0, short_link}, {4, short_v4}, {24, kV4NoPorts + "17"}, {28, kV4Ports + "17"}}},
      {"raw",
       LinkType::kRaw,
       v6_udp,
       {{0, short_link}, {1, short_v6}, {40, kV6NoPorts + "17"}, {44, kV6Ports + "17"}}},
      {"raw IPv4", LinkType::kIpv4, v4_udp, {{0, short_v4}, {20, kV4NoPorts + "17"}, {24, kV4Ports + "17"}}},
  };
}

TEST(Decode, FrameCutAnywhereGivesWhatItsBytesTell) {
  for (const CutFrame& c : cut_frames()) {
    for (size_t captured = 0; captured <= c.frame.size(); ++captured) {
      const auto step =
          std::find_if(c.steps.rbegin(), c.steps.rend(), [&](const Step& s) { return s.from <= captured; });
      const Bytes cut(c.frame.begin(), c.frame.begin() + ptrdiff_t(captured));
      ASSERT_EQ(outcome(c.link, cut), step->expected) << c.name << " cut to " << captured << " bytes";
    }
  }
}

TEST(Decode, BytesBehindTheDatagramChangeNothing) {
  for (const CutFrame& c : cut_frames()) {
    EXPECT_EQ(outcome(c.link, c.frame + Bytes(64, 0xff)), c.steps.back().expected) << c.name;
  }
}

TEST(Decode, EveryReasonIsReached) {
  // The reasons that no cut_frames() entry gives are here; together they are all that have a name.
  std::vector<bool> seen(kDropReasonCount);
  const auto see = [&](LinkType link, const Bytes& frame) {
    seen[size_t(decode_bytes(link, frame).verdict.reason)] = true;
  };
  for (const CutFrame& c : cut_frames()) {
    for (size_t n = 0; n <= c.frame.size(); ++n)
      see(c.link, Bytes(c.frame.begin(), c.frame.begin() + ptrdiff_t(n)));
  }
  see(kEth, ethernet(0x0800) + Bytes{0x65});
  see(kEth, ethernet(0x0800) + Bytes{0x41});
  see(kEth, ethernet(0x0800) + ipv4({.total = 19}, {}));
  see(kEth, ethernet(0x86dd) + Bytes{0x45});
  see(kEth, ethernet(0x8847) + mpls(16, true) + zeros(4));
  see(LinkType::kPpp, be16(0xc021));
  see(LinkType::kLoop, Bytes{0, 0, 0, 99});
  see(LinkType::kRaw, Bytes{0});
  see(kEth, ethernet(0x8847) + repeat(mpls(16, false), 2000));
  see(LinkType(127), {});
  for (size_t i = 0; i < kDropReasonCount; ++i) EXPECT_TRUE(seen[i]) << kDropReasonNames[i];
}

// decode_bytes() compares the two paths; here they get frames that are nearly, but not quite, common.
TEST(Decode, ShortPathAgreesWithTheGeneralPathOnChangedFrames) {
  std::mt19937 random(20221111);
  const auto below = [&](size_t n) { return size_t(random() % n); };
  constexpr uint8_t kTelling[] = {0x00, 0x01, 0x04, 0x06, 0x08, 0x0d, 0x11, 0x14,
                                  0x22, 0x45, 0x46, 0x60, 0x81, 0x86, 0xdd, 0xff};
  const std::vector<CutFrame> frames = cut_frames();
  int common = 0, not_common = 0;
  for (int i = 0; i < 300'000; ++i) {
    Bytes bytes = frames[below(frames.size())].frame;
    if (below(2)) bytes = bytes + zeros(below(40));
    for (size_t changes = below(4); changes > 0; --changes) {
      const size_t at = below(2) ? below(bytes.size()) : 12 + below(std::min<size_t>(bytes.size() - 12, 36));
      bytes[at] = below(2) ? kTelling[below(std::size(kTelling))] : uint8_t(random());
    }
    if (below(3) == 0) bytes.resize(below(bytes.size() + 1));
    decode_bytes(kEth, bytes);
    Packet packet;
    const Frame frame{bytes.data(), 0, 0, uint32_t(bytes.size()), 0, kEth};
    ++(decode_common(frame, packet) ? common : not_common);
    ASSERT_FALSE(HasFailure()) << "after " << i << " frames";
  }
  EXPECT_GT(common, 30'000);
  EXPECT_GT(not_common, 30'000);
}

TEST(Decode, WhatNearlyEveryPacketIsTakesTheShortPath) {
  for (const Bytes& link : {ethernet(0x0800), ethernet(0x8100) + tag(5, 0x0800)}) {
    for (const Bytes& ip : {ipv4({.fragment = 0x4000}, tcp()), ipv4({.protocol = 17}, udp() + zeros(6))}) {
      const Bytes bytes = link + ip;
      Packet packet;
      EXPECT_TRUE(decode_common({bytes.data(), 0, 0, uint32_t(bytes.size()), 0, kEth}, packet));
    }
  }
  for (const Bytes& link : {ethernet(0x86dd), ethernet(0x8100) + tag(5, 0x86dd)}) {
    for (const Bytes& ip : {ipv6({}, tcp()), ipv6({.next = 17}, udp() + zeros(6))}) {
      const Bytes bytes = link + ip;
      Packet packet;
      EXPECT_TRUE(decode_common({bytes.data(), 0, 0, uint32_t(bytes.size()), 0, kEth}, packet));
    }
  }
}

}  // namespace
}  // namespace netspectra::test

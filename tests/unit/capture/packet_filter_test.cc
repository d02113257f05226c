// pcap-filter expressions over frames of every supported link type.
#include "capture/packet_filter.h"

#include <gtest/gtest.h>

#include <thread>
#include <utility>

#include "capture_builder.h"

namespace netspectra::testing {
namespace {

constexpr LinkType kEveryLink[] = {LinkType::kNull,        LinkType::kEthernet,    LinkType::kPpp,
                                   LinkType::kRawBsd,      LinkType::kRawOpenBsd,  LinkType::kRaw,
                                   LinkType::kLoop,        LinkType::kIpv4,        LinkType::kIpv6,
                                   LinkType::kLinuxCooked, LinkType::kLinuxCooked2};

Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// UDP 10.0.0.1:1000 -> 10.0.0.2:53
Bytes ipv4_udp() {
  return {0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 3, 0xe8, 0, 53, 0, 8, 0, 0};
}
// TCP SYN [2001:db8::1]:1000 -> [2001:db8::2]:443
Bytes ipv6_tcp() {
  Bytes b = {0x60, 0, 0, 0, 0,    20, 6,    64,   0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0,
             0,    0, 0, 1, 0x20, 1,  0x0d, 0xb8, 0,    0, 0,    0,    0, 0, 0, 0, 0, 0, 0, 2};
  return b + Bytes{3, 0xe8, 1, 0xbb, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, 2, 0, 0, 0, 0, 0, 0};
}
Bytes ethernet(uint16_t ethertype, const Bytes& rest) {
  return Bytes{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1} +
         Bytes{static_cast<uint8_t>(ethertype >> 8), static_cast<uint8_t>(ethertype)} + rest;
}
Bytes linux_cooked(const Bytes& rest, uint16_t ethertype) {
  return Bytes{0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0} +
         Bytes{static_cast<uint8_t>(ethertype >> 8), static_cast<uint8_t>(ethertype)} + rest;
}
Bytes linux_cooked2(const Bytes& rest, uint16_t ethertype) {
  return Bytes{static_cast<uint8_t>(ethertype >> 8), static_cast<uint8_t>(ethertype)} +
         Bytes{0, 0, 0, 0, 0, 1, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0} + rest;
}

std::unique_ptr<PacketFilter> filter_of(const std::string& expression, const std::vector<LinkType>& links) {
  auto filter = PacketFilter::compile(expression, links);
  EXPECT_TRUE(filter.ok()) << filter.status().ToString();
  return filter.ok() ? *std::move(filter) : nullptr;
}

std::string error_of(const std::string& expression, const std::vector<LinkType>& links) {
  const auto filter = PacketFilter::compile(expression, links);
  return filter.ok() ? "" : std::string(filter.status().message());
}

bool matches(const PacketFilter& filter, LinkType link, const Bytes& bytes, uint32_t wire_len = 0) {
  // At the end of an allocation of its own, so that a read beyond it is seen.
  const std::unique_ptr<uint8_t[]> exact(new uint8_t[bytes.size()]);
  std::memcpy(exact.get(), bytes.data(), bytes.size());
  const auto size = static_cast<uint32_t>(bytes.size());
  return filter.matches({exact.get(), 0, 0, size, wire_len == 0 ? size : wire_len, link});
}

TEST(PacketFilter, FindsIpUnderEveryLinkHeader) {
  struct Case {
    LinkType link;
    Bytes header4, header6;
  };
  const Case cases[] = {
      {LinkType::kEthernet, ethernet(0x0800, {}), ethernet(0x86dd, {})},
      {LinkType::kRaw, {}, {}},
      {LinkType::kRawBsd, {}, {}},
      {LinkType::kRawOpenBsd, {}, {}},
      {LinkType::kLinuxCooked, linux_cooked({}, 0x0800), linux_cooked({}, 0x86dd)},
      {LinkType::kLinuxCooked2, linux_cooked2({}, 0x0800), linux_cooked2({}, 0x86dd)},
      // Loopback: the family in the writer's byte order, IPv6 under each system's number.
      {LinkType::kNull, {2, 0, 0, 0}, {10, 0, 0, 0}},
      {LinkType::kNull, {2, 0, 0, 0}, {30, 0, 0, 0}},
      {LinkType::kNull, {0, 0, 0, 2}, {0, 0, 0, 10}},
      {LinkType::kNull, {0, 0, 0, 2}, {0, 0, 0, 24}},
      {LinkType::kLoop, {0, 0, 0, 2}, {0, 0, 0, 10}},
      {LinkType::kLoop, {0, 0, 0, 2}, {0, 0, 0, 28}},
      // PPP: with and without address and control, protocol of two bytes and of one; Cisco HDLC.
      {LinkType::kPpp, {0xff, 3, 0, 0x21}, {0xff, 3, 0, 0x57}},
      {LinkType::kPpp, {0xff, 3, 0x21}, {0xff, 3, 0x57}},
      {LinkType::kPpp, {0, 0x21}, {0, 0x57}},
      {LinkType::kPpp, {0x21}, {0x57}},
      {LinkType::kPpp, {0x0f, 0, 8, 0}, {0x8f, 0, 0x86, 0xdd}},
  };
  for (const Case& c : cases) {
    const auto udp = filter_of("src host 10.0.0.1 and udp dst port 53", {c.link});
    const auto tcp = filter_of("ip6 and tcp port 443", {c.link});
    ASSERT_TRUE(udp && tcp);
    const int link = static_cast<int>(c.link);
    EXPECT_TRUE(matches(*udp, c.link, c.header4 + ipv4_udp())) << link;
    EXPECT_FALSE(matches(*udp, c.link, c.header6 + ipv6_tcp())) << link;
    EXPECT_TRUE(matches(*tcp, c.link, c.header6 + ipv6_tcp())) << link;
    EXPECT_FALSE(matches(*tcp, c.link, c.header4 + ipv4_udp())) << link;
  }
  const auto four = filter_of("udp port 53", {LinkType::kIpv4});
  const auto six = filter_of("tcp port 443", {LinkType::kIpv6});
  EXPECT_TRUE(matches(*four, LinkType::kIpv4, ipv4_udp()));
  EXPECT_TRUE(matches(*six, LinkType::kIpv6, ipv6_tcp()));
  EXPECT_FALSE(matches(*six, LinkType::kIpv4, ipv4_udp()));
}

TEST(PacketFilter, AnyLengthOfAnyFrameIsReadWithinItsBounds) {
  const auto filter = filter_of("udp port 53 or tcp port 443", {});
  for (const LinkType link : kEveryLink) {
    for (size_t length = 0; length <= 64; ++length) {
      for (const Bytes& head : {Bytes{0xff, 3, 0, 0x21}, Bytes{0, 0, 0, 2}, Bytes{2, 0, 0, 0}, Bytes{0x21}}) {
        Bytes frame = head + ipv4_udp() + Bytes(40, 0);
        frame.resize(length);
        matches(*filter, link, frame, 1500);
      }
    }
  }
}

TEST(PacketFilter, WhatIsNotCapturedDoesNotMatch) {
  const auto filter = filter_of("udp dst port 53", {});
  const std::pair<LinkType, Bytes> heads[] = {{LinkType::kEthernet, ethernet(0x0800, {})},
                                              {LinkType::kNull, {2, 0, 0, 0}},
                                              {LinkType::kNull, {0, 0, 0, 2}},
                                              {LinkType::kPpp, {0x21}}};
  for (const auto& [link, head] : heads) {
    const Bytes frame = head + ipv4_udp();
    const auto port_end = static_cast<uint32_t>(head.size() + 24);
    EXPECT_TRUE(filter->matches({frame.data(), 0, 0, port_end, 1500, link}));
    EXPECT_FALSE(filter->matches({frame.data(), 0, 0, port_end - 1, 1500, link}))
        << "but its bytes are there";
  }
}

TEST(PacketFilter, LengthsInAnExpressionAreThoseOnTheWire) {
  const auto filter = filter_of("greater 1000", {LinkType::kEthernet, LinkType::kNull});
  const Bytes frame = ethernet(0x0800, ipv4_udp());
  EXPECT_TRUE(matches(*filter, LinkType::kEthernet, frame, 1000));
  EXPECT_FALSE(matches(*filter, LinkType::kEthernet, frame, 999));
  const Bytes foreign = Bytes{0, 0, 0, 2} + ipv4_udp();
  EXPECT_TRUE(matches(*filter, LinkType::kNull, foreign, 1000)) << "also where its header is passed over";
  EXPECT_FALSE(matches(*filter, LinkType::kNull, foreign, 999));
}

TEST(PacketFilter, ABadExpressionFailsWithItselfAndLibpcapsMessage) {
  EXPECT_EQ(error_of("host", {LinkType::kEthernet}),
            "--filter 'host': can't parse filter expression: syntax error");
  EXPECT_EQ(error_of("tcp port nosuchport", {}), "--filter 'tcp port nosuchport': unknown port 'nosuchport'");
  EXPECT_EQ(error_of("vlan 7", {LinkType::kRaw}), "--filter 'vlan 7': no VLAN support for Raw IP");
}

TEST(PacketFilter, WhatMakesNoSenseForALinkTypeOutsideTheListMatchesNoneOfItsFrames) {
  EXPECT_NE(error_of("vlan 7", {LinkType::kEthernet, LinkType::kRaw}), "");
  const auto filter = filter_of("vlan 7", {LinkType::kEthernet, LinkType{105}});
  EXPECT_TRUE(matches(*filter, LinkType::kEthernet, ethernet(0x8100, Bytes{0, 7, 8, 0} + ipv4_udp())));
  EXPECT_FALSE(matches(*filter, LinkType::kEthernet, ethernet(0x8100, Bytes{0, 8, 8, 0} + ipv4_udp())));
  EXPECT_FALSE(matches(*filter, LinkType::kRaw, ipv4_udp()));
  EXPECT_FALSE(matches(*filter, LinkType{105}, ethernet(0x8100, Bytes{0, 7, 8, 0} + ipv4_udp())));
}

TEST(PacketFilter, WhatCanMatchNothingIsAnErrorUnlessAnotherLinkTypeCan) {
  EXPECT_EQ(error_of("ip and ip6", {LinkType::kEthernet}),
            "--filter 'ip and ip6': expression rejects all packets");
  EXPECT_EQ(error_of("ip6", {LinkType::kIpv4}), "--filter 'ip6': expression rejects all packets");
  const auto filter = filter_of("ip6", {LinkType::kIpv4, LinkType::kEthernet});
  ASSERT_NE(filter, nullptr);
  EXPECT_FALSE(matches(*filter, LinkType::kIpv4, ipv4_udp()));
  EXPECT_TRUE(matches(*filter, LinkType::kEthernet, ethernet(0x86dd, ipv6_tcp())));
}

TEST(PacketFilter, MatchesFromSeveralThreadsAtOnce) {
  const auto filter = filter_of("udp", {LinkType::kEthernet});
  const Bytes yes = ethernet(0x0800, ipv4_udp()), no = ethernet(0x86dd, ipv6_tcp());
  std::vector<std::thread> threads;
  std::vector<int> wrong(4, 0);
  for (size_t t = 0; t < wrong.size(); ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 10000; ++i) {
        wrong[t] += !matches(*filter, LinkType::kEthernet, yes) + matches(*filter, LinkType::kEthernet, no);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, std::vector<int>(4, 0));
}

}  // namespace
}  // namespace netspectra::testing

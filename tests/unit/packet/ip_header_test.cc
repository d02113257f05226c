// The rules "counted as IP", "ports" and "IPv6" of docs/measurement.md.
#include "packet/ip_header.h"

#include "frames.h"

namespace netspectra::test {
namespace {

std::string of_ipv4(const Bytes& datagram) { return outcome(kEth, ethernet(0x0800) + datagram); }
std::string of_ipv6(const Bytes& datagram) { return outcome(kEth, ethernet(0x86dd) + datagram); }

// An extension header of `units` * 8 bytes (the fragment header excepted).
Bytes extension(uint8_t next, int units = 1) {
  return Bytes{next, uint8_t(units - 1)} + zeros(size_t(units) * 8 - 2);
}
Bytes fragment_header(uint8_t next, uint16_t offset_and_more) {
  return Bytes{next, 0xff} + be16(offset_and_more) + zeros(4);
}
Bytes authentication(uint8_t next, int words = 6) {
  return Bytes{next, uint8_t(words - 2)} + zeros(size_t(words) * 4 - 2);
}

TEST(Ipv4, TcpGivesTheWholeKeyItsFlagsAndItsTos) {
  EXPECT_EQ(of_ipv4(ipv4({.protocol = 6, .tos = 0xb8}, tcp(0x12))), kV4Ports + "6 flags 12 tos b8");
}

TEST(Ipv4, LengthAndTimeAreTheFrames) {
  const Decoded d = decode_bytes(kEth, ethernet(0x0800) + ipv4({}, tcp()), 9018, 1'700'000'000'123'456'789);
  EXPECT_EQ(d.packet.len_bytes, 9018u);
  EXPECT_EQ(d.packet.ts_ns, 1'700'000'000'123'456'789u);
}

TEST(Ipv4, ProtocolsWithPortsAreTcpUdpDccpSctpAndUdpLite) {
  for (int protocol = 0; protocol < 256; ++protocol) {
    const bool ports =
        protocol == 6 || protocol == 17 || protocol == 33 || protocol == 132 || protocol == 136;
    const std::string expected =
        (ports ? kV4Ports : kV4NoPorts) + std::to_string(protocol) + (protocol == 6 ? " flags 12" : "");
    EXPECT_EQ(of_ipv4(ipv4({.protocol = uint8_t(protocol)}, tcp())), expected);
  }
}

TEST(Ipv4, TcpFlagsAreTheEightBitsOfByte13) {
  for (int flags = 1; flags < 256; ++flags) {
    char text[8];
    std::snprintf(text, sizeof(text), "%02x", unsigned(flags));
    EXPECT_EQ(of_ipv4(ipv4({}, tcp(uint8_t(flags)))), kV4Ports + "6 flags " + text);
  }
}

TEST(Ipv4, EmptyPayloadIsATruncatedHeader) { EXPECT_EQ(of_ipv4({}), "ipv4_header_truncated"); }

TEST(Ipv4, VersionMustBe4) {
  for (int version = 0; version < 16; ++version) {
    Bytes datagram = ipv4({}, tcp());
    datagram[0] = uint8_t(version << 4 | 5);
    EXPECT_EQ(of_ipv4(datagram), version == 4 ? kV4Ports + "6 flags 12" : "ipv4_bad_version");
  }
}

TEST(Ipv4, IhlMustBeAtLeast5) {
  for (uint8_t ihl = 0; ihl < 5; ++ihl) {
    Bytes datagram = ipv4({}, tcp());
    datagram[0] = 0x40 | ihl;
    EXPECT_EQ(of_ipv4(datagram), "ipv4_bad_ihl");
  }
}

TEST(Ipv4, FirstFaultInTheOrderVersionIhlTruncationLengthNamesTheRefusal) {
  EXPECT_EQ(of_ipv4({0x60}), "ipv4_bad_version");
  EXPECT_EQ(of_ipv4({0x44}), "ipv4_bad_ihl");
  EXPECT_EQ(of_ipv4({0x45}), "ipv4_header_truncated");
  EXPECT_EQ(of_ipv4({0x45, 0, 0, 1}), "ipv4_header_truncated");
  EXPECT_EQ(of_ipv4(ipv4({.total = 1}, {})), "ipv4_bad_total_length");
}

TEST(Ipv4, OptionsAreSkippedUpToTheLargestHeader) {
  for (size_t words = 0; words <= 10; ++words) {
    EXPECT_EQ(of_ipv4(ipv4({.options = zeros(words * 4)}, tcp())), kV4Ports + "6 flags 12");
  }
}

TEST(Ipv4, OptionsMustBeCapturedWhole) {
  Bytes datagram = ipv4({.options = zeros(40)}, {});
  EXPECT_EQ(of_ipv4(datagram), kV4NoPorts + "6");
  datagram.pop_back();
  EXPECT_EQ(of_ipv4(datagram), "ipv4_header_truncated");
}

TEST(Ipv4, TotalLengthMustHoldTheHeaderOrBeZero) {
  for (int total = 1; total < 24; ++total) {
    EXPECT_EQ(of_ipv4(ipv4({.total = total, .options = zeros(4)}, tcp())), "ipv4_bad_total_length");
  }
  EXPECT_EQ(of_ipv4(ipv4({.total = 24, .options = zeros(4)}, tcp())), kV4NoPorts + "6");
}

TEST(Ipv4, TotalLengthZeroGivesNoBound) {
  EXPECT_EQ(of_ipv4(ipv4({.total = 0}, tcp())), kV4Ports + "6 flags 12");
  EXPECT_EQ(of_ipv4(ipv4({.protocol = 17, .total = 0}, udp() + zeros(20))), kV4Ports + "17");
}

TEST(Ipv4, PortsAndFlagsLieInsideTheTotalLength) {
  for (int inside = 0; inside <= 20; ++inside) {
    const std::string ports = inside >= 4 ? kV4Ports : kV4NoPorts;
    EXPECT_EQ(of_ipv4(ipv4({.total = 20 + inside}, tcp())), ports + (inside >= 14 ? "6 flags 12" : "6"));
    EXPECT_EQ(of_ipv4(ipv4({.protocol = 17, .total = 20 + inside}, udp() + zeros(20))), ports + "17");
  }
}

TEST(Ipv4, TotalLengthBeyondTheCaptureIsNoFault) {
  EXPECT_EQ(of_ipv4(ipv4({.total = 65535}, tcp())), kV4Ports + "6 flags 12");
}

TEST(Ipv4, FirstFragmentHasPortsAndLaterOnesHaveNone) {
  EXPECT_EQ(of_ipv4(ipv4({.fragment = 0x2000}, tcp())), kV4Ports + "6 flags 12 fragment");
  EXPECT_EQ(of_ipv4(ipv4({.fragment = 0x2001}, tcp())), kV4NoPorts + "6 fragment");
  EXPECT_EQ(of_ipv4(ipv4({.fragment = 0x0001}, tcp())), kV4NoPorts + "6 fragment");
  EXPECT_EQ(of_ipv4(ipv4({.fragment = 0x1fff}, tcp())), kV4NoPorts + "6 fragment");
}

TEST(Ipv4, DontFragmentAndTheReservedBitAreNoFragment) {
  EXPECT_EQ(of_ipv4(ipv4({.fragment = 0x4000}, tcp())), kV4Ports + "6 flags 12");
  EXPECT_EQ(of_ipv4(ipv4({.fragment = 0xc000}, tcp())), kV4Ports + "6 flags 12");
}

TEST(Ipv4, AuthenticationHeaderAndTunnelsAreNotOpened) {
  EXPECT_EQ(of_ipv4(ipv4({.protocol = 51}, authentication(6) + tcp())), kV4NoPorts + "51");
  EXPECT_EQ(of_ipv4(ipv4({.protocol = 4}, ipv4({}, tcp()))), kV4NoPorts + "4");
  EXPECT_EQ(of_ipv4(ipv4({.protocol = 41}, ipv6({}, tcp()))), kV4NoPorts + "41");
}

TEST(Ipv6, TcpGivesTheWholeKeyItsFlagsAndItsTrafficClass) {
  EXPECT_EQ(of_ipv6(ipv6({.next = 6, .traffic_class = 0xb8}, tcp())), kV6Ports + "6 flags 12 tos b8");
  EXPECT_EQ(of_ipv6(ipv6({.next = 17, .traffic_class = 0x4f}, udp() + zeros(20))), kV6Ports + "17 tos 4f");
}

TEST(Ipv6, EmptyPayloadIsATruncatedHeader) { EXPECT_EQ(of_ipv6({}), "ipv6_header_truncated"); }

TEST(Ipv6, VersionMustBe6AndIsSeenBeforeTruncation) {
  for (int version = 0; version < 16; ++version) {
    Bytes datagram = ipv6({}, tcp());
    datagram[0] = uint8_t(version << 4);
    EXPECT_EQ(of_ipv6(datagram), version == 6 ? kV6Ports + "6 flags 12" : "ipv6_bad_version");
  }
  EXPECT_EQ(of_ipv6({0x45}), "ipv6_bad_version");
  EXPECT_EQ(of_ipv6({0x60}), "ipv6_header_truncated");
}

TEST(Ipv6, EverythingButTheSixExtensionHeadersEndsTheWalk) {
  for (int next = 0; next < 256; ++next) {
    const bool walked = next == 0 || next == 43 || next == 44 || next == 51 || next == 60 || next == 140;
    const bool ports = next == 6 || next == 17 || next == 33 || next == 132 || next == 136;
    const Bytes inner = next == 51 ? authentication(17, 2) : extension(17);
    const Bytes payload = walked ? inner + udp() : udp() + zeros(20);
    const std::string expected =
        walked ? kV6Ports + "17" : (ports ? kV6Ports : kV6NoPorts) + std::to_string(next);
    EXPECT_EQ(of_ipv6(ipv6({.next = uint8_t(next)}, payload)), expected) << next;
  }
}

TEST(Ipv6, ExtensionHeadersAreWalkedInAnyOrderNumberAndSize) {
  EXPECT_EQ(of_ipv6(ipv6({.next = 60}, extension(0, 3) + extension(60, 1) + extension(43, 2) +
                                           extension(140) + extension(51, 4) + authentication(51) +
                                           authentication(0, 9) + extension(6, 32) + tcp())),
            kV6Ports + "6 flags 12");
}

TEST(Ipv6, AuthenticationHeaderCountsItsLengthInWordsLessTwo) {
  for (int words = 2; words <= 20; ++words) {
    EXPECT_EQ(of_ipv6(ipv6({.next = 51}, authentication(17, words) + udp())), kV6Ports + "17");
  }
}

TEST(Ipv6, FirstFragmentHasPortsAndLaterOnesHaveTheFragmentHeadersProtocol) {
  EXPECT_EQ(of_ipv6(ipv6({.next = 44}, fragment_header(6, 0x0001) + tcp())),
            kV6Ports + "6 flags 12 fragment");
  EXPECT_EQ(of_ipv6(ipv6({.next = 44}, fragment_header(6, 0x0008) + tcp())), kV6NoPorts + "6 fragment");
  EXPECT_EQ(of_ipv6(ipv6({.next = 44}, fragment_header(6, 0xfff9) + tcp())), kV6NoPorts + "6 fragment");
  EXPECT_EQ(of_ipv6(ipv6({.next = 44}, fragment_header(60, 0x0008) + extension(6) + tcp())),
            kV6NoPorts + "60 fragment");
}

TEST(Ipv6, AtomicFragmentIsNoFragment) {
  EXPECT_EQ(of_ipv6(ipv6({.next = 44}, fragment_header(6, 0x0000) + tcp())), kV6Ports + "6 flags 12");
  EXPECT_EQ(of_ipv6(ipv6({.next = 44}, fragment_header(6, 0x0006) + tcp())), kV6Ports + "6 flags 12");
}

TEST(Ipv6, ChainCutByTheCaptureLeavesTheTypeOfTheHeaderThatIsNotWhole) {
  const Bytes chain = extension(43, 1) + extension(17, 2) + udp();
  const Bytes datagram = ipv6({.next = 0}, chain);
  for (size_t captured = 0; captured <= chain.size(); ++captured) {
    const std::string expected = captured < 8    ? kV6NoPorts + "0"
                                 : captured < 24 ? kV6NoPorts + "43"
                                 : captured < 28 ? kV6NoPorts + "17"
                                                 : kV6Ports + "17";
    EXPECT_EQ(of_ipv6(Bytes(datagram.begin(), datagram.begin() + ptrdiff_t(40 + captured))), expected);
  }
}

TEST(Ipv6, ChainCutByThePayloadLengthLeavesTheTypeOfTheHeaderThatIsNotWhole) {
  const Bytes chain = extension(43, 1) + extension(6, 2) + tcp();
  for (int length = 1; length <= int(chain.size()); ++length) {
    const std::string expected = length < 8    ? kV6NoPorts + "0"
                                 : length < 24 ? kV6NoPorts + "43"
                                 : length < 28 ? kV6NoPorts + "6"
                                 : length < 38 ? kV6Ports + "6"
                                               : kV6Ports + "6 flags 12";
    EXPECT_EQ(of_ipv6(ipv6({.next = 0, .length = length}, chain)), expected) << length;
  }
}

TEST(Ipv6, FragmentHeaderCutShortSaysNothingOfFragments) {
  Bytes datagram = ipv6({.next = 44, .length = 100}, fragment_header(6, 0x0009));
  EXPECT_EQ(of_ipv6(datagram), kV6NoPorts + "6 fragment");
  datagram.pop_back();
  EXPECT_EQ(of_ipv6(datagram), kV6NoPorts + "44");
}

TEST(Ipv6, JumbogramsLengthZeroGivesNoBound) {
  EXPECT_EQ(of_ipv6(ipv6({.next = 0, .length = 0}, extension(6) + tcp())), kV6Ports + "6 flags 12");
  EXPECT_EQ(of_ipv6(ipv6({.next = 6, .length = 0}, tcp())), kV6Ports + "6 flags 12");
}

TEST(Ipv6, PortsAndFlagsLieInsideThePayloadLength) {
  for (int inside = 1; inside <= 20; ++inside) {
    const std::string ports = inside >= 4 ? kV6Ports : kV6NoPorts;
    EXPECT_EQ(of_ipv6(ipv6({.length = inside}, tcp())), ports + (inside >= 14 ? "6 flags 12" : "6"));
    EXPECT_EQ(of_ipv6(ipv6({.next = 17, .length = inside}, udp() + zeros(20))), ports + "17");
  }
}

TEST(Ipv6, ChainLongerThanTheBoundCountsAsCutShort) {
  const Bytes longest = repeat(extension(60), kMaxIpv6Headers - 1) + extension(6) + tcp();
  EXPECT_EQ(of_ipv6(ipv6({.next = 60}, longest)), kV6Ports + "6 flags 12");
  EXPECT_EQ(of_ipv6(ipv6({.next = 0}, extension(60) + longest)), kV6NoPorts + "60");
}

}  // namespace
}  // namespace netspectra::test

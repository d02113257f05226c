// The walk over pcapng files: sections, interfaces, times, block types, every way to break off.
#include <gtest/gtest.h>

#include <algorithm>

#include "capture_builder.h"

namespace netspectra::testing {
namespace {

constexpr uint64_t kSecond = 1000000000;

class PcapngInEitherOrder : public ::testing::TestWithParam<Order> {};

TEST_P(PcapngInEitherOrder, GivesEveryKindOfPacketBlockAndPassesOverTheRest) {
  Builder b(GetParam());
  b.section().block(4, payload(17)).interface(LinkType::kEthernet, 96).interface(LinkType::kRaw);
  b.enhanced(1, 1700000000123456, payload(21), 1500);
  b.block(5, payload(40)).block(0x0bad, payload(3)).block(0x80000001, payload(0));
  b.obsolete(0, 1700000000000001, payload(14, 2), 14);
  b.simple(payload(33, 3), 33);
  const Walked walked = walk_bytes(b.bytes());
  const std::vector<Walked::Record> want = {{1700000000123456000, payload(21), 1500, LinkType::kRaw},
                                            {1700000000000001000, payload(14, 2), 14, LinkType::kEthernet},
                                            {0, payload(33, 3), 33, LinkType::kEthernet}};
  EXPECT_EQ(walked.records, want);
  EXPECT_EQ(walked.error, "");
  EXPECT_EQ(walked.offsets.back(), b.size());
}

TEST_P(PcapngInEitherOrder, TimesFollowTheInterfacesResolutionAndOffset) {
  struct Case {
    uint8_t resolution;
    uint64_t time;
    int64_t offset_s;
    uint64_t want_ns;
  };
  constexpr uint64_t kMax = INT64_MAX;
  const Case cases[] = {
      {0, 1700000000, 0, 1700000000 * kSecond},
      {3, 1700000000123, 0, 1700000000123000000},
      {6, 1700000000123456, 0, 1700000000123456000},
      {9, 1700000000123456789, 0, 1700000000123456789},
      {12, 1700000000123456789, 0, 1700000000123456},
      {18, 1999999999999999999, 0, 1999999999},
      {19, UINT64_MAX, 0, 1844674407},  // 1.8 s in units of 10^-19
      {28, UINT64_MAX, 0, 1},           // 1.84e-9 s
      {29, UINT64_MAX, 0, 0},           // less than a nanosecond
      {127, UINT64_MAX, 0, 0},          //
      {0x80 | 10, (5 << 10) | 512, 0, 5 * kSecond + kSecond / 2},
      {0x80 | 20, (uint64_t{1700000000} << 20) | 1, 0, 1700000000 * kSecond + 953},  // 2^-20 s = 953.67 ns
      {0x80 | 0, 12, 0, 12 * kSecond},
      {0x80 | 63, UINT64_MAX, 0, 2 * kSecond - 1},
      {0x80 | 127, UINT64_MAX, 0, 0},
      {6, 1000001, 1700000000, 1700000001 * kSecond + 1000},
      {9, 1700000000 * kSecond, -1600000000, 100000000 * kSecond},
      {6, 1000000, -2, 0},                   // before 1970
      {6, UINT64_MAX, 0, UINT64_MAX - 999},  // 2^64 - 1 us: a far time
      {9, UINT64_MAX, 0, kMax},
      {0, UINT64_MAX, INT64_MAX, kMax},
      {0, UINT64_MAX, INT64_MIN, kMax},  // 2^63 seconds are left
      {9, 7, INT64_MIN, 0},
      {9, kMax, 0, kMax},
  };
  for (const Case& c : cases) {
    Builder b(GetParam());
    b.section().interface(LinkType::kEthernet, 0, b.time_options(c.resolution, c.offset_s));
    b.enhanced(0, c.time, payload(4), 4).obsolete(0, c.time, payload(4), 4);
    const Walked walked = walk_bytes(b.bytes());
    ASSERT_EQ(walked.records.size(), 2u);
    for (const Walked::Record& record : walked.records) {
      EXPECT_EQ(record.ts_ns, c.want_ns)
          << "resolution " << int{c.resolution} << " time " << c.time << " offset " << c.offset_s;
    }
  }
}

TEST_P(PcapngInEitherOrder, EachInterfaceHasItsOwnLinkAndUnit) {
  Builder b(GetParam());
  b.section();
  // More than the 16 interfaces there is room for from the start.
  for (uint32_t i = 0; i < 20; ++i) {
    b.interface(i % 2 == 0 ? LinkType::kEthernet : LinkType{105}, i, b.time_options(i % 2 == 0 ? 3 : 9));
  }
  for (uint32_t i = 0; i < 20; ++i) b.enhanced(i, 5000, payload(50), 50);
  const Walked walked = walk_bytes(b.bytes());
  ASSERT_EQ(walked.records.size(), 20u);
  for (size_t i = 0; i < 20; ++i) {
    EXPECT_EQ(walked.records[i].link, i % 2 == 0 ? LinkType::kEthernet : LinkType{105});
    EXPECT_EQ(walked.records[i].ts_ns, i % 2 == 0 ? 5 * kSecond : 5000);
    EXPECT_EQ(walked.records[i].data.size(), 50u) << "a snaplen does not cut what is there";
  }
}

TEST_P(PcapngInEitherOrder, ASimplePacketIsAsLongAsItsBlockTheSnaplenAndTheFrameAllow) {
  Builder b(GetParam());
  b.section().interface(LinkType::kEthernet, 18);
  b.simple(payload(18), 1500);  // cut by the snaplen, padded to 20 in the file
  b.simple(payload(7), 7);      // padded to 8 in the file
  b.section().interface(LinkType::kEthernet, 0);
  b.simple(payload(24), 1500);  // no snaplen: as much as there is
  const Walked walked = walk_bytes(b.bytes());
  ASSERT_EQ(walked.records.size(), 3u);
  EXPECT_EQ(walked.records[0], (Walked::Record{0, payload(18), 1500, LinkType::kEthernet}));
  EXPECT_EQ(walked.records[1], (Walked::Record{0, payload(7), 7, LinkType::kEthernet}));
  EXPECT_EQ(walked.records[2], (Walked::Record{0, payload(24), 1500, LinkType::kEthernet}));
}

TEST_P(PcapngInEitherOrder, ANewSectionForgetsTheInterfacesAndMayTurnTheByteOrder) {
  const Order other = GetParam() == Order::kLittle ? Order::kBig : Order::kLittle;
  Builder b(GetParam());
  b.section().interface(LinkType::kEthernet).enhanced(0, 1, payload(10), 10);
  b.set_order(other);
  b.section(1, 2).interface(LinkType::kIpv6).enhanced(0, 2, payload(40), 40);
  b.set_order(GetParam());
  b.section();
  const size_t broken_at = b.size();
  b.enhanced(0, 3, payload(10), 10);
  const Walked walked = walk_bytes(b.bytes());
  const std::vector<Walked::Record> want = {{1000, payload(10), 10, LinkType::kEthernet},
                                            {2000, payload(40), 40, LinkType::kIpv6}};
  EXPECT_EQ(walked.records, want);
  EXPECT_EQ(walked.error, "x: bad packet block: no such interface, at byte " + std::to_string(broken_at) +
                              " after 2 packets");
}

TEST_P(PcapngInEitherOrder, CutAnywhereGivesTheWholePacketsBeforeTheCut) {
  Builder b(GetParam());
  std::vector<size_t> block_ends, packet_ends;
  const auto end_of_block = [&] { block_ends.push_back(b.size()); };
  const auto end_of_packet = [&] {
    block_ends.push_back(b.size());
    packet_ends.push_back(b.size());
  };
  b.section(), end_of_block();
  b.interface(LinkType::kEthernet, 0, b.time_options(9, 5)), end_of_block();
  b.enhanced(0, 1, payload(15), 15), end_of_packet();
  b.block(5, payload(9)), end_of_block();
  b.simple(payload(6), 6), end_of_packet();
  b.section(), end_of_block();
  b.interface(LinkType::kRaw), end_of_block();
  b.obsolete(0, 1, payload(20), 20), end_of_packet();
  const Walked whole = walk_bytes(b.bytes());
  ASSERT_EQ(whole.records.size(), 3u);
  EXPECT_EQ(whole.offsets, packet_ends);
  for (size_t cut = 28; cut <= b.size(); ++cut) {
    const Walked walked = walk_bytes(b.bytes(), cut);
    const auto count_to_cut = [cut](const std::vector<size_t>& ends) {
      return std::upper_bound(ends.begin(), ends.end(), cut) - ends.begin();
    };
    ASSERT_EQ(static_cast<ptrdiff_t>(walked.records.size()), count_to_cut(packet_ends)) << "cut at " << cut;
    EXPECT_TRUE(std::equal(walked.records.begin(), walked.records.end(), whole.records.begin()));
    const size_t last_end = block_ends[static_cast<size_t>(count_to_cut(block_ends)) - 1];
    if (cut == last_end) {
      EXPECT_EQ(walked.error, "") << "cut at " << cut;
    } else {
      EXPECT_TRUE(walked.error.starts_with("x: the file ends inside a ")) << walked.error;
      EXPECT_TRUE(walked.error.ends_with(", at byte " + std::to_string(last_end) + " after " +
                                         std::to_string(walked.records.size()) + " packets"))
          << walked.error;
    }
  }
  for (size_t cut = 4; cut < 28; ++cut) {
    const Bytes head(b.bytes().begin(), b.bytes().begin() + static_cast<ptrdiff_t>(cut));
    EXPECT_TRUE(refusal(head).starts_with("x: the file ends inside a ")) << refusal(head);
  }
}

// A good packet, then bytes that are none: the good one is given, and the error tells what came.
void expect_break(Order order, const char* cause, const auto& add_garbage) {
  Builder b(order);
  b.section().interface(LinkType::kEthernet).enhanced(0, 1, payload(10), 10);
  const size_t broken_at = b.size();
  add_garbage(b);
  const Walked walked = walk_bytes(b.bytes());
  EXPECT_EQ(walked.records.size(), 1u);
  EXPECT_EQ(walked.error,
            "x: " + std::string(cause) + ", at byte " + std::to_string(broken_at) + " after 1 packets");
}

TEST_P(PcapngInEitherOrder, GarbageEndsTheWalkUnderItsName) {
  const Order order = GetParam();
  for (const uint32_t length : {0, 4, 8, 11, 13, 30}) {
    expect_break(order, "bad block length", [&](Builder& b) { b.u32(5).u32(length).raw(payload(64)); });
  }
  for (const uint32_t length : {80u, 0x7ffffffcu, 0xfffffffcu}) {
    expect_break(order, "the file ends inside a block",
                 [&](Builder& b) { b.u32(6).u32(length).raw(payload(64)); });
  }
  expect_break(order, "the file ends inside a block header", [](Builder& b) { b.raw(payload(11)); });
  expect_break(order, "the file ends inside a section header",
               [](Builder& b) { b.u32(0x0a0d0d0a).raw(payload(23)); });
  expect_break(order, "bad byte-order magic in a pcapng section header",
               [](Builder& b) { b.block(0x0a0d0d0a, payload(16)); });
  expect_break(order, "bad block length of a section header",
               [](Builder& b) { b.u32(0x0a0d0d0a).u32(12).u32(0x1a2b3c4d).u16(1).u16(0).u64(0).u32(12); });
  expect_break(order, "unsupported pcapng version", [](Builder& b) { b.section(2, 0); });
  expect_break(order, "bad interface description block", [](Builder& b) { b.block(1, payload(4)); });
  expect_break(order, "bad packet block", [](Builder& b) { b.block(6, payload(16)); });
  expect_break(order, "bad packet block", [](Builder& b) { b.block(3, {}); });
  expect_break(order, "bad packet block: no such interface",
               [](Builder& b) { b.enhanced(1, 1, payload(8), 8); });
  expect_break(order, "bad packet block: no such interface",
               [](Builder& b) { b.obsolete(1, 1, payload(8), 8); });
  for (const uint32_t captured : {9u, 0xffffffffu}) {
    expect_break(order, "bad packet block: captured length beyond its end", [&](Builder& b) {
      Bytes body = Builder(order).u32(0).u32(0).u32(1).u32(captured).u32(64).raw(payload(8)).bytes();
      b.block(6, body);
    });
  }
}

TEST_P(PcapngInEitherOrder, ASimplePacketBeforeAnyInterfaceEndsTheWalk) {
  Builder b(GetParam());
  b.section().interface(LinkType::kEthernet).simple(payload(8), 8).section();
  const size_t broken_at = b.size();
  b.simple(payload(8), 8);
  const Walked walked = walk_bytes(b.bytes());
  EXPECT_EQ(walked.records.size(), 1u);
  EXPECT_EQ(walked.error, "x: simple packet block before an interface, at byte " + std::to_string(broken_at) +
                              " after 1 packets");
}

TEST_P(PcapngInEitherOrder, ACapturedLengthPastTheLimitEndsTheWalk) {
  const std::string cause = "x: corrupt record: captured length above 262144, at byte 48 after 0 packets";
  for (const uint32_t length : {kMaxCapturedBytes, kMaxCapturedBytes + 1}) {
    Builder enhanced(GetParam()), simple(GetParam());
    enhanced.section().interface(LinkType::kEthernet).enhanced(0, 1, payload(length), length);
    simple.section().interface(LinkType::kEthernet).simple(payload(length), length);
    for (const Builder& b : {enhanced, simple}) {
      const Walked walked = walk_bytes(b.bytes());
      const bool good = length == kMaxCapturedBytes;
      EXPECT_EQ(walked.records.size(), good ? 1u : 0u);
      EXPECT_EQ(walked.error, good ? "" : cause);
    }
  }
}

TEST_P(PcapngInEitherOrder, OptionsThatDoNotFitTheirBlockAreIgnored) {
  const auto time_of = [](const Bytes& options) {
    Builder b(GetParam());
    b.section().interface(LinkType::kEthernet, 0, options).enhanced(0, 7, payload(4), 4);
    const Walked walked = walk_bytes(b.bytes());
    EXPECT_EQ(walked.error, "");
    return walked.records.empty() ? 0 : walked.records[0].ts_ns;
  };
  const auto options = [] { return Builder(GetParam()); };
  EXPECT_EQ(time_of(options().u16(9).u16(1).u8(9).pad4().bytes()), 7u) << "no end of options";
  EXPECT_EQ(time_of(options().u16(9).u16(1).bytes()), 7000u) << "no value";
  EXPECT_EQ(time_of(options().u16(14).u16(8).u32(1).bytes()), 7000u) << "half a value";
  EXPECT_EQ(time_of(options().u16(9).u16(0).bytes()), 7000u) << "empty value";
  EXPECT_EQ(time_of(options().u16(2).u16(65535).u32(0).bytes()), 7000u) << "far beyond the block";
  EXPECT_EQ(time_of(options().u16(0).u16(0).u16(9).u16(1).u8(9).pad4().bytes()), 7000u) << "behind the end";
}

INSTANTIATE_TEST_SUITE_P(BothOrders, PcapngInEitherOrder, ::testing::Values(Order::kLittle, Order::kBig),
                         [](const auto& param) { return param.param == Order::kLittle ? "Little" : "Big"; });

}  // namespace
}  // namespace netspectra::testing

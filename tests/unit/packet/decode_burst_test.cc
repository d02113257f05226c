// Bursts of any size and mixture: what decode() says frame by frame, and the sums.
#include "packet/decode_burst.h"

#include <algorithm>
#include <random>

#include "frames.h"

namespace netspectra::test {
namespace {

std::vector<Bytes> kinds_of_frames() {
  const Bytes tagged = ethernet(0x8100);
  return {
      ethernet(0x0800) + ipv4({.fragment = 0x4000, .tos = 0xb8}, tcp()),
      ethernet(0x0800) + ipv4({}, tcp(0xff)),
      ethernet(0x0800) + ipv4({.protocol = 17}, udp() + zeros(8)),
      ethernet(0x0800) + ipv4({.protocol = 1}, zeros(40)),
      ethernet(0x0800) + ipv4({.fragment = 0x2000}, tcp()),
      ethernet(0x0800) + ipv4({.fragment = 0x8000}, tcp()),
      ethernet(0x0800) + ipv4({.fragment = 0x00ff}, tcp()),
      ethernet(0x0800) + ipv4({.total = 22}, tcp()),
      ethernet(0x0800) + ipv4({.total = 33}, tcp()),
      ethernet(0x0800) + ipv4({.total = 34}, tcp()),
      ethernet(0x0800) + ipv4({.protocol = 17, .total = 23}, udp() + zeros(8)),
      ethernet(0x0800) + ipv4({.protocol = 17, .total = 24}, udp() + zeros(8)),
      ethernet(0x0800) + ipv4({.total = 0xffff}, tcp()),
      ethernet(0x0800) + ipv4({.protocol = 1, .total = 0xffff}, zeros(40)),
      ethernet(0x0800) + ipv4({.options = zeros(4)}, tcp()),
      tagged + tag(0xe005, 0x0800) + ipv4({}, tcp()),
      tagged + tag(0x0000, 0x0800) + ipv4({.protocol = 17}, udp() + zeros(8)),
      tagged + tag(0x0064, 0x8100) + tag(0x0065, 0x0800) + ipv4({}, tcp()),
      tagged + tag(0x0fff, 0x86dd) + ipv6({}, tcp()),
      ethernet(0x86dd) + ipv6({.traffic_class = 0x2e}, tcp()),
      ethernet(0x86dd) + ipv6({.next = 17}, udp()),
      ethernet(0x0806) + zeros(46),
      ethernet(0x0800) + Bytes{0x65} + zeros(45),
      ethernet(0x0800),
      {},
  };
}

void expect_as_by_decode(const std::vector<Frame>& frames,
                         void (*decoder)(std::span<const Frame>, Packet*, BurstFacts&)) {
  std::vector<Packet> expected;
  std::vector<std::pair<uint32_t, Verdict>> refused;
  BurstFacts sums;
  for (const Frame& frame : frames) {
    Packet packet;
    const Verdict verdict = decode(frame, packet);
    if (verdict.reason == DropReason::kNone) {
      expected.push_back(packet);
    } else {
      refused.emplace_back(uint32_t(&frame - frames.data()), verdict);
    }
    sums.wire_bytes += frame.wire_len;
    sums.first_ns = std::min(sums.first_ns, frame.ts_ns);
    sums.last_ns = std::max(sums.last_ns, frame.ts_ns);
    sums.first_clock_ns = std::min(sums.first_clock_ns, frame.clock_ns);
    sums.last_clock_ns = std::max(sums.last_clock_ns, frame.clock_ns);
  }
  std::vector<Packet> packets(frames.size());
  for (Packet& packet : packets) std::memset(static_cast<void*>(&packet), 0xee, sizeof(Packet));
  BurstFacts burst;
  decoder(frames, packets.data(), burst);
  EXPECT_EQ(burst.wire_bytes, sums.wire_bytes);
  EXPECT_EQ(burst.first_ns, sums.first_ns);
  EXPECT_EQ(burst.last_ns, sums.last_ns);
  EXPECT_EQ(burst.first_clock_ns, sums.first_clock_ns);
  EXPECT_EQ(burst.last_clock_ns, sums.last_clock_ns);
  ASSERT_EQ(burst.packets, expected.size());
  for (size_t i = 0; i < expected.size(); ++i) expect_same(packets[i], expected[i]);
  ASSERT_EQ(burst.refused_count, refused.size());
  for (size_t i = 0; i < refused.size(); ++i) {
    EXPECT_EQ(burst.refused[i].frame, refused[i].first);
    EXPECT_EQ(burst.refused[i].verdict.reason, refused[i].second.reason);
    EXPECT_EQ(burst.refused[i].verdict.ethertype, refused[i].second.ethertype);
  }
}

TEST(DecodeBurst, IsWhatDecodeSaysFrameByFrame) {
  std::mt19937_64 random(20261123);
  const std::vector<Bytes> kinds = kinds_of_frames();
  for (int round = 0; round < 20'000; ++round) {
    // Some bursts of few kinds: also those in which all is accepted, or nothing.
    const size_t few = 1 + random() % kinds.size(), first = random() % kinds.size();
    std::vector<Frame> frames(random() % (kMaxFrames + 1));
    for (Frame& frame : frames) {
      const Bytes& bytes = kinds[(first + random() % few) % kinds.size()];
      frame.data = bytes.data();
      frame.captured = uint32_t(bytes.size());
      frame.wire_len = uint32_t(random());
      frame.ts_ns = random();
      frame.clock_ns = random();
      frame.link = random() % 64 == 0 ? LinkType::kRaw : kEth;
    }
    expect_as_by_decode(frames, decode_burst);
    expect_as_by_decode(frames, decode_burst_by_one);
    ASSERT_FALSE(HasFailure()) << "in burst " << round;
  }
}

}  // namespace
}  // namespace netspectra::test

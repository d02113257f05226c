// The walk over pcap files: every variant of the format, every way to break off.
#include <gtest/gtest.h>

#include <tuple>

#include "capture_builder.h"

namespace netspectra::testing {
namespace {

constexpr uint32_t kMicro = 0xa1b2c3d4;
constexpr uint32_t kNano = 0xa1b23c4d;
constexpr uint32_t kKuznetzov = 0xa1b2cd34;

class PcapVariant : public ::testing::TestWithParam<std::tuple<Order, uint32_t>> {
 protected:
  Order order() const { return std::get<0>(GetParam()); }
  uint32_t magic() const { return std::get<1>(GetParam()); }
  size_t record_header() const { return magic() == kKuznetzov ? 24 : 16; }
  uint64_t ns(uint64_t seconds, uint64_t fraction) const {
    return seconds * 1000000000 + fraction * (magic() == kNano ? 1 : 1000);
  }
  void add(Builder& b, uint32_t seconds, uint32_t fraction, const Bytes& data, uint32_t wire_len) const {
    b.u32(seconds).u32(fraction).u32(data.size()).u32(wire_len);
    if (magic() == kKuznetzov) b.raw(payload(8, 99));
    b.raw(data);
  }
};

TEST_P(PcapVariant, GivesEveryRecordWithItsTimeLengthsAndLink) {
  Builder b(order());
  b.pcap_header(magic(), 276);
  add(b, 1700000000, 999999, payload(60), 60);
  add(b, 4294967295, 1, payload(33, 2), 1514);
  add(b, 0, 0, {}, 0);
  const Walked walked = walk_bytes(b.bytes());
  const std::vector<Walked::Record> want = {
      {ns(1700000000, 999999), payload(60), 60, LinkType::kLinuxCooked2},
      {ns(4294967295, 1), payload(33, 2), 1514, LinkType::kLinuxCooked2},
      {0, {}, 0, LinkType::kLinuxCooked2}};
  EXPECT_EQ(walked.records, want);
  EXPECT_EQ(walked.error, "");
  const size_t h = record_header();
  EXPECT_EQ(walked.offsets, (std::vector<size_t>{24 + h + 60, 24 + 2 * h + 93, 24 + 3 * h + 93}));
}

TEST_P(PcapVariant, CutAnywhereGivesTheWholeRecordsBeforeTheCut) {
  Builder b(order());
  b.pcap_header(magic(), 1);
  std::vector<size_t> ends = {b.size()};
  for (const size_t length : {14, 0, 5, 60}) {
    add(b, 1, 2, payload(length), 100);
    ends.push_back(b.size());
  }
  const Walked whole = walk_bytes(b.bytes());
  ASSERT_EQ(whole.records.size(), 4u);
  for (size_t cut = 24; cut <= b.size(); ++cut) {
    const Walked walked = walk_bytes(b.bytes(), cut);
    size_t count = 0;
    while (count + 1 < ends.size() && ends[count + 1] <= cut) ++count;
    ASSERT_EQ(walked.records.size(), count) << "cut at " << cut;
    EXPECT_TRUE(std::equal(walked.records.begin(), walked.records.end(), whole.records.begin()));
    std::string want;
    if (cut != ends[count]) {
      const bool in_header = cut - ends[count] < record_header();
      want = "x: the file ends inside " + std::string(in_header ? "a record header" : "a packet") +
             ", at byte " + std::to_string(ends[count]) + " after " + std::to_string(count) + " packets";
    }
    EXPECT_EQ(walked.error, want) << "cut at " << cut;
  }
  for (size_t cut = 4; cut < 24; ++cut) {
    const Bytes head(b.bytes().begin(), b.bytes().begin() + static_cast<ptrdiff_t>(cut));
    EXPECT_EQ(refusal(head), "x: pcap header cut short: " + std::to_string(cut) + " bytes of 24");
  }
}

TEST_P(PcapVariant, ACapturedLengthPastTheLimitEndsTheWalk) {
  for (const uint32_t length : {kMaxCapturedBytes, kMaxCapturedBytes + 1, 0x80000000u, 0xffffffffu}) {
    Builder b(order());
    b.pcap_header(magic(), 1);
    add(b, 1, 2, payload(20), 20);
    const size_t broken_at = b.size();
    b.u32(1).u32(2).u32(length).u32(64);
    if (magic() == kKuznetzov) b.u64(0);
    b.raw(payload(kMaxCapturedBytes + 1));
    const Walked walked = walk_bytes(b.bytes());
    if (length == kMaxCapturedBytes) {
      ASSERT_EQ(walked.records.size(), 2u);
      EXPECT_EQ(walked.records[1].data, payload(kMaxCapturedBytes));
      continue;
    }
    EXPECT_EQ(walked.records.size(), 1u) << length;
    EXPECT_EQ(walked.error, "x: corrupt record: captured length above 262144, at byte " +
                                std::to_string(broken_at) + " after 1 packets");
  }
}

INSTANTIATE_TEST_SUITE_P(EveryByteOrderAndResolution, PcapVariant,
                         ::testing::Combine(::testing::Values(Order::kLittle, Order::kBig),
                                            ::testing::Values(kMicro, kNano, kKuznetzov)),
                         [](const auto& param) {
                           const uint32_t magic = std::get<1>(param.param);
                           return std::string(std::get<0>(param.param) == Order::kLittle ? "Little" : "Big") +
                                  (magic == kMicro  ? "Micro"
                                   : magic == kNano ? "Nano"
                                                    : "Kuznetzov");
                         });

TEST(PcapReader, LengthsAreReversedBeforeVersion23AndInSomeFilesOf23) {
  for (const Order order : {Order::kLittle, Order::kBig}) {
    for (const uint16_t minor : {0, 1, 2, 3, 4}) {
      Builder b(order);
      b.pcap_header(kMicro, 1, minor);
      const bool first_reversed = minor < 3;
      b.u32(1).u32(0).u32(first_reversed ? 60 : 20).u32(first_reversed ? 20 : 60).raw(payload(20));
      if (minor == 3) {
        b.u32(1).u32(0).u32(60).u32(20).raw(payload(20));
        for (int i = 0; i < 3; ++i) b.u32(1).u32(0).u32(20).u32(60).raw(payload(20));
      }
      const Walked walked = walk_bytes(b.bytes());
      EXPECT_EQ(walked.error, "");
      ASSERT_EQ(walked.records.size(), minor == 3 ? 5u : 1u);
      for (const Walked::Record& record : walked.records) {
        EXPECT_EQ(record.data, payload(20)) << "2." << minor;
        EXPECT_EQ(record.wire_len, 60u) << "2." << minor;
      }
    }
  }
}

TEST(PcapReader, ACapturedLengthAboveTheWireLengthIsKeptInVersion24) {
  Builder b(Order::kLittle);
  b.pcap_header(kMicro, 1).pcap_record(1, 0, payload(30), 20);
  const Walked walked = walk_bytes(b.bytes());
  ASSERT_EQ(walked.records.size(), 1u);
  EXPECT_EQ(walked.records[0].data.size(), 30u);
  EXPECT_EQ(walked.records[0].wire_len, 20u);
}

TEST(PcapReader, TheFrameCheckSequenceBitsAreNoPartOfTheLinkType) {
  Builder b(Order::kBig);
  b.pcap_header(kNano, 0x14000000 | 101).pcap_record(1, 0, payload(20), 20);
  const Walked walked = walk_bytes(b.bytes());
  ASSERT_EQ(walked.records.size(), 1u);
  EXPECT_EQ(walked.records[0].link, LinkType::kRaw);
}

TEST(PcapReader, AFileOfNoRecordsEndsCleanly) {
  const Walked walked = walk_bytes(Builder(Order::kLittle).pcap_header(kMicro, 1).bytes());
  EXPECT_TRUE(walked.records.empty());
  EXPECT_EQ(walked.error, "");
}

}  // namespace
}  // namespace netspectra::testing

#include "output/wording.h"

#include <set>
#include <string>

#include "gtest/gtest.h"

namespace netspectra {
namespace {

TEST(Wording, ProtocolsAndEthertypesWithoutANameKeepTheirNumber) {
  EXPECT_EQ(protocol_name(6), "TCP");
  EXPECT_EQ(protocol_name(58), "ICMPv6");
  EXPECT_EQ(protocol_name(253), "253");
  EXPECT_EQ(ethertype_name(0x0806), "ARP");
  EXPECT_EQ(ethertype_name(0x0042), "ethertype 0x0042");
}

TEST(Wording, EveryDropReasonHasWordsOfItsOwn) {
  std::set<std::string> words;
  for (size_t i = 0; i < kDropReasonCount; ++i) words.insert(drop_reason_words(static_cast<DropReason>(i)));
  EXPECT_EQ(words.size(), kDropReasonCount);
  EXPECT_EQ(words.count("?"), 0u);
}

TEST(Wording, CountsAgreeWithTheirNoun) {
  EXPECT_EQ(counted(0, "packet"), "0 packets");
  EXPECT_EQ(counted(1, "packet"), "1 packet");
  EXPECT_EQ(counted(1234, "packet"), "1,234 packets");
}

TEST(Wording, AShareIsNeverRoundedToNothing) {
  EXPECT_EQ(percent(1, 3), "33.3 %");
  EXPECT_EQ(percent(1, 1'000'000), "<0.1 %");
  EXPECT_EQ(percent(0, 1'000'000), "0.0 %");
  EXPECT_EQ(percent(0, 0), "-");
}

TEST(Wording, TimesEndWithTheirLastDigit) {
  EXPECT_EQ(short_time(1398798000000000000), "2014-04-29 19:00:00");
  EXPECT_EQ(short_time(1398798010500000000), "2014-04-29 19:00:10.5");
  EXPECT_EQ(short_time(1398798000000000001), "2014-04-29 19:00:00.000000001");
}

TEST(Wording, AShareIsWrittenAsItWasConfigured) {
  EXPECT_EQ(share_text(1), "0.0001 %");
  EXPECT_EQ(share_text(1'000), "0.1 %");
  EXPECT_EQ(share_text(125'000), "12.5 %");
  EXPECT_EQ(share_text(10'000), "1 %");
  EXPECT_EQ(share_text(100'000), "10 %");
  EXPECT_EQ(share_text(1'000'000), "100 %");
}

TEST(Wording, AStandardErrorHasTwoDigits) {
  EXPECT_EQ(percent_of_error(0.016), "1.6 %");
  EXPECT_EQ(percent_of_error(0.0901), "9 %");
  EXPECT_EQ(percent_of_error(0.0081), "0.81 %");
  EXPECT_EQ(percent_of_error(0.104), "10 %");
  EXPECT_EQ(percent_of_error(1.5), "150 %");
}

}  // namespace
}  // namespace netspectra

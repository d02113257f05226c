#include "output/text.h"

#include <arpa/inet.h>

#include <array>
#include <random>
#include <string>

#include "base/time_ns.h"
#include "gtest/gtest.h"
#include "output/json_text.h"

namespace netspectra {
namespace {

using Ip = std::array<uint8_t, 16>;

std::string ours(const Ip& ip, uint8_t version) {
  char text[kMaxAddressText];
  return {text, put_address(text, ip, version)};
}

std::string glibc(const Ip& ip, uint8_t version) {
  char text[INET6_ADDRSTRLEN];
  return version == 4 ? inet_ntop(AF_INET, ip.data() + 12, text, sizeof(text))
                      : inet_ntop(AF_INET6, ip.data(), text, sizeof(text));
}

Ip parsed(const char* text) {
  Ip ip{};
  EXPECT_EQ(inet_pton(AF_INET6, text, ip.data()), 1) << text;
  return ip;
}

TEST(Address, Ipv6IsPrintedInItsShortestForm) {
  const std::pair<const char*, const char*> cases[] = {
      {"0:0:0:0:0:0:0:0", "::"},
      {"0:0:0:0:0:0:0:1", "::1"},
      {"1:0:0:0:0:0:0:0", "1::"},
      {"2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
      {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
      {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
      {"::ffff:10.0.0.1", "::ffff:10.0.0.1"},
      {"::10.0.0.1", "::10.0.0.1"},
      {"64:ff9b::10.0.0.1", "64:ff9b::a00:1"},
      {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
  };
  for (const auto& [given, expected] : cases) EXPECT_EQ(ours(parsed(given), 6), expected);
}

TEST(Address, EveryPatternOfZeroGroupsIsPrintedAsInetNtopDoes) {
  std::mt19937 random(1);
  for (unsigned zeros = 0; zeros < 256; ++zeros) {
    for (int i = 0; i < 200; ++i) {
      Ip ip{};
      for (size_t g = 0; g < 8; ++g) {
        if ((zeros >> g & 1) != 0) continue;
        const uint16_t group = i % 3 == 0 ? 0xffff : uint16_t(random() >> (i % 4 * 4 + 16));
        ip[2 * g] = uint8_t(group >> 8);
        ip[2 * g + 1] = uint8_t(group);
      }
      ASSERT_EQ(ours(ip, 6), glibc(ip, 6));
      ASSERT_EQ(ours(ip, 4), glibc(ip, 4));
    }
  }
}

TEST(Time, AFarTimeHasAllItsDigits) {
  char text[kMaxTimeText];
  EXPECT_EQ(std::string(text, put_time(text, 0)), "0");
  EXPECT_EQ(std::string(text, put_time(text, 1700000000123456789)), "1700000000123456789");
  EXPECT_EQ(std::string(text, put_time(text, kFarTime - 1)), "9223372036854775807");
  EXPECT_EQ(std::string(text, put_time(text, 0 - uint64_t{505420791000})), "18446744073204130825000");
  EXPECT_EQ(std::string(text, put_time(text, UINT64_MAX)), "18446744073709551615999");
}

TEST(Number, TheLargestFitsItsRoom) {
  char text[kMaxNumberText];
  EXPECT_EQ(std::string(text, put_number(text, UINT64_MAX)), "18446744073709551615");
  EXPECT_EQ(std::string(text, put_number(text, 0)), "0");
}

std::string json(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

TEST(JsonString, QuotesBackslashesAndControlCharactersAreEscaped) {
  EXPECT_EQ(json("plain"), R"("plain")");
  EXPECT_EQ(json(R"(a"b\c/d)"), R"("a\"b\\c/d")");
  EXPECT_EQ(json("\b\t\n\v\f\r"), R"("\b\t\n\u000b\f\r")");
  EXPECT_EQ(json(std::string_view("\0\x1f\x7f", 3)), "\"\\u0000\\u001f\x7f\"");
}

TEST(JsonString, Utf8IsKept) {
  EXPECT_EQ(json("\u00e9\u20ac\U0001f4e6.pcap"), "\"\u00e9\u20ac\U0001f4e6.pcap\"");
}

TEST(JsonString, EachByteThatIsNotUtf8IsReplaced) {
  EXPECT_EQ(json("a\xffz"), R"("a\ufffdz")");
  EXPECT_EQ(json("\xc3"), R"("\ufffd")");                                // cut short
  EXPECT_EQ(json("\xc3\x28"), R"("\ufffd(")");                           // no continuation
  EXPECT_EQ(json("\xc0\xaf"), R"("\ufffd\ufffd")");                      // overlong
  EXPECT_EQ(json("\xe0\x80\x80"), R"("\ufffd\ufffd\ufffd")");            // overlong
  EXPECT_EQ(json("\xed\xa0\x80"), R"("\ufffd\ufffd\ufffd")");            // surrogate
  EXPECT_EQ(json("\xf4\x90\x80\x80"), R"("\ufffd\ufffd\ufffd\ufffd")");  // above U+10FFFF
}

}  // namespace
}  // namespace netspectra

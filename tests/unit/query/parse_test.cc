#include "query/parse.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

namespace netspectra {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;

std::array<uint8_t, 16> v4(const char* text) {
  std::array<uint8_t, 16> ip{};
  ip[10] = ip[11] = 0xff;
  EXPECT_EQ(inet_pton(AF_INET, text, ip.data() + 12), 1);
  return ip;
}
std::array<uint8_t, 16> v6(const char* text) {
  std::array<uint8_t, 16> ip{};
  EXPECT_EQ(inet_pton(AF_INET6, text, ip.data()), 1);
  return ip;
}

std::vector<Condition> where(const std::string& text) {
  const absl::StatusOr<std::vector<Condition>> parsed = parse_where(text);
  EXPECT_TRUE(parsed.ok()) << text << ": " << parsed.status();
  return parsed.value_or(std::vector<Condition>());
}
std::string where_error(const std::string& text) {
  const absl::StatusOr<std::vector<Condition>> parsed = parse_where(text);
  EXPECT_EQ(parsed.status().code(), absl::StatusCode::kInvalidArgument) << text;
  return std::string(parsed.status().message());
}
std::vector<Condition> one_number(ConditionField field, bool negated, std::vector<NumberRange> numbers) {
  return {{field, negated, std::move(numbers), {}}};
}

TEST(Where, ReadsNumbersRangesAndLists) {
  EXPECT_EQ(where("dst_port = 443"), one_number(ConditionField::kDstPort, false, {{443, 443}}));
  EXPECT_EQ(where("dst_port in 80,443,8000-8999"),
            one_number(ConditionField::kDstPort, false, {{80, 80}, {443, 443}, {8000, 8999}}));
  EXPECT_EQ(where("src_port!=0"), one_number(ConditionField::kSrcPort, true, {{0, 0}}));
  EXPECT_EQ(where(" vlan NOT IN 1 , 2-4 "), one_number(ConditionField::kVlan, true, {{1, 1}, {2, 4}}));
}

TEST(Where, ReadsComparisonsAsRangesToTheEndOfTheField) {
  EXPECT_EQ(where("dst_port < 1024"), one_number(ConditionField::kDstPort, false, {{0, 1023}}));
  EXPECT_EQ(where("dst_port<=1024"), one_number(ConditionField::kDstPort, false, {{0, 1024}}));
  EXPECT_EQ(where("dst_port > 1024"), one_number(ConditionField::kDstPort, false, {{1025, 65535}}));
  EXPECT_EQ(where("protocol >= 200"), one_number(ConditionField::kProtocol, false, {{200, 255}}));
  EXPECT_EQ(where("vlan >= 0"), one_number(ConditionField::kVlan, false, {{0, 4095}}));
}

TEST(Where, ReadsProtocolsByNameAndFlagsByLetter) {
  EXPECT_EQ(where("protocol in tcp,UDP,icmp,icmpv6,47"),
            one_number(ConditionField::kProtocol, false, {{6, 6}, {17, 17}, {1, 1}, {58, 58}, {47, 47}}));
  EXPECT_EQ(where("tcp_flags = S"), one_number(ConditionField::kTcpFlags, false, {{2, 2}}));
  EXPECT_EQ(where("tcp_flags in SA,AS,FSRPAUEC,0"),
            one_number(ConditionField::kTcpFlags, false, {{18, 18}, {18, 18}, {255, 255}, {0, 0}}));
}

TEST(Where, ReadsAddressesAndNetworksOfBothVersions) {
  EXPECT_EQ(
      where("src_ip = 10.1.2.3"),
      (std::vector<Condition>{{ConditionField::kSrcIp, false, {}, {{4, v4("10.1.2.3"), v4("10.1.2.3")}}}}));
  EXPECT_EQ(where("dst_ip not in 10.0.0.0/8,192.168.4.0/22,2001:db8::/33,::1"),
            (std::vector<Condition>{{ConditionField::kDstIp,
                                     true,
                                     {},
                                     {{4, v4("10.0.0.0"), v4("10.255.255.255")},
                                      {4, v4("192.168.4.0"), v4("192.168.7.255")},
                                      {6, v6("2001:db8::"), v6("2001:db8:7fff:ffff:ffff:ffff:ffff:ffff")},
                                      {6, v6("::1"), v6("::1")}}}}));
  EXPECT_EQ(where("src_ip in 0.0.0.0/0,::/0"),
            (std::vector<Condition>{{ConditionField::kSrcIp,
                                     false,
                                     {},
                                     {{4, v4("0.0.0.0"), v4("255.255.255.255")},
                                      {6, v6("::"), v6("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")}}}}));
}

TEST(Where, JoinsConditionsWithAnd) {
  const std::vector<Condition> both = where("src_ip in 10.0.0.0/8 and dst_port = 443 AND protocol in 6,17");
  ASSERT_EQ(both.size(), 3u);
  EXPECT_EQ(both[0].field, ConditionField::kSrcIp);
  EXPECT_EQ(both[1].field, ConditionField::kDstPort);
  EXPECT_EQ(both[2].numbers, (std::vector<NumberRange>{{6, 6}, {17, 17}}));
}

TEST(Where, NamesThePartThatIsWrongAndWhatIsKnown) {
  EXPECT_EQ(where_error("src_prt = 1"),
            "\"src_prt\" is no field (known: src_ip, dst_ip, src_port, dst_port, protocol, vlan, tcp_flags)");
  EXPECT_EQ(where_error("dst_port = 70000"),
            "\"70000\" is no value of dst_port: a number from 0 to 65535 or a range (1-5)");
  EXPECT_EQ(where_error("dst_port = 9-1"), "\"9-1\" is a range that ends before it begins");
  EXPECT_EQ(where_error("src_ip = 10.0.0.0/33"), "\"10.0.0.0/33\" must have a prefix length from 0 to 32");
  EXPECT_EQ(where_error("src_ip = 2001:db8::/129"),
            "\"2001:db8::/129\" must have a prefix length from 0 to 128");
  EXPECT_EQ(where_error("src_ip = 10.1.2.3/8"),
            "\"10.1.2.3/8\" has bits beyond its prefix; the network is 10.0.0.0/8");
  EXPECT_EQ(where_error("src_ip = 2001:db8::1/32"),
            "\"2001:db8::1/32\" has bits beyond its prefix; the network is 2001:db8::/32");
  EXPECT_EQ(where_error("src_ip = example.org"),
            "\"example.org\" is neither an address nor a network (192.0.2.1, 10.0.0.0/8, 2001:db8::/32)");
  EXPECT_EQ(where_error("src_ip < 10.0.0.1"),
            "src_ip <: addresses are not compared by size; use =, !=, in or not in, with a network such as "
            "10.0.0.0/8");
  EXPECT_EQ(
      where_error("tcp_flags = SS"),
      "\"SS\" is no value of tcp_flags: a number from 0 to 255 or a range (1-5), or letters out of FSRPAUEC, "
      "each once");
  EXPECT_EQ(where_error("dst_port == 1"),
            "\"==\" is no comparison of dst_port (known: =, !=, in, not in, <, <=, >, >=)");
  EXPECT_EQ(where_error("dst_port = 1 or dst_port = 2"), "\"or\" stands where \"and\" or the end should be");
  EXPECT_EQ(where_error("dst_port = "), "a value of dst_port is missing at the end");
  EXPECT_EQ(where_error("dst_port = ,1"), "a value of dst_port is missing before \",\"");
  EXPECT_EQ(where_error("dst_port < 0"), "\"0\" has nothing below it: dst_port < 0");
  EXPECT_EQ(where_error("dst_port > 65535"), "\"65535\" has nothing above it: dst_port > 65535");
  EXPECT_EQ(where_error("dst_port < 1-2"), "\"1-2\" is no number from 0 to 65535, as dst_port < needs");
  EXPECT_EQ(where_error("dst_port = 1 and"),
            "a condition is missing (known: src_ip, dst_ip, src_port, dst_port, protocol, vlan, tcp_flags)");
}

TEST(Where, RefusesWhatLooksLikeSqlOrIsCutByAZeroByte) {
  for (const std::string text :
       {"src_port = 1 OR 1=1", "src_port = 1; DROP TABLE epochs", "src_port = '1'", "1=1", "src_port = 1)--",
        "protocol = -1", "vlan = 4096", "protocol = 0x6", "src_ip = 10.0.0.1 union select", "src_ip = 1%"}) {
    where_error(text);
  }
  where_error(std::string("src_ip = 10.0.0.1\0 and", 23));
  where_error(std::string("src_port = 1\0", 13));
}

TEST(Where, BoundsTheNumberOfValues) {
  std::string text = "src_port in 1";
  for (int i = 1; i < 256; ++i) text += ",1";
  EXPECT_EQ(where(text)[0].numbers.size(), 256u);
  EXPECT_EQ(where_error(text + ",1"), "more than 256 values");
}

TEST(Fields, AreReadInAnyOrderEachOnce) {
  KeyFields both;
  both.add(KeyField::kSrcIp);
  both.add(KeyField::kVlan);
  EXPECT_EQ(*parse_fields("vlan,src_ip"), both);
  const std::string known = "(known: src_ip, dst_ip, src_port, dst_port, protocol, vlan)";
  EXPECT_EQ(parse_fields("src_ip,srcip").status().message(), "\"srcip\" is no key field " + known);
  EXPECT_EQ(parse_fields("src_ip,").status().message(), "\"\" is no key field " + known);
  EXPECT_EQ(parse_fields("vlan,vlan").status().message(), "\"vlan\" is there twice");
}

TEST(Time, IsReadFromTheCalendarWithFractionAndOffset) {
  EXPECT_EQ(*parse_time("1970-01-01T00:00:00Z", 0), 0u);
  EXPECT_EQ(*parse_time("2026-01-31T12:00:00Z", 0), 1769860800 * kSecond);
  EXPECT_EQ(*parse_time("2026-01-31t12:00:00.25z", 0), 1769860800 * kSecond + kSecond / 4);
  EXPECT_EQ(*parse_time("2026-01-31T13:30:00.000000001+01:30", 0), 1769860800 * kSecond + 1);
  EXPECT_EQ(*parse_time("2026-01-31 07:00:00-05:00", 0), 1769860800 * kSecond);
  EXPECT_EQ(*parse_time("2024-02-29T23:59:60Z", 0), 1709251200 * kSecond);
}

TEST(Time, IsReadAsNanosecondsAndBackFromNow) {
  EXPECT_EQ(*parse_time("1700000000000000000", 0), 1700000000 * kSecond);
  EXPECT_EQ(*parse_time("now", 17), 17u);
  EXPECT_EQ(*parse_time("-15m", 1'000 * kSecond), 100 * kSecond);
  EXPECT_EQ(*parse_time("-1d", kSecond), 0u);
}

// base/time_ns.h: a broken capture's time of 2^64 us less one second, as it is printed.
TEST(Time, ReadsBackTimesBeyondSixtyFourBits) {
  EXPECT_EQ(*parse_time("18446744073708551616000", 0), 0 - kSecond);
  EXPECT_EQ(*parse_time("99999999999999999999999", 0), (uint64_t{1} << 63) - 1);
}

TEST(Time, RefusesWhatIsNoneAndSaysWhatOneIs) {
  const std::string none =
      " is no time: 2026-01-31T12:00:00Z (with an offset: %2B01:00 in a URL), nanoseconds since 1970, now, "
      "or back "
      "from now such as -15m";
  for (const std::string text :
       {"", "yesterday", "2026-01-31", "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-01-31T24:00:00Z",
        "2026-01-31T12:00:00", "2026-01-31T12:00:00Zulu", "2026-01-31T12:00:00.Z",
        "2026-01-31T12:00:00 01:00", "2026-01-31T12:00:00.1234567890Z", "2026-01-31T12:00:00+24:00", "1e9",
        "100000000000000000000000"}) {
    EXPECT_EQ(parse_time(text, 0).status().message(), "\"" + text + "\"" + none);
  }
  EXPECT_EQ(parse_time("1969-12-31T23:59:59Z", 0).status().message(),
            "\"1969-12-31T23:59:59Z\" lies before 1970");
  EXPECT_EQ(parse_time("-15", 0).status().message(),
            "\"-15\" after its minus needs a unit (ns, us, ms, s, m, h, d; for example 10s)");
}

}  // namespace
}  // namespace netspectra

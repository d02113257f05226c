#include "base/units.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

namespace netspectra {
namespace {

using Parser = absl::StatusOr<uint64_t> (*)(const std::string&);

uint64_t value(Parser parse, const std::string& text) {
  const auto result = parse(text);
  EXPECT_TRUE(result.ok()) << text << ": " << result.status();
  return result.value_or(0);
}

std::string mistake(Parser parse, const std::string& text) {
  const auto result = parse(text);
  EXPECT_FALSE(result.ok()) << text << " was read as " << *result;
  return std::string(result.status().message());
}

TEST(ParseDuration, KnowsEveryUnit) {
  EXPECT_EQ(value(parse_duration, "7ns"), 7u);
  EXPECT_EQ(value(parse_duration, "250us"), 250'000u);
  EXPECT_EQ(value(parse_duration, "500ms"), 500'000'000u);
  EXPECT_EQ(value(parse_duration, "10s"), 10'000'000'000u);
  EXPECT_EQ(value(parse_duration, "1m"), 60'000'000'000u);
  EXPECT_EQ(value(parse_duration, "1h"), 3'600'000'000'000u);
  EXPECT_EQ(value(parse_duration, "1d"), 86'400'000'000'000u);
  EXPECT_EQ(value(parse_duration, "0s"), 0u);
  EXPECT_EQ(value(parse_duration, "007s"), 7'000'000'000u);
}

TEST(ParseDuration, WantsAUnit) {
  for (const char* text : {"10", "0"}) {
    EXPECT_EQ(mistake(parse_duration, text), "needs a unit (ns, us, ms, s, m, h, d; for example 10s)");
  }
}

TEST(ParseDuration, RefusesWhatIsNotAWholeNumberAndAUnit) {
  for (const char* text :
       {"", "s", "-1s", "+1s", "1.5s", "10 s", " 10s", "10s ", "10S", "10sec", "1m30s", "0x10s", "ten"}) {
    EXPECT_EQ(mistake(parse_duration, text),
              "must be a whole number and a unit (ns, us, ms, s, m, h, d; for example 10s)")
        << text;
  }
}

TEST(ParseDuration, GoesUpToTheLastNanosecondAndNoFurther) {
  EXPECT_EQ(value(parse_duration, "18446744073709551615ns"), UINT64_MAX);
  EXPECT_EQ(mistake(parse_duration, "18446744073709551616ns"),
            "is too large (at most 18446744073709551615ns)");
  EXPECT_EQ(value(parse_duration, "213503d"), 213503u * 86'400'000'000'000u);
  EXPECT_EQ(mistake(parse_duration, "213504d"), "is too large (at most 213503d)");
  EXPECT_EQ(mistake(parse_duration, "99999999999999999999999s"), "is too large (at most 18446744073s)");
  EXPECT_EQ(mistake(parse_duration, "99999999999999999999999"),
            "needs a unit (ns, us, ms, s, m, h, d; for example 10s)");
}

TEST(ParseCount, KnowsDecimalAndBinaryUnits) {
  EXPECT_EQ(value(parse_count, "0"), 0u);
  EXPECT_EQ(value(parse_count, "4096"), 4096u);
  EXPECT_EQ(value(parse_count, "250k"), 250'000u);
  EXPECT_EQ(value(parse_count, "250K"), 250'000u);
  EXPECT_EQ(value(parse_count, "1M"), 1'000'000u);
  EXPECT_EQ(value(parse_count, "2G"), 2'000'000'000u);
  EXPECT_EQ(value(parse_count, "64Ki"), 65'536u);
  EXPECT_EQ(value(parse_count, "1Mi"), 1'048'576u);
  EXPECT_EQ(value(parse_count, "1Gi"), 1'073'741'824u);
}

TEST(ParseCount, RefusesEverythingElse) {
  for (const char* text : {"", "k", "-1", "1.5M", "1 M", "1m", "1ki", "1kB", "1T", "many"}) {
    EXPECT_EQ(mistake(parse_count, text),
              "must be a whole number, with or without a unit (k, M, G, Ki, Mi, Gi; for example 250k)")
        << text;
  }
}

TEST(ParseCount, ChecksForOverflow) {
  EXPECT_EQ(value(parse_count, "18446744073709551615"), UINT64_MAX);
  EXPECT_EQ(mistake(parse_count, "18446744073709551616"), "is too large (at most 18446744073709551615)");
  EXPECT_EQ(value(parse_count, "17179869183Gi"), 17179869183u * 1'073'741'824u);
  EXPECT_EQ(mistake(parse_count, "17179869184Gi"), "is too large (at most 17179869183Gi)");
}

TEST(ParseShare, IsReadToTheMillionthOfTheWhole) {
  EXPECT_EQ(parse_share_ppm("0.1%"), 1'000u);
  EXPECT_EQ(parse_share_ppm("0.0001%"), 1u);
  EXPECT_EQ(parse_share_ppm("12.50%"), 125'000u);
  EXPECT_EQ(parse_share_ppm("007.5%"), 75'000u);
  EXPECT_EQ(parse_share_ppm("100.0000%"), 1'000'000u);
  for (const char* text : {"", "%", "1", "0%", "-1%", "+1%", " 1%", "1 %", ".1%", "1.%", "1.2.3%", "0.00001%",
                           "100.0001%", "101%", "4294967297%", "1%%", "1e1%"}) {
    EXPECT_EQ(parse_share_ppm(text), 0u) << text;
  }
}

TEST(FormatCount, SeparatesThousands) {
  EXPECT_EQ(format_count(0), "0");
  EXPECT_EQ(format_count(999), "999");
  EXPECT_EQ(format_count(1'000), "1,000");
  EXPECT_EQ(format_count(100'000), "100,000");
  EXPECT_EQ(format_count(1'234'567), "1,234,567");
  EXPECT_EQ(format_count(UINT64_MAX), "18,446,744,073,709,551,615");
}

TEST(HumanCount, HasTwoDecimalsFromAThousandOn) {
  EXPECT_EQ(human_count(0), "0");
  EXPECT_EQ(human_count(999), "999");
  EXPECT_EQ(human_count(1'000), "1.00 k");
  EXPECT_EQ(human_count(1'234'567), "1.23 M");
  EXPECT_EQ(human_count(12'345'678'901), "12.35 G");
  EXPECT_EQ(human_count(UINT64_MAX), "18.45 E");
}

TEST(HumanCount, NeverShowsAThousandOfAUnit) {
  EXPECT_EQ(human_count(999'994), "999.99 k");
  EXPECT_EQ(human_count(999'995), "1.00 M");
  EXPECT_EQ(human_count(999'999'999), "1.00 G");
}

TEST(HumanBytes, HasOneDecimalAndDecimalUnits) {
  EXPECT_EQ(human_bytes(0), "0 B");
  EXPECT_EQ(human_bytes(999), "999 B");
  EXPECT_EQ(human_bytes(1'000), "1.0 kB");
  EXPECT_EQ(human_bytes(1'234'567'890), "1.2 GB");
  EXPECT_EQ(human_bytes(999'949), "999.9 kB");
  EXPECT_EQ(human_bytes(999'950), "1.0 MB");
  EXPECT_EQ(human_bytes(UINT64_MAX), "18.4 EB");
}

TEST(HumanBitsPerSecond, HasTwoDecimalsFromAThousandOn) {
  EXPECT_EQ(human_bits_per_second(0), "0 bit/s");
  EXPECT_EQ(human_bits_per_second(999.4), "999 bit/s");
  EXPECT_EQ(human_bits_per_second(999.5), "1.00 kbit/s");
  EXPECT_EQ(human_bits_per_second(9.87e9), "9.87 Gbit/s");
  EXPECT_EQ(human_bits_per_second(1e23), "100000.00 Ebit/s");
}

TEST(FormatDuration, PicksTheUnit) {
  EXPECT_EQ(format_duration_ns(0), "0 ns");
  EXPECT_EQ(format_duration_ns(999), "999 ns");
  EXPECT_EQ(format_duration_ns(1'000), "1.0 us");
  EXPECT_EQ(format_duration_ns(1'234'567), "1.2 ms");
  EXPECT_EQ(format_duration_ns(12'345'000'000), "12.3 s");
  EXPECT_EQ(format_duration_ns(60'000'000'000), "1 min 00 s");
  EXPECT_EQ(format_duration_ns(123'000'000'000), "2 min 03 s");
  EXPECT_EQ(format_duration_ns(7'380'000'000'000), "2 h 03 min");
  EXPECT_EQ(format_duration_ns(457'200'000'000'000), "5 d 07 h");
  EXPECT_EQ(format_duration_ns(UINT64_MAX), "213504 d 00 h");
}

TEST(FormatDuration, RoundsIntoTheNextUnitWhereItIsFull) {
  EXPECT_EQ(format_duration_ns(999'949), "999.9 us");
  EXPECT_EQ(format_duration_ns(999'950), "1.0 ms");
  EXPECT_EQ(format_duration_ns(999'950'000), "1.0 s");
  EXPECT_EQ(format_duration_ns(59'949'999'999), "59.9 s");
  EXPECT_EQ(format_duration_ns(59'950'000'000), "1 min 00 s");
  EXPECT_EQ(format_duration_ns(3'599'499'999'999), "59 min 59 s");
  EXPECT_EQ(format_duration_ns(3'599'500'000'000), "1 h 00 min");
  EXPECT_EQ(format_duration_ns(86'369'999'999'999), "23 h 59 min");
  EXPECT_EQ(format_duration_ns(86'370'000'000'000), "1 d 00 h");
}

TEST(ExactDuration, IsReadBackUnchanged) {
  EXPECT_EQ(exact_duration_ns(0), "0s");
  EXPECT_EQ(exact_duration_ns(10'000'000'000), "10s");
  EXPECT_EQ(exact_duration_ns(60'000'000'000), "1m");
  EXPECT_EQ(exact_duration_ns(90'000'000'000), "90s");
  EXPECT_EQ(exact_duration_ns(1'500'000'000), "1500ms");
  EXPECT_EQ(exact_duration_ns(172'800'000'000'000), "2d");
  for (uint64_t ns : {uint64_t{0}, uint64_t{1}, uint64_t{86'400'000'000'001}, UINT64_MAX}) {
    EXPECT_EQ(value(parse_duration, exact_duration_ns(ns)), ns);
  }
}

TEST(FormatTime, IsUtcWithNanoseconds) {
  EXPECT_EQ(format_time_ns(0), "1970-01-01 00:00:00.000000000Z");
  EXPECT_EQ(format_time_ns(1'767'323'045'678'901'234), "2026-01-02 03:04:05.678901234Z");
  EXPECT_EQ(format_time_ns(951'868'799'999'999'999), "2000-02-29 23:59:59.999999999Z");
  EXPECT_EQ(format_time_ns(INT64_MAX), "2262-04-11 23:47:16.854775807Z");
  EXPECT_EQ(format_time_ns(UINT64_MAX), "2554-07-21 23:34:33.709551615Z");
}

}  // namespace
}  // namespace netspectra

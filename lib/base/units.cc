#include "base/units.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <initializer_list>
#include <span>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace netspectra {
namespace {

struct Unit {
  const char* name;
  uint64_t size;
};

constexpr Unit kDurationUnits[] = {
    {"ns", 1},
    {"us", 1'000},
    {"ms", 1'000'000},
    {"s", 1'000'000'000},
    {"m", 60'000'000'000},
    {"h", 3'600'000'000'000},
    {"d", 86'400'000'000'000},
};
constexpr Unit kCountUnits[] = {
    {"", 1},
    {"k", 1'000},
    {"K", 1'000},
    {"M", 1'000'000},
    {"G", 1'000'000'000},
    {"Ki", uint64_t{1} << 10},
    {"Mi", uint64_t{1} << 20},
    {"Gi", uint64_t{1} << 30},
};

struct Quantity {
  std::span<const Unit> units;
  const char* number;    // what the whole is
  const char* examples;  // the units, one spelling of each
};

constexpr Quantity kDuration = {kDurationUnits, "a whole number and a unit",
                                "ns, us, ms, s, m, h, d; for example 10s"};
constexpr Quantity kCount = {kCountUnits, "a whole number, with or without a unit",
                             "k, M, G, Ki, Mi, Gi; for example 250k"};

absl::StatusOr<uint64_t> parse_quantity(const std::string& text, const Quantity& quantity) {
  uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [behind, error] = std::from_chars(text.data(), end, number);
  const std::string suffix(behind, end);
  const auto unit = std::find_if(quantity.units.begin(), quantity.units.end(),
                                 [&](const Unit& u) { return suffix == u.name; });
  if (behind == text.data() || (unit == quantity.units.end() && !suffix.empty())) {
    return absl::InvalidArgumentError(
        absl::StrCat("must be ", quantity.number, " (", quantity.examples, ")"));
  }
  if (unit == quantity.units.end()) {
    return absl::InvalidArgumentError(absl::StrCat("needs a unit (", quantity.examples, ")"));
  }
  if (error == std::errc::result_out_of_range || number > UINT64_MAX / unit->size) {
    return absl::InvalidArgumentError(
        absl::StrCat("is too large (at most ", UINT64_MAX / unit->size, unit->name, ")"));
  }
  return number * unit->size;
}

// 1234567 with two decimals -> "1.23 M": the largest prefix that leaves at least 1. What would round up to
// 1000 moves on to the next prefix. Below 1000 there is no prefix and no decimals.
std::string scaled(double value, int decimals, const char* unit) {
  constexpr const char* kPrefixes[] = {"", "k", "M", "G", "T", "P", "E"};
  const char* const* prefix = kPrefixes;
  const double half_digit = decimals == 1 ? 0.05 : 0.005;
  for (double slack = 0.5; value >= 1000 - slack && prefix + 1 != std::end(kPrefixes); slack = half_digit) {
    value /= 1000;
    ++prefix;
  }
  const std::string number = absl::StrFormat("%.*f", prefix == kPrefixes ? 0 : decimals, value);
  const std::string suffix = absl::StrCat(*prefix, unit);
  return suffix.empty() ? number : absl::StrCat(number, " ", suffix);
}

constexpr uint64_t rounded_quotient(uint64_t value, uint64_t divisor) {
  return value / divisor + (value % divisor >= divisor - divisor / 2 ? 1 : 0);
}

}  // namespace

absl::StatusOr<uint64_t> parse_duration(const std::string& text) { return parse_quantity(text, kDuration); }

absl::StatusOr<uint64_t> parse_count(const std::string& text) { return parse_quantity(text, kCount); }

uint32_t parse_share_ppm(const std::string& text) {
  constexpr uint32_t kPercentPpm = 10'000;
  constexpr size_t kDecimals = 4;  // of a percent: millionths of the whole
  if (!text.ends_with('%')) return 0;
  const char* const end = text.data() + text.size() - 1;
  uint32_t percent = 0;
  const auto [point, error] = std::from_chars(text.data(), end, percent);
  if (error != std::errc() || percent > 100) return 0;
  std::string decimals(point, end);  // with their point
  if (!decimals.empty() && (decimals[0] != '.' || decimals.size() < 2 || decimals.size() > 1 + kDecimals ||
                            decimals.find_first_not_of("0123456789", 1) != std::string::npos)) {
    return 0;
  }
  decimals.resize(1 + kDecimals, '0');
  uint32_t ppm = 0;
  std::from_chars(decimals.data() + 1, decimals.data() + 1 + kDecimals, ppm);
  ppm += percent * kPercentPpm;
  return ppm <= 100 * kPercentPpm ? ppm : 0;
}

std::string format_count(uint64_t count) {
  std::string text = absl::StrCat(count);
  for (size_t at = text.size(); at > 3;) text.insert(at -= 3, ",");
  return text;
}

std::string human_count(uint64_t count) { return scaled(static_cast<double>(count), 2, ""); }

std::string human_bytes(uint64_t bytes) { return scaled(static_cast<double>(bytes), 1, "B"); }

std::string human_bits_per_second(double bits_per_second) { return scaled(bits_per_second, 2, "bit/s"); }

std::string format_duration_ns(uint64_t duration_ns) {
  if (duration_ns < 1'000) return absl::StrCat(duration_ns, " ns");
  // One decimal, up to a minute. A value that rounds up to its limit is shown in the next unit.
  struct Step {
    const char* unit;
    uint64_t tenth_ns;
    uint64_t limit_tenths;
  };
  for (const Step& step :
       {Step{"us", 100, 10'000}, Step{"ms", 100'000, 10'000}, Step{"s", 100'000'000, 600}}) {
    const uint64_t tenths = rounded_quotient(duration_ns, step.tenth_ns);
    if (tenths < step.limit_tenths) return absl::StrFormat("%u.%u %s", tenths / 10, tenths % 10, step.unit);
  }
  const uint64_t seconds = rounded_quotient(duration_ns, 1'000'000'000);
  if (seconds < 3'600) return absl::StrFormat("%u min %02u s", seconds / 60, seconds % 60);
  const uint64_t minutes = rounded_quotient(duration_ns, 60'000'000'000);
  if (minutes < 24 * 60) return absl::StrFormat("%u h %02u min", minutes / 60, minutes % 60);
  const uint64_t hours = rounded_quotient(duration_ns, 3'600'000'000'000);
  return absl::StrFormat("%u d %02u h", hours / 24, hours % 24);
}

std::string exact_duration_ns(uint64_t duration_ns) {
  if (duration_ns == 0) return "0s";
  const auto unit = std::find_if(std::rbegin(kDurationUnits), std::rend(kDurationUnits),
                                 [&](const Unit& u) { return duration_ns % u.size == 0; });
  return absl::StrCat(duration_ns / unit->size, unit->name);
}

std::string format_time_ns(uint64_t time_ns) {
  using namespace std::chrono;
  const sys_seconds time{seconds{time_ns / 1'000'000'000}};
  const sys_days day = floor<days>(time);
  const year_month_day date{day};
  const hh_mm_ss clock{time - day};
  return absl::StrFormat("%04d-%02d-%02d %02d:%02d:%02d.%09dZ", int(date.year()), unsigned(date.month()),
                         unsigned(date.day()), clock.hours().count(), clock.minutes().count(),
                         clock.seconds().count(), time_ns % 1'000'000'000);
}

}  // namespace netspectra

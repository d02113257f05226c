#include <algorithm>
#include <chrono>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/time_ns.h"
#include "base/units.h"
#include "query/parse.h"

namespace netspectra {
namespace {

constexpr size_t kMaxDigits = 23;  // of 2^64 us in ns: time_ns.h

absl::Status wrong(const std::string& text, const std::string& why) {
  return absl::InvalidArgumentError(absl::StrCat("\"", text, "\" ", why));
}

bool is_digit(char c) { return absl::ascii_isdigit(static_cast<unsigned char>(c)); }

// Reads from the front: each function takes what it is about, or fails for good.
class Reader {
 public:
  explicit Reader(const std::string& text) : left_(text) {}

  bool failed() const { return failed_; }
  bool at_end() const { return left_.empty(); }

  int digits(size_t count) {
    int number = 0;
    for (size_t i = 0; i < count; ++i) {
      const char c = one();
      if (!is_digit(c)) failed_ = true;
      number = number * 10 + (c - '0');
    }
    return failed_ ? 0 : number;
  }
  char one_of(std::string_view allowed) {
    const char c = one();
    if (allowed.find(c) == std::string_view::npos) failed_ = true;
    return c;
  }
  // ".5" -> 500'000'000; nothing where there is none.
  int64_t fraction_ns() {
    if (left_.empty() || left_[0] != '.') return 0;
    left_.remove_prefix(1);
    int64_t ns = 0;
    size_t count = 0;
    for (; count <= 9 && !left_.empty() && is_digit(left_[0]); ++count) ns = ns * 10 + (one() - '0');
    if (count == 0 || count > 9) failed_ = true;
    for (; count < 9; ++count) ns *= 10;
    return ns;
  }

 private:
  char one() {
    if (failed_ || left_.empty()) {
      failed_ = true;
      return '\0';
    }
    const char c = left_[0];
    left_.remove_prefix(1);
    return c;
  }

  std::string_view left_;
  bool failed_ = false;
};

// RFC 3339, 5.6; a leap second is the second after it.
std::optional<int128> parse_calendar(const std::string& text) {
  using namespace std::chrono;
  Reader reader(text);
  const int y = reader.digits(4);
  reader.one_of("-");
  const int mon = reader.digits(2);
  reader.one_of("-");
  const int d = reader.digits(2);
  reader.one_of("Tt ");
  const int h = reader.digits(2);
  reader.one_of(":");
  const int min = reader.digits(2);
  reader.one_of(":");
  const int s = reader.digits(2);
  const int64_t fraction_ns = reader.fraction_ns();
  const char zone = reader.one_of("Zz+-");
  int offset_min = 0;
  if (zone == '+' || zone == '-') {
    const int offset_h = reader.digits(2);
    reader.one_of(":");
    const int rest = reader.digits(2);
    if (offset_h > 23 || rest > 59) return std::nullopt;
    offset_min = (offset_h * 60 + rest) * (zone == '-' ? -1 : 1);
  }
  const year_month_day date{year{y}, month{static_cast<unsigned>(mon)}, day{static_cast<unsigned>(d)}};
  if (reader.failed() || !reader.at_end() || !date.ok() || h > 23 || min > 59 || s > 60) return std::nullopt;
  const int64_t days = sys_days{date}.time_since_epoch().count();
  const int64_t second = days * 86'400 + h * 3'600 + (min - offset_min) * 60 + s;
  return int128{second} * 1'000'000'000 + fraction_ns;
}

}  // namespace

absl::StatusOr<uint64_t> parse_time(const std::string& text, uint64_t now_ns) {
  if (text == "now") return now_ns;
  if (text.starts_with('-')) {
    const absl::StatusOr<uint64_t> back = parse_duration(text.substr(1));
    if (!back.ok())
      return wrong(text, absl::StrCat("after its minus ", std::string(back.status().message())));
    return now_ns - std::min(now_ns, *back);
  }
  if (!text.empty() && text.size() <= kMaxDigits && std::all_of(text.begin(), text.end(), is_digit)) {
    int128 time_ns = 0;
    for (const char c : text) time_ns = time_ns * 10 + (c - '0');
    return fold_time_ns(time_ns);
  }
  const std::optional<int128> time_ns = parse_calendar(text);
  if (!time_ns) {
    return wrong(text,
                 "is no time: 2026-01-31T12:00:00Z (with an offset: %2B01:00 in a URL), nanoseconds since "
                 "1970, now, or back from now such as -15m");
  }
  if (*time_ns < 0) return wrong(text, "lies before 1970");
  return fold_time_ns(*time_ns);
}

}  // namespace netspectra

#include "config/values.h"

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/units.h"
#include "config/words.h"

namespace netspectra {
namespace {

constexpr uint64_t kMaxPeriodNs = 365ull * 86'400'000'000'000;

// The units of a count, and a B behind them.
absl::StatusOr<uint64_t> parse_size(const std::string& text) {
  if (!text.ends_with('B')) return must("a size");
  return parse_count(text.substr(0, text.size() - 1));
}

}  // namespace

absl::Status must(const std::string& be) { return absl::InvalidArgumentError(absl::StrCat("must be ", be)); }

absl::Status set_whole_number(const std::string& text, unsigned least, unsigned most, unsigned& number) {
  const absl::StatusOr<uint64_t> value = parse_count(text);
  if (!value.ok() || *value < least || *value > most) {
    return must(absl::StrCat("a whole number from ", least, " to ", most));
  }
  number = static_cast<unsigned>(*value);
  return absl::OkStatus();
}

absl::Status set_size(const std::string& text, const std::string& least, const std::string& most,
                      uint64_t& bytes) {
  const absl::StatusOr<uint64_t> size = parse_size(text);
  if (!size.ok() || *size < *parse_size(least) || (!most.empty() && *size > *parse_size(most))) {
    const std::string bounds =
        most.empty() ? absl::StrCat("of at least ", least) : absl::StrCat("from ", least, " to ", most);
    return must(absl::StrCat("a size ", bounds, " (B, kB, MB, GB, KiB, MiB, GiB; for example 256KiB)"));
  }
  bytes = *size;
  return absl::OkStatus();
}

absl::Status set_period(const std::string& text, uint64_t& period_ns) {
  const absl::StatusOr<uint64_t> period = parse_duration(text);
  if (!period.ok()) return period.status();
  if (*period > kMaxPeriodNs) return must("at most 365d");
  period_ns = *period;
  return absl::OkStatus();
}

absl::Status set_yes_or_no(const std::string& text, bool& yes) {
  if (text != "true" && text != "false") return must("true or false");
  yes = text == "true";
  return absl::OkStatus();
}

absl::Status set_top(const std::string& text, std::optional<uint64_t>& top) {
  const absl::StatusOr<uint64_t> rows = parse_count(text);
  if (rows.ok()) top = *rows;
  return rows.status();
}

absl::Status set_format(const std::string& text, Format& format) {
  const absl::StatusOr<size_t> index = find_word(text, kFormatNames);
  if (index.ok()) format = static_cast<Format>(*index);
  return index.status();
}

absl::Status set_output(const std::string& text, std::string& output) {
  if (text.empty()) return must("a file, or - for standard output");
  output = text;
  return absl::OkStatus();
}

}  // namespace netspectra

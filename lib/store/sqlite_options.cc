#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/units.h"
#include "store/sqlite_store.h"

namespace netspectra {
namespace {

// A partition is four tables and a part of each view, of which SQLite takes 500.
constexpr uint64_t kMostPartitions = 100;
// 7 days in steps of 7 hours.
constexpr uint64_t kDefaultPartitions = 24;

absl::Status wrong(const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat("store 'sqlite:': ", what));
}

absl::Status set_duration(const std::string& name, const std::string& text, uint64_t& duration_ns) {
  const absl::StatusOr<uint64_t> parsed = parse_duration(text);
  if (!parsed.ok()) return wrong(absl::StrCat(name, "=", text, " ", std::string(parsed.status().message())));
  if (*parsed == 0) return wrong(absl::StrCat(name, "=", text, " must be more than 0"));
  duration_ns = *parsed;
  return absl::OkStatus();
}

absl::Status set_option(const std::string& option, SqliteOptions& options) {
  const std::vector<std::string> parts = absl::StrSplit(option, absl::MaxSplits('=', 1));
  const std::string value = parts.size() == 2 ? parts[1] : "";
  if (parts[0] == "retention") return set_duration("retention", value, options.retention_ns);
  if (parts[0] == "partition") return set_duration("partition", value, options.partition_ns);
  return wrong(
      absl::StrCat("unknown option '", option, "'; known are: retention=DURATION, partition=DURATION"));
}

}  // namespace

absl::StatusOr<SqliteOptions> parse_sqlite_url(const std::string& rest) {
  SqliteOptions options;
  const size_t mark = rest.find('?');
  options.path = rest.substr(0, mark);
  if (options.path.empty()) return wrong("the file is missing; sqlite:PATH");
  if (mark != std::string::npos) {
    const std::string list = rest.substr(mark + 1);
    for (const std::string& option : std::vector<std::string>(absl::StrSplit(list, '&'))) {
      if (absl::Status status = set_option(option, options); !status.ok()) return status;
    }
  }
  if (options.retention_ns == 0 && options.partition_ns != 0) return wrong("partition= needs retention=");
  if (options.retention_ns != 0 && options.partition_ns == 0) {
    options.partition_ns = std::max<uint64_t>(1, options.retention_ns / kDefaultPartitions);
  }
  if (options.partition_ns > options.retention_ns) return wrong("partition= is longer than retention=");
  if (options.retention_ns != 0 && options.retention_ns / options.partition_ns > kMostPartitions) {
    return wrong(absl::StrCat("partition= must be at least a ", kMostPartitions, "th of retention="));
  }
  return options;
}

}  // namespace netspectra

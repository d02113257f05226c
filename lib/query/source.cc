#include "query/source.h"

#include "absl/strings/str_cat.h"
#include "query/clickhouse_source.h"
#include "query/sqlite_source.h"

namespace netspectra {

absl::StatusOr<std::unique_ptr<QuerySource>> open_query_source(const std::string& url) {
  constexpr const char* kKnown = "known are: sqlite:PATH, clickhouse://USER@HOST:PORT/DATABASE";
  const size_t colon = url.find(':');
  if (colon == std::string::npos) {
    return absl::InvalidArgumentError(absl::StrCat("store '", url, "': not a store URL; ", kKnown));
  }
  const std::string scheme = url.substr(0, colon), rest = url.substr(colon + 1);
  if (scheme == "sqlite") {
    const absl::StatusOr<SqliteOptions> options = parse_sqlite_url(rest);
    if (!options.ok()) return options.status();
    return open_sqlite_source(*options);
  }
  if (scheme == "clickhouse") {
    const absl::StatusOr<ClickHouseOptions> options = parse_clickhouse_url(url);
    if (!options.ok()) return options.status();
    return open_clickhouse_source(*options);
  }
  if (scheme == "files") {
    return absl::UnimplementedError(absl::StrCat(url, " is written only; use sqlite: or clickhouse: to ask"));
  }
  // The rest of the URL may hold a password: it is not repeated.
  return absl::InvalidArgumentError(absl::StrCat("store: unknown scheme '", scheme, ":'; ", kKnown));
}

}  // namespace netspectra

#include "store/store.h"

#include "absl/strings/str_cat.h"
#include "store/clickhouse_store.h"
#include "store/files_store.h"
#include "store/sqlite_store.h"

namespace netspectra {

std::string store_name(const std::string& url) {
  const size_t scheme = url.find("://");
  if (scheme == std::string::npos) return url;
  const size_t host = scheme + 3, path = url.find('/', host), at = url.rfind('@', path);
  return at == std::string::npos || at < host ? url : url.substr(0, host) + url.substr(at + 1);
}

absl::StatusOr<std::unique_ptr<Store>> open_store(const std::string& url) {
  constexpr const char* kKnown = "known are: files:DIR, sqlite:PATH, clickhouse://USER@HOST:PORT/DATABASE";
  const size_t colon = url.find(':');
  if (colon == std::string::npos) {
    return absl::InvalidArgumentError(absl::StrCat("store '", url, "': not a store URL; ", kKnown));
  }
  const std::string scheme = url.substr(0, colon), rest = url.substr(colon + 1);
  if (scheme == "files") return open_files_store(rest);
  if (scheme == "sqlite") {
    const absl::StatusOr<SqliteOptions> options = parse_sqlite_url(rest);
    if (!options.ok()) return options.status();
    return open_sqlite_store(*options);
  }
  if (scheme == "clickhouse") {
    const absl::StatusOr<ClickHouseOptions> options = parse_clickhouse_url(url);
    if (!options.ok()) return options.status();
    return open_clickhouse_store(*options);
  }
  // The rest of the URL may hold a password: it is not repeated.
  return absl::InvalidArgumentError(absl::StrCat("store: unknown scheme '", scheme, ":'; ", kKnown));
}

}  // namespace netspectra

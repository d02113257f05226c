#include "store/clickhouse_url.h"

#include <curl/curl.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/units.h"

namespace netspectra {
namespace {

constexpr uint16_t kHttpPort = 8123, kHttpsPort = 8443;  // ClickHouse's own defaults

struct CloseUrl {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using Url = std::unique_ptr<CURLU, CloseUrl>;

absl::Status wrong(const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat("store 'clickhouse:': ", what));
}

// "" where the URL has no such part.
std::string part(const Url& url, CURLUPart which, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url.get(), which, &text, flags) != CURLUE_OK) return "";
  std::string copy = text;
  curl_free(text);
  return copy;
}

absl::Status set_option(const std::string& option, ClickHouseOptions& options) {
  const std::vector<std::string> parts = absl::StrSplit(option, absl::MaxSplits('=', 1));
  const std::string value = parts.size() == 2 ? parts[1] : "";
  if (parts[0] == "tls") {
    if (value != "0" && value != "1") return wrong(absl::StrCat("tls=", value, " must be 0 or 1"));
    options.tls = value == "1";
    return absl::OkStatus();
  }
  if (parts[0] == "retention") {
    const absl::StatusOr<uint64_t> parsed = parse_duration(value);
    if (!parsed.ok())
      return wrong(absl::StrCat("retention=", value, " ", std::string(parsed.status().message())));
    if (*parsed == 0) return wrong(absl::StrCat("retention=", value, " must be more than 0"));
    options.retention_ns = *parsed;
    return absl::OkStatus();
  }
  return wrong(absl::StrCat("unknown option '", parts[0], "'; known are: retention=DURATION, tls=1"));
}

absl::Status set_database(const std::string& path, ClickHouseOptions& options) {
  if (path.size() <= 1) return absl::OkStatus();
  options.database = path.substr(1);
  const bool plain = std::all_of(options.database.begin(), options.database.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_';
  });
  if (!plain || absl::ascii_isdigit(static_cast<unsigned char>(options.database[0])))
    return wrong("the database's name must be of letters, digits and '_', and not begin with a digit");
  return absl::OkStatus();
}

}  // namespace

std::string ClickHouseOptions::name() const {
  return absl::StrCat("clickhouse://", host, ":", port, "/", database);
}

absl::StatusOr<ClickHouseOptions> parse_clickhouse_url(const std::string& url) {
  const Url parsed(curl_url());
  constexpr unsigned kFlags = CURLU_NON_SUPPORT_SCHEME;
  if (curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), kFlags) != CURLUE_OK ||
      part(parsed, CURLUPART_SCHEME) != "clickhouse" || part(parsed, CURLUPART_HOST).empty()) {
    return wrong(
        "not of the form clickhouse://[user[:password]@]host[:port][/database][?retention=7d&tls=1]");
  }
  ClickHouseOptions options;
  options.host = part(parsed, CURLUPART_HOST);
  const std::string list = part(parsed, CURLUPART_QUERY);
  for (const std::string& option : std::vector<std::string>(absl::StrSplit(list, '&', absl::SkipEmpty()))) {
    if (absl::Status status = set_option(option, options); !status.ok()) return status;
  }
  const std::string port = part(parsed, CURLUPART_PORT);
  uint32_t number = options.tls ? kHttpsPort : kHttpPort;
  if (!port.empty() && (!absl::SimpleAtoi(port, &number) || number == 0 || number > UINT16_MAX))
    return wrong("the port must be a number from 1 to 65535");
  options.port = static_cast<uint16_t>(number);
  if (const std::string user = part(parsed, CURLUPART_USER, CURLU_URLDECODE); !user.empty())
    options.user = user;
  options.password = part(parsed, CURLUPART_PASSWORD, CURLU_URLDECODE);
  const char* secret = std::getenv("CLICKHOUSE_PASSWORD");
  if (options.password.empty() && secret != nullptr) options.password = secret;
  if (absl::Status status = set_database(part(parsed, CURLUPART_PATH), options); !status.ok()) return status;
  return options;
}

}  // namespace netspectra

#include "options.h"

#include <curl/curl.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "config/command_line.h"
#include "config/values.h"
#include "config/words.h"

namespace netspectra {
namespace {

constexpr const char* kTokenVariable = "NETSPECTRA_TOKEN";
constexpr size_t kMaxTokenBytes = 4096;

constexpr const char* kCommands[] = {"top", "aggregate", "records", "tasks", "probes", "alerts", "live"};
constexpr const char* kFormats[] = {"table", "json"};
// Go to the server as they are.
constexpr const char* kParameters[] = {"task",  "from",   "to",   "by",    "where",    "order",
                                       "limit", "bucket", "site", "probe", "threshold"};

absl::Status set_url(const std::string& text, QueryOptions& options) {
  const std::unique_ptr<CURLU, void (*)(CURLU*)> url(curl_url(), curl_url_cleanup);
  const bool parsed =
      curl_url_set(url.get(), CURLUPART_URL, text.c_str(), CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK;
  const auto has = [&](CURLUPart part) {
    char* value = nullptr;
    const bool there = curl_url_get(url.get(), part, &value, 0) == CURLUE_OK;
    curl_free(value);
    return there;
  };
  const bool scheme = text.starts_with("http://") || text.starts_with("https://");
  if (!parsed || !scheme || has(CURLUPART_QUERY) || has(CURLUPART_FRAGMENT) || has(CURLUPART_USER)) {
    return must("http://HOST:PORT or https://HOST:PORT");
  }
  options.url = text.substr(0, text.find_last_not_of('/') + 1);
  return absl::OkStatus();
}

// A token goes into a header line: nothing in it may end the line.
absl::Status set_token(std::string text, QueryOptions& options) {
  text.erase(text.find_last_not_of(" \t\r\n") + 1);
  const bool good = !text.empty() && text.size() <= kMaxTokenBytes &&
                    std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
  if (!good)
    return absl::InvalidArgumentError("holds no token (one line of printable characters, no blanks)");
  options.token = std::move(text);
  return absl::OkStatus();
}

absl::Status read_token_file(const std::string& path, QueryOptions& options) {
  std::ifstream file(path, std::ios::binary);
  std::string text(kMaxTokenBytes + 3, '\0');  // with its line break, and one more to see that it is too long
  file.read(text.data(), std::streamsize(text.size()));
  if (file.gcount() == 0 && !file.eof()) return absl::InvalidArgumentError("cannot be read");
  text.resize(size_t(file.gcount()));
  return set_token(std::move(text), options);
}

absl::Status set_format(const std::string& text, QueryOptions& options) {
  const auto place = find_word(text, kFormats);
  if (!place.ok()) return place.status();
  options.format = static_cast<QueryFormat>(*place);
  return absl::OkStatus();
}

struct Setting {
  const char* name;
  absl::Status (*set)(const std::string&, QueryOptions&);
};
constexpr Setting kSettings[] = {
    {"url", set_url},
    {"token-file", read_token_file},
    {"ca",
     [](const std::string& text, QueryOptions& o) {
       if (!std::ifstream(text)) return absl::InvalidArgumentError("cannot be read");
       o.ca_file = text;
       return absl::OkStatus();
     }},
    {"format", set_format},
    {"duration", [](const std::string& text, QueryOptions& o) { return set_period(text, o.duration_ns); }},
};

std::vector<OptionName> option_names() {
  using Use = OptionName::Use;
  std::vector<OptionName> names = {
      {"help", 'h', Use::kFlag}, {"version", 0, Use::kFlag}, {"all", 0, Use::kFlag}};
  for (const Setting& setting : kSettings)
    names.push_back({setting.name, char(setting.set == set_format ? 'f' : 0)});
  for (const char* parameter : kParameters) names.push_back({parameter, 0});
  return names;
}

absl::Status apply(const CommandLine::Option& option, QueryOptions& options) {
  for (const Setting& setting : kSettings) {
    if (option.name == setting.name) return setting.set(option.value, options);
  }
  if (option.name == "all") options.all = true;
  if (std::find(std::begin(kParameters), std::end(kParameters), option.name) != std::end(kParameters)) {
    options.parameters.emplace_back(option.name, option.value);
  }
  return absl::OkStatus();
}

void read_command(const CommandLine& line, QueryOptions& options, std::vector<std::string>& mistakes) {
  if (!line.eal_args.empty()) mistakes.emplace_back("\"--\": ns-query has no EAL");
  if (line.files.empty()) {
    mistakes.push_back(absl::StrCat("no command is given (known: ", absl::StrJoin(kCommands, ", "), ")"));
    return;
  }
  options.command = line.files[0];
  const auto place = find_word(options.command, kCommands);
  if (!place.ok()) {
    mistakes.push_back(absl::StrCat("command ", options.command, " ", std::string(place.status().message())));
  }
  for (size_t i = 1; i < line.files.size(); ++i) {
    mistakes.push_back(absl::StrCat("\"", line.files[i],
                                    "\": is neither an option nor the command, which is ", options.command));
  }
  if (options.command == "live") {
    // Events are what happens from now on: there is nothing to select and no next page.
    for (const auto& [name, value] : line.options) {
      const bool parameter =
          std::find(std::begin(kParameters), std::end(kParameters), name) != std::end(kParameters);
      if (name == "all" || (parameter && name != "site" && name != "probe")) {
        mistakes.push_back(absl::StrCat("--", name, ": is no option of live"));
      }
    }
  } else if (line.has("duration")) {
    mistakes.emplace_back("--duration: is an option of live only");
  }
}

}  // namespace

absl::StatusOr<std::variant<QueryOptions, QueryEarlyExit>> parse_query_options(int argc,
                                                                               const char* const* argv) {
  const CommandLine line = read_command_line(argc, argv, option_names());
  if (line.has("help")) return QueryEarlyExit::kHelp;
  if (line.has("version")) return QueryEarlyExit::kVersion;

  QueryOptions options;
  std::vector<std::string> mistakes = line.mistakes;
  for (const CommandLine::Option& option : line.options) {
    const absl::Status status = apply(option, options);
    if (!status.ok()) {
      mistakes.push_back(
          absl::StrCat(quoted_option(option.name, option.value), ": ", std::string(status.message())));
    }
  }
  const char* token = std::getenv(kTokenVariable);
  if (!line.has("token-file") && token != nullptr && *token != '\0') {
    const absl::Status status = set_token(token, options);
    if (!status.ok()) mistakes.push_back(absl::StrCat(kTokenVariable, ": ", std::string(status.message())));
  }
  read_command(line, options, mistakes);
  if (!mistakes.empty()) return absl::InvalidArgumentError(absl::StrJoin(mistakes, "\n"));
  return options;
}

std::string query_help() {
  return R"(Usage: ns-query [options] COMMAND

Asks a running ns-engine what was measured, and what was lost meanwhile.

Commands
  top          the largest keys of a task: flows, heavy hitters, super spreaders, or its cardinality
  aggregate    sums of an exact task's records by any of its fields, over time or in buckets of time
  records      a task's rows as they were stored, one after the other: one flow or host through time
  tasks        what is measured
  probes       who measures, and what each of them has lost
  alerts       which alerts are firing, and which are about to
  live         a line for each epoch and alert as it comes, until Ctrl-C

What is asked for
      --task NAME        of this task (default: the first exact one)
      --from TIME        epochs from this time on: 2026-01-31T12:00:00Z, nanoseconds since 1970, or back from now:
                         --from=-15m (default: all that is stored)
      --to TIME          epochs before this time
      --by FIELD,...     sums by these fields (default: the task's)
      --where CONDITION  only what satisfies it: "src_ip in 10.0.0.0/8 and dst_port = 443 and protocol in 6,17"
      --order WHAT       the largest first, by bytes or packets; aggregate: the earliest first, by time
      --limit N          at most so many rows
      --bucket DURATION  sums for each so long a time: 60s
      --threshold N      keys that reach this value
      --site NAME        of this site only
      --probe NAME       of this probe only
      --all              all rows, however many answers it takes

Whom, and how
      --url URL          the engine (default: http://127.0.0.1:8080)
      --token-file FILE  holds the engine's token (default: the environment's NETSPECTRA_TOKEN)
      --ca FILE          certificates of the authorities to trust, PEM (default: the system's)
  -f, --format FORMAT    table, for people; json, for scripts: the answer as it came (default: table)
      --duration DURATION  live: stop after this time (default: 0s, at a signal)
  -h, --help             show this and exit
      --version          show the version and exit

Examples
  ns-query top
      the largest flows of all that is stored
  ns-query aggregate --by src_ip --where "dst_port = 443" --from=-15m --limit 20
      who sent most to port 443 in the last 15 minutes
  ns-query records --where "src_ip = 10.0.0.1" --all -f json
      everything that this host sent, for a script

Exit status: 0 done, 1 the server cannot be reached or refuses, 2 wrong usage.
)";
}

}  // namespace netspectra

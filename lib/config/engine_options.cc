#include "config/engine_options.h"

#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "config/alert_options.h"
#include "config/command_line.h"
#include "config/config_file.h"
#include "config/nats_options.h"
#include "config/values.h"

namespace netspectra {
namespace {

constexpr uint64_t kLeastGraceNs = 1'000'000'000;  // it is also what redelivery is measured by
constexpr const char* kAnybody = "*";

absl::Status set_token(const std::string& text, std::string& token) {
  const absl::Status status = text == kAnybody ? absl::OkStatus() : check_subject_token(text);
  if (status.ok()) token = text;
  return status;
}

absl::Status set_consumer(const std::string& text, EngineOptions& options) {
  const absl::Status status = check_subject_token(text);
  if (status.ok()) options.consumer = text;
  return status;
}

absl::Status set_store(const std::string& text, EngineOptions& options) {
  if (text.empty()) return absl::InvalidArgumentError("must not be empty");
  options.store = text;
  return absl::OkStatus();
}

absl::Status set_grace(const std::string& text, EngineOptions& options) {
  uint64_t grace_ns = 0;
  const absl::Status status = set_period(text, grace_ns);
  if (!status.ok()) return status;
  if (grace_ns < kLeastGraceNs) return must("at least 1s");
  options.grace_ns = grace_ns;
  return absl::OkStatus();
}

// The settings that are one value. Those with a key have it in the file.
struct Setting {
  const char* option;
  const char* key;  // nullptr: of the command line only
  absl::Status (*set)(const std::string&, EngineOptions&);
};
constexpr Setting kSettings[] = {
    {"site", "site", [](const std::string& text, EngineOptions& o) { return set_token(text, o.site); }},
    {"probe-id", "probe_id",
     [](const std::string& text, EngineOptions& o) { return set_token(text, o.probe_id); }},
    {"consumer", "consumer", set_consumer},
    {"store", "store", set_store},
    {"http", nullptr,
     [](const std::string& text, EngineOptions& o) { return set_http_address(text, o.http); }},
    {"grace", "grace", set_grace},
    {"memory-limit", "memory_limit",
     [](const std::string& text, EngineOptions& o) {
       return set_size(text, "16MiB", "", o.memory_limit_bytes);
     }},
    {"duration", nullptr,
     [](const std::string& text, EngineOptions& o) { return set_period(text, o.duration_ns); }},
};

std::vector<OptionName> option_names() {
  using Use = OptionName::Use;
  std::vector<OptionName> names = {
      {"help", 'h', Use::kFlag}, {"version", 0, Use::kFlag}, {"config", 'c'}, {"nats", 0, Use::kRepeatable}};
  for (const Setting& setting : kSettings) names.push_back({setting.option, 0});
  return names;
}

void read_engine_file(const ConfigNode& root, EngineOptions& options) {
  std::vector<ConfigNode::Key> keys = {
      {"nats", [&](const ConfigNode& map) { read_nats(map, options.nats); }},
      {"alerts", [&](const ConfigNode& map) { read_alerts(map, options.alerts); }},
      {"http", [&](const ConfigNode& map) { read_http(map, options.http); }},
  };
  for (const Setting& setting : kSettings) {
    if (setting.key == nullptr) continue;
    keys.push_back({setting.key, [&](const ConfigNode& value) {
                      value.read_text([&](const std::string& text) { return setting.set(text, options); });
                    }});
  }
  root.read_map(keys);
}

// The command line's words over what the file said; a list that is given here replaces the file's.
void apply(const CommandLine& line, EngineOptions& options, std::vector<std::string>& mistakes) {
  for (const std::string& file : line.files) mistakes.push_back(absl::StrCat("\"", file, "\": is no option"));
  if (!line.eal_args.empty()) mistakes.emplace_back("\"--\": ns-engine has no EAL");
  if (line.has("nats")) options.nats.urls.clear();
  for (const auto& [name, value] : line.options) {
    absl::Status status;
    if (name == "nats") status = add_nats_url(value, options.nats.urls);
    for (const Setting& setting : kSettings) {
      if (name == setting.option) status = setting.set(value, options);
    }
    if (!status.ok())
      mistakes.push_back(absl::StrCat(quoted_option(name, value), ": ", std::string(status.message())));
  }
}

// Two engines with different filters must not share a consumer. '*' is not allowed in its name, and neither a site nor
// a probe can have a '.', which is not allowed either: "=" before a name tells it from anybody.
std::string consumer_name(const EngineOptions& options) {
  const auto part = [](const std::string& token) {
    return token == kAnybody ? "any" : absl::StrCat("=", token);
  };
  return absl::StrCat("ns-engine-", part(options.site), "-", part(options.probe_id));
}

}  // namespace

absl::StatusOr<std::variant<EngineOptions, EarlyExit>> parse_engine_options(int argc,
                                                                            const char* const* argv) {
  const CommandLine line = read_command_line(argc, argv, option_names());
  if (line.has("help")) return EarlyExit::kHelp;
  if (line.has("version")) return EarlyExit::kVersion;

  EngineOptions options;
  std::vector<std::string> in_file;
  for (const auto& [name, value] : line.options) {
    if (name != "config") continue;
    in_file = read_config_file(value, [&](const ConfigNode& root) { read_engine_file(root, options); });
  }
  std::vector<std::string> mistakes = line.mistakes;
  apply(line, options, mistakes);
  mistakes.insert(mistakes.end(), in_file.begin(), in_file.end());
  if (mistakes.empty() && options.store.empty()) {
    mistakes.emplace_back(
        "no store is given (--store URL on the command line, or store: in the configuration)");
  }
  if (!mistakes.empty()) return absl::InvalidArgumentError(absl::StrJoin(mistakes, "\n"));
  if (options.consumer.empty()) options.consumer = consumer_name(options);
  return options;
}

}  // namespace netspectra

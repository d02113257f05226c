#include "config/probe_options.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/units.h"
#include "config/command_line.h"
#include "config/config_file.h"
#include "config/nats_options.h"
#include "config/probe_ports.h"
#include "config/task_list.h"
#include "config/task_spec.h"
#include "config/values.h"
#include "config/words.h"

namespace netspectra {
namespace {

constexpr uint64_t kLeastPeriodNs = 100'000'000;  // a snapshot has to be drained and published in it
constexpr std::array<const char*, 2> kModeNames = {"probe", "sub"};
constexpr std::array<const char*, 2> kSinkNames = {"nats", "local"};
constexpr const char* kLocalSink = kSinkNames[static_cast<size_t>(ProbeSink::kLocal)];
constexpr const char* kAnybody = "*";

absl::Status set_mode(const std::string& text, ProbeOptions& options) {
  const absl::StatusOr<size_t> index = find_word(text, kModeNames);
  if (index.ok()) options.mode = static_cast<ProbeMode>(*index);
  return index.status();
}

absl::Status set_sink(const std::string& text, ProbeOptions& options) {
  const absl::StatusOr<size_t> index = find_word(text, kSinkNames);
  if (index.ok()) options.sink = static_cast<ProbeSink>(*index);
  return index.status();
}

absl::Status set_token(const std::string& text, std::string& token) {
  const absl::Status status = check_subject_token(text);
  if (status.ok()) token = text;
  return status;
}

absl::Status set_probe_period(const std::string& text, ProbeOptions& options) {
  uint64_t period_ns = 0;
  const absl::Status status = set_period(text, period_ns);
  if (!status.ok()) return status;
  if (period_ns < kLeastPeriodNs) return must("at least 100ms");
  options.period_ns = period_ns;
  return absl::OkStatus();
}

bool is_ipv4_loopback(const std::string& address) {
  in_addr parsed{};
  return inet_pton(AF_INET, address.c_str(), &parsed) == 1 && ntohl(parsed.s_addr) >> 24 == IN_LOOPBACKNET;
}

// On loopback only: whoever can reach it reads it without a login.
absl::Status set_metrics(const std::string& text, ProbeOptions& options) {
  const size_t colon = text.rfind(':');
  const std::string address = text.substr(0, colon == std::string::npos ? 0 : colon);
  const std::string port = text.substr(colon == std::string::npos ? text.size() : colon + 1);
  unsigned number = 0;
  const bool is_port = !port.empty() && std::all_of(port.begin(), port.end(), absl::ascii_isdigit) &&
                       set_whole_number(port, 1, 65535, number).ok();
  if (!is_port || (!is_ipv4_loopback(address) && address != "[::1]")) {
    return must("ADDR:PORT on loopback: 127.0.0.1:9464 or [::1]:9464");
  }
  options.metrics = text;
  return absl::OkStatus();
}

// The settings that are one value. Those with a key have it in the file.
struct Setting {
  const char* option;
  const char* key;  // nullptr: of the command line only
  char letter;
  absl::Status (*set)(const std::string&, ProbeOptions&);
};
constexpr Setting kSettings[] = {
    {"mode", nullptr, 0, set_mode},
    {"site", "site", 0, [](const std::string& text, ProbeOptions& o) { return set_token(text, o.site); }},
    {"probe-id", "probe_id", 0,
     [](const std::string& text, ProbeOptions& o) { return set_token(text, o.probe_id); }},
    {"period", "period", 'p', set_probe_period},
    {"sink", "sink", 0, set_sink},
    {"spool", nullptr, 0,
     [](const std::string& text, ProbeOptions& o) { return set_spool_dir(text, o.nats); }},
    {"metrics", "metrics", 0, set_metrics},
    {"duration", nullptr, 0,
     [](const std::string& text, ProbeOptions& o) { return set_period(text, o.duration_ns); }},
    {"top", "top", 'n', [](const std::string& text, ProbeOptions& o) { return set_top(text, o.top); }},
    {"format", "format", 'f',
     [](const std::string& text, ProbeOptions& o) { return set_format(text, o.format); }},
    {"output", "output", 'o',
     [](const std::string& text, ProbeOptions& o) { return set_output(text, o.output); }},
    {"store", "store", 0,
     [](const std::string& text, ProbeOptions& o) {
       o.store = text;
       return absl::OkStatus();
     }},
};

// What has a meaning in some of the program's uses only.
constexpr const char* kOfLocalSink[] = {"top", "format", "output", "store"};
constexpr const char* kOfNatsSink[] = {"nats", "spool"};
constexpr const char* kOfProbing[] = {"port",  "queues", "task",   "period", "sink",  "spool",     "metrics",
                                      "check", "top",    "format", "output", "store", "share-cpus"};

bool is_among(const std::string& option, Words options) {
  return std::find(options.begin(), options.end(), option) != options.end();
}

std::vector<OptionName> option_names() {
  using Use = OptionName::Use;
  std::vector<OptionName> names = {{"help", 'h', Use::kFlag},       {"version", 0, Use::kFlag},
                                   {"check", 0, Use::kFlag},        {"share-cpus", 0, Use::kFlag},
                                   {"from-start", 0, Use::kFlag},   {"config", 'c'},
                                   {"port", 'i', Use::kRepeatable}, {"queues", 'q'},
                                   {"task", 't', Use::kRepeatable}, {"nats", 0, Use::kRepeatable}};
  for (const Setting& setting : kSettings) names.push_back({setting.option, setting.letter});
  return names;
}

std::string value_of(const CommandLine& line, const std::string& option) {
  for (const auto& [name, value] : line.options) {
    if (name == option) return value;
  }
  return "";
}

void read_probe_file(const ConfigNode& root, const CommandLine& line, ProbeOptions& options) {
  std::vector<ConfigNode> of_local_sink;
  bool sink_known = true;
  std::vector<ConfigNode::Key> keys = {
      {"ports", [&](const ConfigNode& list) { read_ports(list, options.ports); }},
      {"tasks", [&](const ConfigNode& tasks) { read_tasks(tasks, options.tasks); }},
      {"nats", [&](const ConfigNode& map) { read_nats(map, options.nats); }},
  };
  for (const Setting& setting : kSettings) {
    if (setting.key == nullptr) continue;
    keys.push_back({setting.key, [&](const ConfigNode& value) {
                      if (is_among(setting.option, kOfLocalSink)) of_local_sink.push_back(value);
                      value.read_text([&](const std::string& text) {
                        const absl::Status status = setting.set(text, options);
                        if (setting.set == set_sink) sink_known = status.ok();
                        return status;
                      });
                    }});
  }
  root.read_map(keys);
  // A file that sets up a local sink serves `--sink nats`, too, and `--mode sub`.
  const bool elsewhere = line.has("sink") || value_of(line, "mode") == kModeNames[1];
  if (options.sink == ProbeSink::kLocal || !sink_known || elsewhere) return;
  for (const ConfigNode& value : of_local_sink) value.mistake("needs sink: local");
}

std::vector<std::string> apply_option(const CommandLine::Option& option, ProbeOptions& options,
                                      unsigned& queues) {
  const auto& [name, value] = option;
  if (name == "task") return add_task_spec(value, options.tasks);
  absl::Status status;
  if (name == "port") status = add_port(value, options.ports);
  if (name == "queues") status = set_queues(value, queues);
  if (name == "nats") status = add_nats_url(value, options.nats.urls);
  for (const Setting& setting : kSettings) {
    if (name == setting.option) status = setting.set(value, options);
  }
  if (status.ok()) return {};
  return {std::string(status.message())};
}

// Why an option has no meaning here; "" where it has one.
std::string out_of_place(const std::string& option, const ProbeOptions& options) {
  if (options.mode == ProbeMode::kSubscribe)
    return is_among(option, kOfProbing) ? "is not for --mode sub" : "";
  if (option == "from-start") return "needs --mode sub";
  if (options.sink == ProbeSink::kNats) {
    return is_among(option, kOfLocalSink) ? absl::StrCat("needs --sink ", kLocalSink) : "";
  }
  return is_among(option, kOfNatsSink) ? absl::StrCat("is not for --sink ", kLocalSink) : "";
}

std::string named(const CommandLine::Option& option) {
  const bool flag = option.name == "check" || option.name == "from-start" || option.name == "share-cpus";
  return flag ? absl::StrCat("--", option.name) : quoted_option(option.name, option.value);
}

// The command line's words over what the file said; a list that is given here replaces the file's.
void apply(const CommandLine& line, ProbeOptions& options, std::vector<std::string>& mistakes) {
  options.eal_args = line.eal_args;
  options.check = line.has("check");
  options.from_start = line.has("from-start");
  options.share_cpus = line.has("share-cpus");
  for (const std::string& file : line.files) {
    mistakes.push_back(
        absl::StrCat("\"", file, "\": is no option (a port is --port SPEC, a capture --port pcap:FILE)"));
  }
  if (line.has("task")) options.tasks.clear();
  if (line.has("port")) options.ports.clear();
  if (line.has("nats")) options.nats.urls.clear();
  unsigned queues = 0;
  bool all_right = true;
  for (const CommandLine::Option& option : line.options) {
    for (const std::string& what : apply_option(option, options, queues)) {
      mistakes.push_back(absl::StrCat(named(option), ": ", what));
      all_right = all_right && option.name != "mode" && option.name != "sink";
    }
  }
  // Only where mode and sink are known.
  for (const CommandLine::Option& option : line.options) {
    const std::string what = all_right ? out_of_place(option.name, options) : "";
    if (!what.empty()) mistakes.push_back(absl::StrCat(named(option), ": ", what));
  }
  for (PortOptions& port : options.ports) port.queues = queues != 0 ? queues : port.queues;
}

std::string host_name() {
  char name[256] = {};
  if (gethostname(name, sizeof(name) - 1) != 0 || name[0] == '\0') return "probe";
  return name;
}

void fill_defaults(ProbeOptions& options) {
  const bool probing = options.mode == ProbeMode::kProbe;
  if (options.site.empty()) options.site = probing ? "default" : kAnybody;
  if (options.probe_id.empty()) options.probe_id = probing ? subject_token(host_name()) : kAnybody;
  if (options.tasks.empty()) options.tasks = default_tasks();
}

}  // namespace

absl::StatusOr<std::variant<ProbeOptions, EarlyExit>> parse_probe_options(int argc, const char* const* argv) {
  const CommandLine line = read_command_line(argc, argv, option_names());
  if (line.has("help")) return EarlyExit::kHelp;
  if (line.has("version")) return EarlyExit::kVersion;

  ProbeOptions options;
  options.config_file = value_of(line, "config");
  std::vector<std::string> in_file;
  if (line.has("config")) {
    in_file = read_config_file(options.config_file,
                               [&](const ConfigNode& root) { read_probe_file(root, line, options); });
  }
  std::vector<std::string> mistakes = line.mistakes;
  apply(line, options, mistakes);
  mistakes.insert(mistakes.end(), in_file.begin(), in_file.end());
  // Not where a mistake that is already told may be the reason.
  if (mistakes.empty()) mistakes = check_ports(options.ports);
  if (options.ports.empty() && options.mode == ProbeMode::kProbe && !options.check && mistakes.empty()) {
    mistakes.emplace_back(
        "no port is given (--port SPEC on the command line, or ports: in the configuration)");
  }
  if (!mistakes.empty()) return absl::InvalidArgumentError(absl::StrJoin(mistakes, "\n"));
  fill_defaults(options);
  return options;
}

}  // namespace netspectra

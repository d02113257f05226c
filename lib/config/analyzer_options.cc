#include "config/analyzer_options.h"

#include <array>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "config/command_line.h"
#include "config/config_file.h"
#include "config/task_list.h"
#include "config/task_spec.h"
#include "config/values.h"
#include "config/words.h"

namespace netspectra {
namespace {

constexpr unsigned kMaxWorkers = 16;  // software RSS feeds them by a net_ring port: at most 16 queues
constexpr std::array<const char*, 3> kProgressNames = {"auto", "always", "never"};

absl::Status set_workers(const std::string& text, AnalyzerOptions& options) {
  return set_whole_number(text, 1, kMaxWorkers, options.workers);
}

absl::Status set_store(const std::string& text, AnalyzerOptions& options) {
  options.store = text;
  return absl::OkStatus();
}

absl::Status set_filter(const std::string& text, AnalyzerOptions& options) {
  options.filter = text;
  return absl::OkStatus();
}

absl::Status set_progress(const std::string& text, AnalyzerOptions& options) {
  const absl::StatusOr<size_t> index = find_word(text, kProgressNames);
  if (index.ok()) options.progress = static_cast<ProgressMode>(*index);
  return index.status();
}

absl::Status add_file(const std::string& text, AnalyzerOptions& options) {
  if (text.empty()) return must("the name of a capture file");
  options.files.push_back(text);
  return absl::OkStatus();
}

// The settings that are one value, under the same name at both doors.
struct Setting {
  const char* name;
  char letter;
  absl::Status (*set)(const std::string&, AnalyzerOptions&);
};
constexpr Setting kSettings[] = {
    {"workers", 'w', set_workers},
    {"period", 'p',
     [](const std::string& text, AnalyzerOptions& o) { return set_period(text, o.period_ns); }},
    {"top", 'n', [](const std::string& text, AnalyzerOptions& o) { return set_top(text, o.top); }},
    {"format", 'f', [](const std::string& text, AnalyzerOptions& o) { return set_format(text, o.format); }},
    {"output", 'o', [](const std::string& text, AnalyzerOptions& o) { return set_output(text, o.output); }},
    {"store", 0, set_store},
    {"filter", 0, set_filter},
    {"progress", 0, set_progress},
};

std::vector<OptionName> option_names() {
  using Use = OptionName::Use;
  std::vector<OptionName> names = {{"help", 'h', Use::kFlag},
                                   {"version", 0, Use::kFlag},
                                   {"config", 'c'},
                                   {"task", 't', Use::kRepeatable}};
  for (const Setting& setting : kSettings) names.push_back({setting.name, setting.letter});
  return names;
}

void read_analyzer_file(const ConfigNode& root, AnalyzerOptions& options) {
  const auto add = [&](const std::string& text) { return add_file(text, options); };
  std::vector<ConfigNode::Key> keys = {
      {"files", [&](const ConfigNode& list) { list.read_texts(add); }},
      {"tasks", [&](const ConfigNode& tasks) { read_tasks(tasks, options.tasks); }},
  };
  for (const Setting& setting : kSettings) {
    keys.push_back({setting.name, [&](const ConfigNode& value) {
                      value.read_text([&](const std::string& text) { return setting.set(text, options); });
                    }});
  }
  root.read_map(keys);
}

// The command line's words over what the file said; a list that is given here replaces the file's.
void apply(const CommandLine& line, AnalyzerOptions& options, std::vector<std::string>& mistakes) {
  options.eal_args = line.eal_args;
  if (!line.files.empty()) options.files.clear();
  for (const std::string& file : line.files) {
    const absl::Status status = add_file(file, options);
    if (!status.ok()) mistakes.push_back(absl::StrCat("FILE \"", file, "\": ", status.message()));
  }
  if (line.has("task")) options.tasks.clear();
  for (const auto& [name, value] : line.options) {
    std::vector<std::string> wrong;
    if (name == "task") wrong = add_task_spec(value, options.tasks);
    for (const Setting& setting : kSettings) {
      if (name != setting.name) continue;
      const absl::Status status = setting.set(value, options);
      if (!status.ok()) wrong.emplace_back(status.message());
    }
    for (const std::string& what : wrong) {
      mistakes.push_back(absl::StrCat(quoted_option(name, value), ": ", what));
    }
  }
}

}  // namespace

absl::StatusOr<std::variant<AnalyzerOptions, EarlyExit>> parse_analyzer_options(int argc,
                                                                                const char* const* argv) {
  const CommandLine line = read_command_line(argc, argv, option_names());
  if (line.has("help")) return EarlyExit::kHelp;
  if (line.has("version")) return EarlyExit::kVersion;

  AnalyzerOptions options;
  std::vector<std::string> in_file;
  for (const auto& [name, value] : line.options) {
    if (name != "config") continue;
    in_file = read_config_file(value, [&](const ConfigNode& root) { read_analyzer_file(root, options); });
  }
  std::vector<std::string> mistakes = line.mistakes;
  apply(line, options, mistakes);
  mistakes.insert(mistakes.end(), in_file.begin(), in_file.end());
  // Not where a mistake that is already told may be the reason.
  if (options.files.empty() && line.files.empty() && in_file.empty()) {
    mistakes.emplace_back(
        "no capture file is given (FILE... on the command line, or files: in the configuration)");
  }
  if (!mistakes.empty()) return absl::InvalidArgumentError(absl::StrJoin(mistakes, "\n"));
  if (options.tasks.empty()) options.tasks.push_back(default_task());
  return options;
}

}  // namespace netspectra

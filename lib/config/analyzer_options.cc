#include "config/analyzer_options.h"

#include <array>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/units.h"
#include "config/command_line.h"
#include "config/config_file.h"
#include "config/task_options.h"
#include "config/task_spec.h"
#include "config/words.h"

namespace netspectra {
namespace {

constexpr unsigned kMaxWorkers = 16;  // software RSS feeds them by a net_ring port: at most 16 queues
constexpr uint64_t kMaxPeriodNs = 365ull * 86'400'000'000'000;  // keeps epoch arithmetic far from 2^64
constexpr const char* kElementsKey = "elements";
constexpr std::array<const char*, 3> kProgressNames = {"auto", "always", "never"};

absl::Status must(const std::string& be) { return absl::InvalidArgumentError(absl::StrCat("must be ", be)); }

absl::Status set_workers(const std::string& text, AnalyzerOptions& options) {
  const absl::StatusOr<uint64_t> workers = parse_count(text);
  if (!workers.ok() || *workers < 1 || *workers > kMaxWorkers) {
    return must(absl::StrCat("a whole number from 1 to ", kMaxWorkers));
  }
  options.workers = static_cast<unsigned>(*workers);
  return absl::OkStatus();
}

absl::Status set_period(const std::string& text, AnalyzerOptions& options) {
  const absl::StatusOr<uint64_t> period_ns = parse_duration(text);
  if (!period_ns.ok()) return period_ns.status();
  if (*period_ns > kMaxPeriodNs) return must("at most 365d");
  options.period_ns = *period_ns;
  return absl::OkStatus();
}

absl::Status set_top(const std::string& text, AnalyzerOptions& options) {
  const absl::StatusOr<uint64_t> top = parse_count(text);
  if (top.ok()) options.top = *top;
  return top.status();
}

absl::Status set_format(const std::string& text, AnalyzerOptions& options) {
  const absl::StatusOr<size_t> index = find_word(text, kFormatNames);
  if (index.ok()) options.format = static_cast<Format>(*index);
  return index.status();
}

absl::Status set_output(const std::string& text, AnalyzerOptions& options) {
  if (text.empty()) return must("a file, or - for standard output");
  options.output = text;
  return absl::OkStatus();
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
    {"workers", 'w', set_workers}, {"period", 'p', set_period},   {"top", 'n', set_top},
    {"format", 'f', set_format},   {"output", 'o', set_output},   {"store", 0, set_store},
    {"filter", 0, set_filter},     {"progress", 0, set_progress},
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

// Elements and options are the kind's, which may stand behind them: they are read when the rest has been.
void read_kind_keys(const ConfigNode& node, const std::vector<std::pair<std::string, ConfigNode>>& keys,
                    TaskConfig& task) {
  const auto add_element = [&](const std::string& text) { return add_task_element(text, task); };
  bool has_elements = false;
  for (const auto& [name, value] : keys) {
    if (name == kElementsKey) {
      has_elements = true;
      if (takes_elements(task.kind)) {
        value.read_texts(add_element);
      } else {
        value.mistake(absl::StrCat("kind ", kind_name(task.kind), " takes none"));
      }
    } else if (const absl::Status status = check_task_option(name, task.kind); !status.ok()) {
      value.mistake(std::string(status.message()));
    } else {
      value.read_text(
          [&, option = name](const std::string& text) { return set_task_option(option, text, task); });
    }
  }
  if (takes_elements(task.kind) && !has_elements) node.mistake("has no elements");
}

void read_task(const ConfigNode& node, std::vector<TaskConfig>& tasks) {
  TaskConfig task;
  bool known_kind = false;
  const auto set_name = [&](const std::string& text) { return set_task_name(text, tasks, task); };
  const auto set_kind = [&](const std::string& text) {
    const absl::Status status = set_task_kind(text, task);
    known_kind = status.ok();
    return status;
  };
  const auto add_field = [&](const std::string& text) { return add_task_field(text, task); };
  std::vector<std::pair<std::string, ConfigNode>> kind_keys;
  std::vector<ConfigNode::Key> keys = {
      {"name", [&](const ConfigNode& value) { value.read_text(set_name); }, true},
      {"kind", [&](const ConfigNode& value) { value.read_text(set_kind); }, true},
      {"fields", [&](const ConfigNode& list) { list.read_texts(add_field); }, true},
  };
  const auto add_kind_key = [&](const char* name) {
    keys.push_back({name, [&, name](const ConfigNode& value) { kind_keys.emplace_back(name, value); }});
  };
  add_kind_key(kElementsKey);
  for (const char* option : kTaskOptionNames) add_kind_key(option);
  node.read_map(keys);
  if (known_kind) read_kind_keys(node, kind_keys, task);
  tasks.push_back(std::move(task));
}

void read_tasks(const ConfigNode& node, std::vector<TaskConfig>& tasks) {
  if (!node.is_text()) {
    return node.read_list([&](const ConfigNode& item) { read_task(item, tasks); });
  }
  node.read_text([&](const std::string& text) {
    if (text != kDefaultTasksWord) return must("a list of tasks, or default");
    tasks = default_tasks();
    return absl::OkStatus();
  });
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

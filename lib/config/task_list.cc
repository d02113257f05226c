#include "config/task_list.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "config/task_options.h"
#include "config/task_spec.h"
#include "config/values.h"
#include "task/task_words.h"

namespace netspectra {
namespace {

constexpr const char* kElementsKey = "elements";

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

}  // namespace

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

}  // namespace netspectra

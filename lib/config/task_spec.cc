#include "config/task_spec.h"

#include <algorithm>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "config/task_options.h"
#include "config/words.h"
#include "task/task_words.h"

namespace netspectra {
namespace {

constexpr size_t kMaxNameLength = 64;
constexpr const char* kShape = "NAME=KIND:FIELD,FIELD[/ELEMENT,ELEMENT][:option=value,...], or default";

std::vector<std::string> split_list(const std::string& text) { return absl::StrSplit(text, ','); }

// Both are sets of key fields.
absl::Status add_to(KeyFields& set, const std::string& word) {
  const absl::StatusOr<size_t> index = find_word(word, kKeyFieldNames);
  if (!index.ok()) return index.status();
  const auto field = static_cast<KeyField>(*index);
  if (set.has(field)) return absl::InvalidArgumentError("is given twice");
  set.add(field);
  return absl::OkStatus();
}

constexpr KeyFields only(KeyField field) {
  KeyFields fields;
  fields.add(field);
  return fields;
}

TaskConfig named_task(const char* name, TaskKind kind, KeyFields fields, KeyFields elements = {}) {
  TaskConfig task;
  task.name = name;
  task.kind = kind;
  task.fields = fields;
  task.elements = elements;
  return task;
}

std::vector<std::string> add_default_tasks(std::vector<TaskConfig>& tasks) {
  std::vector<std::string> mistakes;
  for (TaskConfig& task : default_tasks()) {
    const absl::Status status = set_task_name(task.name, tasks, task);
    if (!status.ok()) mistakes.push_back(absl::StrCat("name \"", task.name, "\" ", status.message()));
    tasks.push_back(std::move(task));
  }
  return mistakes;
}

// NAME=KIND:KEY[:OPTIONS]; the parts, as far as they are there.
struct Spec {
  std::string name, kind, key, options;
  bool has_options = false;
};

absl::StatusOr<Spec> split_spec(const std::string& text) {
  const size_t equals = text.find('=');
  const size_t colon = text.find(':');
  if (equals == std::string::npos || colon == std::string::npos || colon < equals) {
    return absl::InvalidArgumentError(absl::StrCat("is not a task (", kShape, ")"));
  }
  const size_t options = std::min(text.find(':', colon + 1), text.size());
  Spec spec{text.substr(0, equals), text.substr(equals + 1, colon - equals - 1),
            text.substr(colon + 1, options - colon - 1), "", options < text.size()};
  if (spec.has_options) spec.options = text.substr(options + 1);
  return spec;
}

// What is wrong with the parts of a task, each line led by the part.
class PartMistakes {
 public:
  void check(const char* part, const std::string& text, const absl::Status& status) {
    if (!status.ok()) lines_.push_back(absl::StrCat(part, " \"", text, "\" ", status.message()));
  }
  void add(std::string line) { lines_.push_back(std::move(line)); }
  std::vector<std::string> take() { return std::move(lines_); }

 private:
  std::vector<std::string> lines_;
};

void read_elements(const Spec& spec, size_t slash, TaskConfig& task, PartMistakes& mistakes) {
  const bool given = slash != std::string::npos;
  if (given && !takes_elements(task.kind)) {
    mistakes.add(absl::StrCat("kind ", spec.kind, " takes no elements (\"", spec.key.substr(slash), "\")"));
  } else if (given) {
    for (const std::string& element : split_list(spec.key.substr(slash + 1))) {
      mistakes.check("element", element, add_task_element(element, task));
    }
  } else if (takes_elements(task.kind)) {
    mistakes.add(absl::StrCat("kind ", spec.kind, " needs elements (FIELD,FIELD/ELEMENT,ELEMENT)"));
  }
}

void read_options(const Spec& spec, TaskConfig& task, PartMistakes& mistakes) {
  std::vector<std::string> given;
  for (const std::string& option : split_list(spec.options)) {
    const std::vector<std::string> pair = absl::StrSplit(option, absl::MaxSplits('=', 1));
    absl::Status status = check_task_option(pair[0], task.kind);
    if (status.ok()) {
      status = std::find(given.begin(), given.end(), pair[0]) != given.end()
                   ? absl::InvalidArgumentError("is given twice")
                   : set_task_option(pair[0], pair.size() > 1 ? pair[1] : "", task);
      given.push_back(pair[0]);
    }
    mistakes.check("option", option, status);
  }
}

}  // namespace

absl::Status set_task_name(const std::string& name, const std::vector<TaskConfig>& others, TaskConfig& task) {
  const bool good = !name.empty() && name.size() <= kMaxNameLength &&
                    std::all_of(name.begin(), name.end(), [](unsigned char c) {
                      return absl::ascii_isalnum(c) || c == '_' || c == '-';
                    });
  if (!good) return absl::InvalidArgumentError("is not a task name (1 to 64 letters, digits, _ and -)");
  if (std::any_of(others.begin(), others.end(),
                  [&](const TaskConfig& other) { return other.name == name; })) {
    return absl::InvalidArgumentError("is the name of another task too");
  }
  task.name = name;
  return absl::OkStatus();
}

absl::Status set_task_kind(const std::string& kind, TaskConfig& task) {
  const absl::StatusOr<size_t> index = find_word(kind, kTaskKindNames);
  if (index.ok()) task.kind = static_cast<TaskKind>(*index);
  return index.status();
}

absl::Status add_task_field(const std::string& field, TaskConfig& task) { return add_to(task.fields, field); }

absl::Status add_task_element(const std::string& element, TaskConfig& task) {
  KeyFields field;
  if (absl::Status status = add_to(field, element); !status.ok()) return status;
  if (field.subset_of(task.fields)) return absl::InvalidArgumentError("is a field of the same task");
  return add_to(task.elements, element);
}

std::vector<std::string> add_task_spec(const std::string& text, std::vector<TaskConfig>& tasks) {
  if (text == kDefaultTasksWord) return add_default_tasks(tasks);
  const absl::StatusOr<Spec> spec = split_spec(text);
  if (!spec.ok()) return {std::string(spec.status().message())};

  TaskConfig task;
  PartMistakes mistakes;
  mistakes.check("name", spec->name, set_task_name(spec->name, tasks, task));
  const absl::Status known_kind = set_task_kind(spec->kind, task);
  mistakes.check("kind", spec->kind, known_kind);
  const size_t slash = spec->key.find('/');
  for (const std::string& field : split_list(spec->key.substr(0, slash))) {
    mistakes.check("field", field, add_task_field(field, task));
  }
  if (known_kind.ok()) {  // elements and options are the kind's
    read_elements(*spec, slash, task, mistakes);
    if (spec->has_options) read_options(*spec, task, mistakes);
  }
  tasks.push_back(std::move(task));
  return mistakes.take();
}

TaskConfig default_task() { return named_task("per_five_tuple", TaskKind::kExact, KeyFields::five_tuple()); }

std::vector<TaskConfig> default_tasks() {
  constexpr KeyFields kSource = only(KeyField::kSrcIp), kDestination = only(KeyField::kDstIp);
  return {default_task(),
          named_task("top_src", TaskKind::kHeavyHitters, kSource),
          named_task("top_dst", TaskKind::kHeavyHitters, kDestination),
          named_task("spread_src", TaskKind::kSuperSpreader, kSource, kDestination),
          named_task("spread_dst", TaskKind::kSuperSpreader, kDestination, kSource),
          named_task("flows", TaskKind::kCardinality, KeyFields::five_tuple())};
}

}  // namespace netspectra

#include "config/task_spec.h"

#include <algorithm>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/units.h"
#include "config/words.h"

namespace netspectra {
namespace {

constexpr size_t kMaxNameLength = 64;
constexpr uint64_t kMaxCapacity = 1'000'000'000;  // about 100 GB of flow table
constexpr const char* kShape = "NAME=KIND:FIELD,FIELD[:option=value,...]";

std::vector<std::string> split_list(const std::string& text) { return absl::StrSplit(text, ','); }

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

absl::Status add_task_field(const std::string& field, TaskConfig& task) {
  const absl::StatusOr<size_t> index = find_word(field, kKeyFieldNames);
  if (!index.ok()) return index.status();
  if (task.fields.has(static_cast<KeyField>(*index))) return absl::InvalidArgumentError("is given twice");
  task.fields.add(static_cast<KeyField>(*index));
  return absl::OkStatus();
}

absl::Status set_task_option(const std::string& option, const std::string& value, TaskConfig& task) {
  if (const auto index = find_word(option, kTaskOptionNames); !index.ok()) return index.status();
  if (task.capacity != 0) return absl::InvalidArgumentError("is given twice");
  const absl::StatusOr<uint64_t> capacity = parse_count(value);
  if (!capacity.ok()) return capacity.status();
  if (*capacity < 1 || *capacity > kMaxCapacity) return absl::InvalidArgumentError("must be from 1 to 1G");
  task.capacity = *capacity;
  return absl::OkStatus();
}

std::vector<std::string> parse_task_spec(const std::string& spec, const std::vector<TaskConfig>& others,
                                         TaskConfig& task) {
  std::vector<std::string> mistakes;
  const auto check = [&](const std::string& part, const absl::Status& status) {
    if (!status.ok()) mistakes.push_back(absl::StrCat(part, " ", status.message()));
  };
  const size_t equals = spec.find('=');
  const size_t colon = spec.find(':');
  if (equals == std::string::npos || colon == std::string::npos || colon < equals) {
    return {absl::StrCat("is not a task (", kShape, ")")};
  }
  const std::string name = spec.substr(0, equals);
  const std::string kind = spec.substr(equals + 1, colon - equals - 1);
  const std::vector<std::string> rest = absl::StrSplit(spec.substr(colon + 1), absl::MaxSplits(':', 1));
  const std::vector<std::string> key = absl::StrSplit(rest[0], absl::MaxSplits('/', 1));

  check(absl::StrCat("name \"", name, "\""), set_task_name(name, others, task));
  const absl::Status known_kind = set_task_kind(kind, task);
  check(absl::StrCat("kind \"", kind, "\""), known_kind);
  for (const std::string& field : split_list(key[0])) {
    check(absl::StrCat("field \"", field, "\""), add_task_field(field, task));
  }

  if (!known_kind.ok()) return mistakes;  // elements and options are the kind's
  if (key.size() > 1)
    mistakes.push_back(absl::StrCat("kind ", kind, " takes no elements (\"/", key[1], "\")"));
  if (rest.size() > 1) {
    for (const std::string& option : split_list(rest[1])) {
      const std::vector<std::string> pair = absl::StrSplit(option, absl::MaxSplits('=', 1));
      check(absl::StrCat("option \"", option, "\""),
            set_task_option(pair[0], pair.size() > 1 ? pair[1] : "", task));
    }
  }
  return mistakes;
}

TaskConfig default_task() { return {"per_five_tuple", TaskKind::kExact, KeyFields::five_tuple(), 0}; }

}  // namespace netspectra

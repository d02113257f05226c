#include "task/task_words.h"

#include <algorithm>

#include "absl/strings/str_join.h"

namespace netspectra {

bool read_kind(std::string_view name, TaskKind& kind) {
  const auto place = std::find(kTaskKindNames.begin(), kTaskKindNames.end(), name);
  kind = static_cast<TaskKind>(place - kTaskKindNames.begin());
  return place != kTaskKindNames.end();
}

std::vector<std::string> field_names(KeyFields fields) {
  std::vector<std::string> names;
  for (size_t i = 0; i < kKeyFieldCount; ++i) {
    if (fields.has(static_cast<KeyField>(i))) names.emplace_back(kKeyFieldNames[i]);
  }
  return names;
}

std::string field_list(KeyFields fields) { return absl::StrJoin(field_names(fields), ","); }

bool read_field_list(std::string_view list, KeyFields& fields) {
  fields = KeyFields();
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    const auto place = std::find(kKeyFieldNames.begin(), kKeyFieldNames.end(), list.substr(0, comma));
    if (place == kKeyFieldNames.end()) return false;
    fields.add(static_cast<KeyField>(place - kKeyFieldNames.begin()));
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return true;
}

}  // namespace netspectra

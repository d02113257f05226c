#include "store/clickhouse_tasks.h"

#include <algorithm>
#include <array>

namespace netspectra::clickhouse {
namespace {

constexpr std::array<const char*, kTaskKindCount> kKindNames = {"exact", "heavy_hitters", "super_spreader",
                                                                "cardinality"};

}  // namespace

const char* kind_name(TaskKind kind) { return kKindNames[static_cast<size_t>(kind)]; }

std::string field_names(KeyFields fields) {
  std::string names;
  for (size_t i = 0; i < kKeyFieldCount; ++i) {
    if (!fields.has(static_cast<KeyField>(i))) continue;
    if (!names.empty()) names += ',';
    names += kKeyFieldNames[i];
  }
  return names;
}

bool read_kind(std::string_view name, TaskKind& kind) {
  const auto place = std::find(kKindNames.begin(), kKindNames.end(), name);
  kind = static_cast<TaskKind>(place - kKindNames.begin());
  return place != kKindNames.end();
}

bool read_fields(std::string_view names, KeyFields& fields) {
  fields = KeyFields();
  while (!names.empty()) {
    const size_t comma = std::min(names.find(','), names.size());
    const auto place = std::find(kKeyFieldNames.begin(), kKeyFieldNames.end(), names.substr(0, comma));
    if (place == kKeyFieldNames.end()) return false;
    fields.add(static_cast<KeyField>(place - kKeyFieldNames.begin()));
    names.remove_prefix(std::min(comma + 1, names.size()));
  }
  return true;
}

}  // namespace netspectra::clickhouse

// Kinds of task, rankings and lists of key fields in words, as configurations, stores and answers have them, and back.
//
// Threads: pure. Errors: reading gives false for a word that is not known; what was read into is not to be used then.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "packet/flow_key.h"
#include "task/task_config.h"

namespace netspectra {

inline constexpr std::array<const char*, kTaskKindCount> kTaskKindNames = {"exact", "heavy_hitters",
                                                                           "super_spreader", "cardinality"};
inline const char* kind_name(TaskKind kind) { return kTaskKindNames[static_cast<size_t>(kind)]; }
bool read_kind(std::string_view name, TaskKind& kind);

// By what heavy hitters are ranked; "" for other kinds. Any other word is taken for packets, the default.
inline constexpr std::array<const char*, 2> kRankNames = {"packets", "bytes"};  // by RankBy
inline const char* rank_name(const TaskConfig& task) {
  return task.kind == TaskKind::kHeavyHitters ? kRankNames[static_cast<size_t>(task.by)] : "";
}
inline RankBy rank_named(std::string_view name) {
  return name == kRankNames[1] ? RankBy::kBytes : RankBy::kPackets;
}

std::vector<std::string> field_names(KeyFields fields);  // in KeyField's order
std::string field_list(KeyFields fields);                // "src_ip,dst_ip"
bool read_field_list(std::string_view list, KeyFields& fields);

}  // namespace netspectra

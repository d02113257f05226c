// Tasks' kinds and fields in words, as they stand in ClickHouse, and back.
//
// Threads: pure. Errors: false where a word is not known.
#pragma once

#include <string>
#include <string_view>

#include "task/task_config.h"

namespace netspectra::clickhouse {

const char* kind_name(TaskKind kind);       // "exact", as it is written in a configuration
std::string field_names(KeyFields fields);  // "src_ip,dst_ip"
bool read_kind(std::string_view name, TaskKind& kind);
bool read_fields(std::string_view names, KeyFields& fields);

}  // namespace netspectra::clickhouse

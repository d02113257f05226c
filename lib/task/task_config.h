// A configured measurement: what is asked for, before anything is built.
//
// Threads: plain data. Checked by whoever reads it from a user (config), so that every mistake is reported
//   with its place.
#pragma once

#include <cstdint>
#include <string>

#include "packet/flow_key.h"

namespace netspectra {

enum class TaskKind : uint8_t { kExact };

struct TaskConfig {
  std::string name;
  TaskKind kind = TaskKind::kExact;
  KeyFields fields;
  uint64_t capacity = 0;  // flows (per worker) that get a record of their own; 0 = the program's default
};

}  // namespace netspectra

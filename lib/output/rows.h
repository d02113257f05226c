// A task's result as rows: which ones there are, in which order, whatever they look like.
//
// Purpose: one walk over a result for JSON, CSV and the stores.
// Threads: no state. Errors: the Sink's.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "output/sink.h"
#include "task/task_result.h"

namespace netspectra {

inline constexpr const char* kOverflowType = "overflow";  // no key: packets whose flow found no room

// What a row of a task of this kind is called.
constexpr const char* row_type(TaskKind kind) {
  switch (kind) {
    case TaskKind::kExact:
      return "record";
    case TaskKind::kHeavyHitters:
      return "heavy_hitter";
    case TaskKind::kSuperSpreader:
      return "spread";
    case TaskKind::kCardinality:
      return "cardinality";
  }
  return "";  // not reached: every TaskKind is above
}

// What is shown of a sorted list: the first `top`; 0 = all.
template <class Record>
std::span<const Record> shown(const std::vector<Record>& records, uint64_t top) {
  const std::span<const Record> all(records);
  return top == 0 ? all : all.first(size_t(std::min<uint64_t>(top, all.size())));
}

// `Rows`: JsonRows or CsvRows. At most `top` rows of keys, 0 = all.
template <class Rows>
void append_rows(const Rows& rows, const TaskResult& result, uint64_t top, Sink& sink) {
  std::string line;  // kept for its room
  const auto write = [&](const auto& append) {
    line.clear();
    append();
    sink.append(line);
  };
  const auto write_list = [&](const auto& records) {
    for (const auto& record : shown(records, top)) write([&] { rows.append(line, record); });
  };
  switch (result.task->kind) {
    case TaskKind::kExact:
      write_list(result.records);
      if (result.overflow.packets != 0) write([&] { rows.append_overflow(line, result.overflow); });
      return;
    case TaskKind::kHeavyHitters:
      return write_list(result.heavy_hitters);
    case TaskKind::kSuperSpreader:
      return write_list(result.spreads);
    case TaskKind::kCardinality:
      return write([&] { rows.append_cardinality(line, result.cardinality); });
  }
}

}  // namespace netspectra

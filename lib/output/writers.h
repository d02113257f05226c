// The writers behind make_writer(), one source file each.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>

#include "output/writer.h"

namespace netspectra {

std::unique_ptr<Writer> make_json_writer(uint64_t top, Sink& sink);
std::unique_ptr<Writer> make_csv_writer(uint64_t top, Sink& sink);
std::unique_ptr<Writer> make_table_writer(uint64_t top, Sink& sink);

// The records that are shown: the first `top`; 0 = all.
inline std::span<const FlowRecord> shown(const TaskResult& result, uint64_t top) {
  const std::span<const FlowRecord> records(result.records);
  return top == 0 ? records : records.first(size_t(std::min<uint64_t>(top, records.size())));
}

}  // namespace netspectra

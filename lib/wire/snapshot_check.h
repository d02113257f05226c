// What a header and a list of tasks must be like, the same for those who write and those who read.
//
// Threads: no state. Errors: InvalidArgument, naming what is wrong. Cost: a microsecond.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "wire/snapshot.h"

namespace netspectra {

inline constexpr uint16_t kSnapshotVersion = 1;
inline constexpr size_t kMaxTasks = 256;
inline constexpr size_t kMaxReasonBytes = 255;
inline constexpr size_t kMaxPortBytes = 4096;  // as long as a path can be
inline constexpr size_t kMaxFaultBytes = 1024;
inline constexpr uint32_t kMaxWorkers = 4096;
inline constexpr uint32_t kMaxChunks = 1 << 20;

// No control characters: these texts are shown to people.
bool is_clean(const std::string& text, size_t max_bytes);

absl::Status check_header(const SnapshotHeader& header);
absl::Status check_tasks(const std::vector<TaskConfig>& tasks);

}  // namespace netspectra

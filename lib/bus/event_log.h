// What happened, a line each, until somebody takes it.
//
// Threads: any. Bounded: beyond kMaxLines the newer lines are only counted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace netspectra {

class EventLog {
 public:
  static constexpr size_t kMaxLines = 1000;

  void add(std::string line) {
    const std::lock_guard lock(mutex_);
    if (lines_.size() < kMaxLines) {
      lines_.push_back(std::move(line));
    } else {
      ++left_out_;
    }
  }

  std::vector<std::string> take() {
    const std::lock_guard lock(mutex_);
    if (left_out_ != 0) lines_.push_back(absl::StrCat("NATS: ", left_out_, " further events left out"));
    left_out_ = 0;
    return std::exchange(lines_, {});
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> lines_;
  uint64_t left_out_ = 0;
};

}  // namespace netspectra

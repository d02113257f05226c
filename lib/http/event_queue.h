// What is still to be sent to one listener, bounded.
//
// Purpose: beyond the limit events are dropped and counted; once half of it is free again "event: missed" with their number
//   stands in their place. An event larger than the limit fits an empty queue.
// Threads: one. The texts are shared by all queues.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace netspectra {

using EventText = std::shared_ptr<const std::string>;

class EventQueue {
 public:
  explicit EventQueue(size_t limit_bytes) : limit_bytes_(limit_bytes) {}

  // False: dropped.
  bool push(EventText text) {
    const bool full = bytes_ > 0 && bytes_ + text->size() > limit_bytes_;
    if (full || (missed_ > 0 && bytes_ > limit_bytes_ / 2)) {
      ++missed_;
      return false;
    }
    if (missed_ > 0) append(take_notice());
    append(std::move(text));
    return true;
  }

  // The next one; nullptr when there is none.
  EventText pop() {
    if (waiting_.empty()) return missed_ > 0 ? take_notice() : nullptr;
    EventText text = std::move(waiting_.front());
    waiting_.pop_front();
    bytes_ -= text->size();
    return text;
  }

 private:
  EventText take_notice() {
    return std::make_shared<const std::string>(
        absl::StrCat("event: missed\ndata: {\"events\":", std::exchange(missed_, 0), "}\n\n"));
  }
  void append(EventText text) {
    bytes_ += text->size();
    waiting_.push_back(std::move(text));
  }

  const size_t limit_bytes_;
  std::deque<EventText> waiting_;
  size_t bytes_ = 0;
  uint64_t missed_ = 0;
};

}  // namespace netspectra

// Queues for a poller, one after another: any number of capture files over few open ports.
//
// Threads: offer() and close() by the control core, take() by the poller. Cost: a load while nothing changes.
#pragma once

#include <atomic>

#include "base/cache_line.h"

namespace netspectra {

template <class Queue>
class QueueFeed {
 public:
  bool empty() const { return next_.load(std::memory_order_acquire) == nullptr; }
  // REQUIRES: empty().
  void offer(Queue* queue) { next_.store(queue, std::memory_order_release); }
  void close() { closed_.store(true, std::memory_order_release); }

  // The next queue, or nullptr when there is none yet. closed() is to be asked before take().
  Queue* take() {
    Queue* const queue = next_.load(std::memory_order_acquire);
    if (queue != nullptr) next_.store(nullptr, std::memory_order_release);
    return queue;
  }
  bool closed() const { return closed_.load(std::memory_order_acquire); }

 private:
  alignas(kCacheLine) std::atomic<Queue*> next_{nullptr};
  std::atomic<bool> closed_{false};
};

}  // namespace netspectra

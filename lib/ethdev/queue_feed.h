// Queues for a poller, one after another: any number of capture files over few open ports.
//
// Threads: offer() and close() by the control core, serve() by the poller. Cost: a load while nothing changes.
#pragma once

#include <atomic>

#include "base/cache_line.h"
#include "ethdev/backoff.h"

namespace netspectra {

template <class Queue>
class QueueFeed {
 public:
  bool empty() const { return next_.load(std::memory_order_acquire) == nullptr; }
  // Nothing offered, and nothing being polled.
  bool idle() const { return empty() && !busy_.load(std::memory_order_acquire); }
  // REQUIRES: empty().
  void offer(Queue* queue) { next_.store(queue, std::memory_order_release); }
  void close() { closed_.store(true, std::memory_order_release); }

  // The poller's life: poll(queue) for every queue that is offered, until the feed is closed.
  template <class Poll>
  void serve(Poll&& poll) {
    Backoff backoff;
    for (;;) {
      const bool closed =
          closed_.load(std::memory_order_acquire);  // before the look that must see the last queue
      if (Queue* queue = take()) {
        poll(*queue);
        queue->close();
        busy_.store(false, std::memory_order_release);
        backoff.reset();
      } else if (closed) {
        return;
      } else {
        backoff.wait();
      }
    }
  }

 private:
  Queue* take() {
    Queue* const queue = next_.load(std::memory_order_acquire);
    if (queue == nullptr) return nullptr;
    busy_.store(true, std::memory_order_relaxed);  // seen by whoever sees that the place is empty again
    next_.store(nullptr, std::memory_order_release);
    return queue;
  }

  alignas(kCacheLine) std::atomic<Queue*> next_{nullptr};
  std::atomic<bool> busy_{false};
  std::atomic<bool> closed_{false};
};

}  // namespace netspectra

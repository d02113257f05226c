// Owns the pipelines of a process: starts, feeds, empties and stops them.
//
// Purpose: turns what is received into sealed parts. Two kinds: CaptureManager for files, PortManager for live ports.
// States: create() -> start() -> poll() until it returns false -> finish().
// Threads: all calls on the control core (the main lcore). stop() may be called from a signal handler.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>

#include "task/epoch_part.h"

namespace netspectra {

class Manager {
 public:
  using OnPart = std::function<void(EpochPart)>;

  virtual ~Manager() = default;
  virtual void start() = 0;
  // Hands every sealed part to `on_part`. Returns false when all workers are done and all parts have been handed over.
  virtual bool poll(const OnPart& on_part) = 0;
  // As of the last poll(): no part of an epoch that starts before this will come any more.
  virtual uint64_t watermark_ns() const = 0;
  // Ends the receiving at the next burst; what was measured is still sealed and handed over.
  void stop() { stop_.store(true, std::memory_order_relaxed); }
  // After the last poll(): waits for the lcores.
  virtual void finish() = 0;

 protected:
  std::atomic<bool> stop_{false};
};

}  // namespace netspectra

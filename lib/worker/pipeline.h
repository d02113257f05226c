// The poll loop of one lcore: queue -> decode -> tasks -> epoch. Nothing else.
//
// Purpose: runs to completion: each burst is decoded, handed to the tasks and freed before the next is polled.
//   Epochs are cut by the packets' clock; no other core tells it to.
// Promise: between start and end no allocation, no lock, no log, no exception; no system call while there
//   are packets.
// Threads: run() on its lcore. The control core reads epoch_start_ns() and done(), and takes sealed states
//   from the handover. Ownership: borrows all that it is given.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include "base/cache_line.h"
#include "capture/packet_filter.h"
#include "epoch/handover.h"
#include "ethdev/queue_feed.h"
#include "ethdev/rx_queue.h"
#include "packet/decode_burst.h"
#include "packet/packet.h"
#include "worker/epoch_state.h"

namespace netspectra {

// What a worker does at the end of an epoch while the other state has not come back.
enum class Overrun : uint8_t {
  kWait,    // offline: nothing may be lost, and a file can wait
  kExtend,  // live: goes on with the epoch, and counts that
};

class Pipeline {
 public:
  // `filter` may be null. period_ns == 0: everything is one epoch.
  Pipeline(Handover<EpochState>& handover, QueueFeed<RxQueue>& feed, const PacketFilter* filter,
           uint64_t period_ns, Overrun overrun);

  // Until the feed is closed and its queues are finished.
  void run();
  // What run() does over and over: receives a burst, measures it and frees it. Returns its packets.
  uint16_t poll_once(RxQueue& queue);

  // Everything of earlier epochs has been sealed, up to files that begin again earlier.
  uint64_t epoch_start_ns() const { return epoch_start_ns_.load(std::memory_order_acquire); }
  // The last epoch has been sealed; run() is about to return.
  bool done() const { return done_.load(std::memory_order_acquire); }
  // Epochs that were extended.
  uint64_t overruns() const { return overruns_.get(); }

 private:
  struct Decoded;

  void poll(RxQueue& queue);
  void process(const FrameBurst& burst);
  void measure(std::span<const Frame> frames, const Decoded& decoded);
  std::span<const Frame> matching(std::span<const Frame> frames);
  void cut(uint64_t clock_ns);
  bool due() const;
  bool seal_if_due();
  void flush();

  Handover<EpochState>& handover_;
  QueueFeed<RxQueue>& feed_;
  const PacketFilter* const filter_;
  const uint64_t period_ns_;
  const Overrun overrun_;
  alignas(kCacheLine) FrameBurst burst_;
  // By turns, because a task may hold on to the packets of the last two bursts (Task::update).
  std::array<std::array<Packet, kBurst>, 3> packets_;
  size_t turn_ = 0;
  std::vector<Frame> matching_;  // the filter: room for a burst
  alignas(kCacheLine) std::atomic<uint64_t> epoch_start_ns_{0};
  std::atomic<bool> done_{false};
  Counter overruns_;
};

}  // namespace netspectra

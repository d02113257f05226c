// An RX queue as a worker polls it: DPDK's burst, with what the receiver knows beside each frame.
//
// Threads: one polling thread. Ownership: the mbufs of a burst belong to the caller between receive() and
//   release().
// Cost: one virtual call per burst.
#pragma once

#include <array>
#include <cstdint>

#include "packet/frame.h"

struct rte_mbuf;

namespace netspectra {

inline constexpr uint16_t kBurst = 64;

struct FrameBurst {
  uint16_t count = 0;
  uint64_t clock_ns = 0;  // the queue's clock: epochs that end at or before it may be cut, frames or not
  std::array<Frame, kBurst> frames;
  std::array<rte_mbuf*, kBurst> mbufs;
};

class RxQueue {
 public:
  virtual ~RxQueue() = default;
  // Polls once; count may be 0.
  virtual void receive(FrameBurst& burst) = 0;
  // Frees the burst's mbufs. All of it has been measured: what is published about progress says so.
  virtual void release(FrameBurst& burst) = 0;
  // After an empty burst: whether nothing more will ever come.
  virtual bool finished() = 0;
  // The poller's last word: it will not poll this queue again.
  virtual void close() = 0;
};

}  // namespace netspectra

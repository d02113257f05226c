// Receive-side scaling in software: one source, N queues of a net_ring port.
//
// Purpose: a capture file is one queue; more than one worker needs more. The front end polls the file's queue
//   on an lcore of its own and spreads its frames by the symmetric Toeplitz hash over rings, which a net_ring
//   port offers as RX queues: the workers poll an ethdev as they do on a NIC.
// Flow control: nothing is ever lost. A full ring makes the front end wait, and it polls net_pcap only while
//   the pool has room for the largest burst that could come.
// Threads: create() and the destructor on the control core; run() on one lcore; worker i polls queue(i).
// Ownership: owns rings, port, pool. The Frame of each mbuf travels in its private area. Errors: create().
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "base/cache_line.h"
#include "ethdev/capture_queue.h"
#include "ethdev/mbuf_pool.h"
#include "ethdev/queue_feed.h"
#include "ethdev/rx_queue.h"
#include "ethdev/symmetric_toeplitz.h"

struct rte_ring;

namespace netspectra {

class RssFrontEnd {
 public:
  static unsigned mbufs(unsigned queues);  // what its pool takes

  static absl::StatusOr<std::unique_ptr<RssFrontEnd>> create(unsigned queues);
  ~RssFrontEnd();
  RssFrontEnd(const RssFrontEnd&) = delete;
  RssFrontEnd& operator=(const RssFrontEnd&) = delete;

  rte_mempool& pool() { return *pool_; }
  QueueFeed<CaptureQueue>& feed() { return feed_; }
  RxQueue& queue(unsigned i) { return *queues_[i]; }

  // Until the feed is closed and its queues are finished.
  void run();

 private:
  class RingQueue;
  struct RingDeleter {
    void operator()(rte_ring* ring) const;
  };

  RssFrontEnd(MbufPool pool, std::vector<std::unique_ptr<rte_ring, RingDeleter>> rings, uint16_t port);
  void drain(CaptureQueue& queue);
  void spread(const FrameBurst& burst);
  void enqueue(unsigned ring, rte_mbuf** mbufs, unsigned count);

  MbufPool pool_;
  std::vector<std::unique_ptr<rte_ring, RingDeleter>> rings_;
  std::vector<std::unique_ptr<RxQueue>> queues_;
  const uint16_t port_;
  QueueFeed<CaptureQueue> feed_;
  SymmetricToeplitz hash_;
  alignas(kCacheLine) std::atomic<uint64_t> clock_ns_{0};  // front end: wo, workers: ro
  std::atomic<bool> done_{false};                          // nothing more will be put into the rings
};

}  // namespace netspectra

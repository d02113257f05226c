// The real Pipeline on queues that play a NIC's.
//
// ResidentQueue: mbufs of a DPDK pool that stay with the queue, filled in by turns as a live queue's are. Hot
//   ones stay in the L2 cache; cold ones are too many for it, in an order that no prefetcher follows: what a
//   NIC with long rings and no direct cache access leaves.
// PortQueue: a port's only queue, polled with rte_eth_rx_burst.
// Ownership: a MbufSet outlives the queues that use it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "epoch/handover.h"
#include "ethdev/mbuf_pool.h"
#include "ethdev/queue_feed.h"
#include "ethdev/rx_queue.h"
#include "task_set.h"
#include "worker/epoch_state.h"
#include "worker/pipeline.h"
#include "workload.h"

namespace netspectra::bench {

inline constexpr unsigned kHotMbufs = 1024, kColdMbufs = 8192;

class MbufSet {
 public:
  MbufSet(const std::string& name, unsigned mbufs, bool shuffled);
  const std::vector<rte_mbuf*>& mbufs() const { return mbufs_; }

 private:
  MbufPool pool_;
  std::vector<rte_mbuf*> mbufs_;
};
// Shared by all that run on the main thread, and kept.
MbufSet& hot_mbufs();
MbufSet& cold_mbufs();

class ResidentQueue final : public RxQueue {
 public:
  ResidentQueue(const MbufSet& set, const FlowStream& stream) : mbufs_(set.mbufs()), cursor_(stream) {}
  void switch_to(const FlowStream& stream) { cursor_ = StreamCursor(stream); }
  void receive(FrameBurst& burst) override;
  void release(FrameBurst&) override {}
  bool finished() override { return false; }
  void close() override {}

 private:
  const std::vector<rte_mbuf*>& mbufs_;
  StreamCursor cursor_;
  size_t at_ = 0;
  uint64_t clock_ns_ = kStartNs;
};

class PortQueue final : public RxQueue {
 public:
  explicit PortQueue(uint16_t port) : port_(port) {}
  void receive(FrameBurst& burst) override;
  void release(FrameBurst& burst) override;
  bool finished() override { return false; }
  void close() override {}

 private:
  const uint16_t port_;
  uint64_t clock_ns_ = kStartNs;
};

// One worker's pipeline and its two states.
struct PipelineRig {
  explicit PipelineRig(std::vector<TaskConfig> tasks, uint64_t period_ns = 0);

  // Packets received.
  uint64_t run(RxQueue& queue, uint64_t packets);
  // Has memory ready as the control core does from time to time.
  void prepare();
  // What has been measured since the last time, sealed or not; no other thread has a hand on the states.
  EpochPart drain();
  // Fresh tasks: tables of their first size.
  void renew();

  const TaskPlan plan;
  Handover<EpochState> handover;
  QueueFeed<RxQueue> feed;
  Pipeline pipeline;
};

// On a resident queue. Checked against the reference, then brought to its steady state: each flow seen once.
struct ResidentRig {
  ResidentRig(std::vector<TaskConfig> tasks, const Traffic& traffic, const MbufSet& mbufs);
  // Every flow once, in order.
  void fill(const Traffic& traffic);

  PipelineRig worker;
  ResidentQueue queue;
  std::string wrong;
  double huge_mib = 0;  // what filling has taken of memory on 2 MiB pages
};

}  // namespace netspectra::bench

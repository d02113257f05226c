// One RX queue of a live port.
//
// Purpose: rte_eth_rx_burst, with the facts of each mbuf as a Frame, the time, the queue's own counters, and now and
//   then a sample for the RSS check.
// Clock: one reading of the TSC per poll, as wall time (wall_clock.h); with hardware timestamps each frame has its own.
//   Never goes back.
// Bytes: those of the first segment; where the headers of a chained packet may go on in the next ones, a copy of its
//   first kScratchBytes. A VLAN tag that the driver took out of the frame is put back.
// Lengths: the driver's. A frame that fills its room in a kernel socket's ring was cut there, and net_af_packet does not
//   tell its length: it is what the IP header says, and where that says none (not IP; 0 above 64 KiB) what was captured.
// States: polled until the stop flag, and then until what waits in the ring is measured; pause() lets a poller stand
//   still while the port is reset, until resume().
// Threads: receive() to close() by one poller; the rest by the control core.
// Cost: one virtual call per burst, no system call, no lock.
// Source: DPDK 22.11 rte_ethdev.h, rte_mbuf.h.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/cache_line.h"
#include "base/source_stats.h"
#include "ethdev/clock_model.h"
#include "ethdev/rx_queue.h"
#include "ethdev/sample_ring.h"

namespace netspectra {

struct PortQueueConfig {
  uint16_t port = 0;
  uint16_t queue = 0;
  const std::atomic<bool>* stop = nullptr;
  const PublishedLine* wall = nullptr;    // of the TSC
  const PublishedLine* device = nullptr;  // of the device's clock, where packets carry its timestamps
  int timestamp_offset = -1;              // dynamic mbuf field
  uint64_t timestamp_flag = 0;
  // A frame with so many bytes may be the beginning of a longer one.
  uint32_t room = UINT32_MAX;
};

class PortQueue final : public RxQueue {
 public:
  explicit PortQueue(const PortQueueConfig& config);

  void receive(FrameBurst& burst) override;
  void release(FrameBurst& burst) override;
  bool finished() override { return may_wait_ == 0; }
  void close() override { closed_.store(true, std::memory_order_release); }

  // received, polls, busy_ns, total_ns.
  SourceStats counters() const;
  // Frames that were cut to their room.
  uint64_t cut() const { return cut_.get(); }
  SampleRing& samples() { return samples_; }
  void pause() { pauses_.store(pauses_.load(std::memory_order_relaxed) | 1, std::memory_order_release); }
  void resume() {
    pauses_.store((pauses_.load(std::memory_order_relaxed) | 1) + 1, std::memory_order_release);
  }
  // After pause(): the poller is not in the driver, and will not be before resume(). True as well where nobody polls any
  // more.
  bool paused() const {
    return seen_pauses_.load(std::memory_order_acquire) == pauses_.load(std::memory_order_relaxed) ||
           closed_.load(std::memory_order_acquire);
  }

 private:
  static constexpr uint32_t kHeaders = 128;  // first segments that are shorter may lack headers
  static constexpr uint32_t kScratchBytes = 256;
  static constexpr uint32_t kSampledBursts = 16;
  static constexpr uint32_t kLongestRing =
      32768;  // as presets have it; no traffic keeps a worker from stopping

  bool standing_still();
  void count_time(uint64_t now_tsc);
  void describe_frame(FrameBurst& burst, size_t i, uint64_t burst_ns);
  void gather(const rte_mbuf& mbuf, size_t i, Frame& frame);
  void measure_cut(Frame& frame);
  uint64_t arrival_ns(const rte_mbuf& mbuf, uint64_t burst_ns) const;

  const PortQueueConfig config_;
  ClockLine wall_, device_;
  uint32_t wall_version_ = UINT32_MAX, device_version_ = UINT32_MAX;
  uint64_t clock_ns_ = 0;
  uint64_t last_tsc_ = 0;
  uint32_t bursts_ = 0;
  uint32_t may_wait_ = kLongestRing;  // packets that may have come before the stop flag
  bool found_packets_ = false;        // the last poll
  std::unique_ptr<std::array<std::array<uint8_t, kScratchBytes>, kBurst>> scratch_;
  SampleRing samples_;

  alignas(kCacheLine) Counter received_, busy_ticks_, total_ticks_, cut_;  // worker: rw, control core: ro
  std::array<Counter, SourceStats::kFills> polls_;
  std::atomic<uint32_t> seen_pauses_{0};
  std::atomic<bool> closed_{false};
  // Odd: stand still. Counted, so that an old answer is not taken for one to a new pause. Control core: rw, worker: ro.
  alignas(kCacheLine) std::atomic<uint32_t> pauses_{0};
};

}  // namespace netspectra

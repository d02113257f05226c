// A capture file as an RX queue: DPDK's net_pcap, with the file itself walked in step.
//
// Purpose: net_pcap delivers the frames. Wire length, nanoseconds, link type, the end of the file and where it
//   broke are not told by it: a CaptureReader supplies them record by record. A plain pcap is read by
//   net_pcap directly; a pcapng through a PcapPipe, because libpcap stops at the first interface that
//   differs. Frames that net_pcap chains or clips (over 2 KiB, over the file's snaplen, over 64 KiB) are
//   measured from the mapped record: the same bytes, in one piece.
// States: attached -> polled -> finished. Progress is published when a burst is released.
// Threads: attach() and the destructor on the control core; RxQueue's calls on one poller; progress() and
//   finished flags may be read by anyone.
// Ownership: owns the port; borrows file, pool and the stop flag.
// Errors: attach(); error() once finished: where the file broke, or what net_pcap failed to deliver.
// Source: DPDK 22.11, "Libpcap and Ring based poll mode drivers".
#pragma once

#include <sched.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "base/cache_line.h"
#include "capture/capture_file.h"
#include "capture/capture_reader.h"
#include "capture/pcap_pipe.h"
#include "ethdev/rx_queue.h"

struct rte_mempool;

namespace netspectra {

class CaptureQueue final : public RxQueue {
 public:
  static absl::StatusOr<std::unique_ptr<CaptureQueue>> attach(const CaptureFile& file, rte_mempool& pool,
                                                              const cpu_set_t& feeder_cpus,
                                                              const std::atomic<bool>& stop);
  ~CaptureQueue() override;

  void receive(FrameBurst& burst) override;
  void release(FrameBurst& burst) override;
  bool finished() override;

  // Frames become the caller's instead of being freed by release(): for a poller that passes them on.
  void publish();

  void close() override { closed_.store(true, std::memory_order_release); }
  bool closed() const { return closed_.load(std::memory_order_acquire); }

  uint64_t packets() const { return packets_.get(); }
  uint64_t offset() const { return offset_.get(); }
  // No frame that is still to come is older; the file's first timestamp before the first burst.
  uint64_t clock_ns() const { return published_clock_ns_.load(std::memory_order_acquire); }

  // Only once closed: empty after a clean end.
  std::string error();
  // What the port itself has counted, less the frames that are not in the file as it was opened; for the books.
  uint64_t received_by_port() const;

 private:
  CaptureQueue(const CaptureFile& file, uint16_t port, std::unique_ptr<PcapPipe> pipe,
               const std::atomic<bool>& stop);

  const CaptureFile& file_;
  const uint16_t port_;
  const std::atomic<bool>& stop_;  // the queue ends early when it is set
  std::unique_ptr<PcapPipe> pipe_;
  CaptureReader reader_;
  uint64_t clock_ns_;
  bool stopped_ = false;
  unsigned stalled_ = 0;      // empty polls in a row while the file has more
  bool gave_up_ = false;      // net_pcap stopped short of the records that the file has
  bool out_of_step_ = false;  // net_pcap delivers what the file does not have (any more)
  uint64_t surplus_ = 0;      // frames that it delivered beyond the file's records
  alignas(kCacheLine) Counter packets_;
  Counter offset_;
  std::atomic<uint64_t> published_clock_ns_;
  std::atomic<bool> closed_{false};
};

}  // namespace netspectra

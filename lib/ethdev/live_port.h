// A started or startable DPDK port: what Port::open() gives.
//
// Threads: as port.h says; the link-reset callback comes on DPDK's interrupt thread and only sets a flag.
// Source: DPDK 22.11 programmer's guide, "Device Reset".
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "ethdev/kernel_drops.h"
#include "ethdev/mbuf_pool.h"
#include "ethdev/port.h"
#include "ethdev/port_attach.h"
#include "ethdev/port_queue.h"
#include "ethdev/port_setup.h"
#include "ethdev/rss_watch.h"
#include "ethdev/wall_clock.h"

namespace netspectra {

class LivePort final : public Port {
 public:
  LivePort(AttachedPort attached, PortSetup setup, MbufPool pool, std::vector<int> sockets,
           const std::atomic<bool>& stop);
  ~LivePort() override;
  LivePort(const LivePort&) = delete;
  LivePort& operator=(const LivePort&) = delete;

  absl::Status start() override;
  unsigned queues() const override { return setup_.queues; }
  RxQueue& queue(unsigned i) override { return *queues_[i]; }
  SourceStats stats(unsigned queue) override;
  PortInfo info() const override;
  std::vector<std::string> watch() override;

 private:
  absl::Status start_device();
  void make_rss_watch();
  bool link_up() const;
  void watch_clocks(std::vector<std::string>& lines);
  void watch_link(std::vector<std::string>& lines);
  void watch_cut(std::vector<std::string>& lines);
  void watch_reset(std::vector<std::string>& lines);
  void watch_rss(std::vector<std::string>& lines);
  bool pause_queues();
  absl::Status reset_device();
  // Since the device's counters began anew; the last ones that could be read, where the driver does not tell.
  SourceStats device_losses();

  const AttachedPort attached_;
  PortSetup setup_;
  MbufPool pool_;
  KernelDrops kernel_drops_;
  WallClock wall_;
  std::unique_ptr<ClockModel> device_model_;  // where packets carry the device's time
  PublishedLine device_line_;
  std::vector<std::unique_ptr<PortQueue>> queues_;
  std::unique_ptr<RssWatch> rss_watch_;
  SourceStats losses_base_, losses_before_reset_, last_losses_;
  bool started_ = false, was_up_ = false, made_promiscuous_ = false, interface_gone_ = false, cut_ = false;
  std::atomic<bool> reset_asked_{false};
  uint64_t still_since_tsc_ = 0;  // the queues, for a reset
  std::string reset_failure_;     // as it was told; "": none
};

}  // namespace netspectra

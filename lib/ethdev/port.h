// A live port: a NIC on PCI, a kernel interface, or a virtual device; its RX queues, losses and state.
//
// Purpose: opens a device by its spec, sets it up by its driver's preset, and hands out one RX queue per worker. What
//   the device loses is counted here, by whoever can count it: the driver, or for kernel sockets the kernel.
// Specs: "0000:3b:00.0" (PCI), "eth1" (kernel interface, by net_af_packet or net_af_xdp), "vdev:DEVARGS" (any DPDK
//   virtual device, for tests and benchmarks).
// States: open() -> start() -> stop() (by the flag given to open(); its queues then deliver what waits in their rings, and
//   nothing more) -> destroyed.
// Threads: everything but the queues by the control core; queue(i) by one worker. stats() reads single-writer
//   counters. watch() now and then: link changes, device resets, samples for the RSS check.
// Ownership: owns port, pool and queues; borrows the stop flag.
// Errors: open() and start() name the port, the cause and what mends it.
// Source: DPDK 22.11 programmer's guide, "Poll Mode Driver"; rte_ethdev.h.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/source_stats.h"
#include "ethdev/driver_preset.h"
#include "ethdev/rx_queue.h"

namespace netspectra {

struct PortConfig {
  std::string spec;
  unsigned queues = 1;
  // For a kernel interface: "af_packet" or "af_xdp".
  std::string kernel_driver = "af_packet";
  PresetOverrides overrides;  // over the preset of the driver that is found
};

struct PortInfo {
  std::string spec;
  std::string driver;
  int numa_node = -1;  // -1: none, or not known
  bool link_up = false;
  uint32_t link_mbps = 0;  // 0: not known
  uint32_t mtu = 0;
  std::string rss;  // who spreads, and by what: "NIC, symmetric Toeplitz over ip,tcp,udp"
  bool hardware_timestamps = false;
  std::vector<std::string> warnings;  // what a user should know, a line each
};

class Port {
 public:
  // mbufs that the pool of such a port takes: for EalConfig::memory_mib.
  static unsigned mbufs(const PortConfig& config);
  // What the limit of locked memory must be for the kernel interfaces among `configs`; 0 = none among them.
  static uint64_t kernel_locked_bytes(const std::vector<PortConfig>& configs);

  static absl::StatusOr<std::unique_ptr<Port>> open(const PortConfig& config, const std::atomic<bool>& stop);
  virtual ~Port() = default;

  virtual absl::Status start() = 0;
  virtual unsigned queues() const = 0;
  virtual RxQueue& queue(unsigned i) = 0;
  // Since start(). epoch_overruns is the pipeline's: 0 here.
  virtual SourceStats stats(unsigned queue) = 0;
  virtual PortInfo info() const = 0;
  // What happened since the last call, a line each: link up or down, reset, RSS that does not keep its promise.
  virtual std::vector<std::string> watch() = 0;
};

}  // namespace netspectra

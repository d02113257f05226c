#include "ethdev/port.h"

#include <rte_ethdev.h>

#include <algorithm>
#include <atomic>

#include "absl/strings/str_cat.h"
#include "ethdev/live_port.h"

namespace netspectra {
namespace {

// AF_XDP keeps the packets of its rings in the pool: its fill ring and as much again under way.
constexpr unsigned kXdpMbufsPerQueue = 2 * 4096;

// net_af_packet copies out of its ring: nothing is held but what the poller has.
unsigned held_descriptors(const std::string& driver, unsigned descriptors) {
  if (driver == "net_af_packet") return 0;
  return driver == "net_af_xdp" ? std::max(descriptors, kXdpMbufsPerQueue) : descriptors;
}

PacketRing ring_of(const PortConfig& config) {
  return packet_ring(with_overrides(driver_preset("net_af_packet"), config.overrides),
                     interface_mtu(config.spec));
}

absl::StatusOr<std::unique_ptr<Port>> set_up(const PortConfig& config, const AttachedPort& attached,
                                             const std::set<int>& descriptors_before,
                                             const std::atomic<bool>& stop, MbufPool& pool) {
  rte_eth_dev_info info = {};
  rte_eth_dev_info_get(attached.port, &info);
  PortSetup setup;
  setup.port = attached.port;
  setup.spec = config.spec;
  setup.driver = info.driver_name == nullptr ? "" : info.driver_name;
  setup.preset = with_overrides(driver_preset(setup.driver), config.overrides);
  if (attached.own_sockets) setup.frame_bytes = attached.socket_config.frame_bytes;
  if (attached.interface_index != 0) setup.warnings = interface_warnings(config.spec, setup.frame_bytes);
  if (absl::Status sized = size_port(config.queues, setup); !sized.ok()) return sized;

  static std::atomic<unsigned> pools{0};
  const unsigned mbufs = mbufs_of(setup.queues, held_descriptors(setup.driver, setup.descriptors));
  absl::StatusOr<MbufPool> made =
      make_mbuf_pool(absl::StrCat("port_", pools++), mbufs, setup.frame_bytes, setup.numa_node);
  if (!made.ok()) {
    return absl::Status(made.status().code(),
                        absl::StrCat("port ", config.spec, ": ", made.status().message()));
  }
  pool = *std::move(made);
  if (absl::Status configured = configure_port(*pool, setup); !configured.ok()) return configured;
  // AF_XDP opens its sockets with its queues.
  std::vector<int> sockets = attached.sockets;
  for (int fd : sockets_opened_since(descriptors_before, AF_XDP)) sockets.push_back(fd);
  return std::make_unique<LivePort>(attached, std::move(setup), std::move(pool), std::move(sockets), stop);
}

}  // namespace

unsigned Port::mbufs(const PortConfig& config) {
  const PortKind kind = port_kind(config.spec);
  unsigned descriptors = 0;
  switch (kind) {
    case PortKind::kPci:  // its driver is known only once it is attached
      for (const DriverPreset& preset : driver_presets()) {
        if (preset.bind == "none") continue;
        descriptors = std::max(descriptors, with_overrides(preset, config.overrides).rx_descriptors);
      }
      break;
    case PortKind::kVirtual:
      descriptors = with_overrides(driver_preset(""), config.overrides).rx_descriptors;
      break;
    case PortKind::kInterface: {
      const std::string driver = absl::StrCat("net_", config.kernel_driver);
      descriptors = held_descriptors(driver, 0);
      if (config.kernel_driver != "af_packet") break;
      const unsigned frame_bytes = ring_of(config).frame_bytes;
      return mbufs_of(config.queues, descriptors) * std::max(1u, frame_bytes / RTE_MBUF_DEFAULT_DATAROOM);
    }
  }
  return mbufs_of(config.queues, descriptors);
}

uint64_t Port::kernel_locked_bytes(const std::vector<PortConfig>& configs) {
  uint64_t largest_ring = 0, pools = 0;
  for (const PortConfig& config : configs) {
    if (port_kind(config.spec) != PortKind::kInterface) continue;
    if (config.kernel_driver == "af_packet") {
      largest_ring = std::max(largest_ring, ring_of(config).mapped_bytes());
    } else {  // each queue's socket registers the whole pool, and all of that is charged to the user
      pools += uint64_t{mbufs(config)} * kMbufBytes * config.queues;
    }
  }
  return std::max(largest_ring, pools);
}

absl::StatusOr<std::unique_ptr<Port>> Port::open(const PortConfig& config, const std::atomic<bool>& stop) {
  const std::set<int> before = open_descriptors();
  absl::StatusOr<AttachedPort> attached =
      attach_port({config.spec, config.queues, config.kernel_driver, config.overrides});
  if (!attached.ok()) return attached.status();
  MbufPool pool;  // outlives the device where that is not set up after all
  absl::StatusOr<std::unique_ptr<Port>> port = set_up(config, *attached, before, stop, pool);
  if (!port.ok()) detach_port(*attached);
  return port;
}

}  // namespace netspectra

// From a port's spec to a DPDK port: finds out what is meant, looks whether it can be had, and attaches it.
//
// Specs: see port.h.
// Threads: set-up, one thread. Ownership: the caller detaches with detach_port().
// Errors: one line that names the spec, the cause and what mends it.
// Source: DPDK 22.11, rte_eal_hotplug_add(); packet(7); sysfs-bus-pci.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "ethdev/driver_preset.h"
#include "ethdev/packet_sockets.h"

namespace netspectra {

enum class PortKind : uint8_t { kPci, kInterface, kVirtual };
PortKind port_kind(const std::string& spec);
// The MTU of a kernel interface; 0 = not known.
uint32_t interface_mtu(const std::string& name);
// Up and with a carrier.
bool interface_running(const std::string& name);
// The flag that "ip link set NAME promisc on" sets; what sockets ask for does not show in it.
bool interface_promiscuous(const std::string& name);
absl::Status make_interface_promiscuous(const std::string& name);

// What a user should know about how the kernel hands over an interface's packets.
std::vector<std::string> interface_warnings(const std::string& name, unsigned frame_bytes);

// What net_af_packet's devargs must be for an interface: the preset's, with frames as large as the MTU needs.
struct PacketRing {
  unsigned block_bytes, frame_bytes, frames;

  // Of one queue, as the PMD maps them: for RX and for TX. The kernel compares each mapping for itself with the limit of
  // locked memory, since the pages of a ring are its own and are not charged to the process: queues do not add up.
  uint64_t mapped_bytes() const { return uint64_t{frame_bytes} * frames * 2; }
};
PacketRing packet_ring(const DriverPreset& preset, uint32_t mtu);

struct AttachedPort {
  uint16_t port = 0;
  PortKind kind = PortKind::kVirtual;
  std::string bus, device;       // as rte_eal_hotplug_add() was given them
  unsigned interface_index = 0;  // of the kernel's interface; 0 = none
  std::vector<int> sockets;      // the driver's kernel sockets so far, by queue
  PacketSocketConfig socket_config;
  bool own_sockets = false;  // listen_on_packet_sockets() when the port is started
};

struct AttachConfig {
  std::string spec;
  unsigned queues = 1;
  std::string kernel_driver;
  PresetOverrides overrides;
};
absl::StatusOr<AttachedPort> attach_port(const AttachConfig& config);
void detach_port(const AttachedPort& port);
// The present name of the interface that the port listens to; "" where that is gone: an interface that is made anew,
// under whatever name, is another one, and its packets do not come to this port.
// REQUIRES: interface_index != 0.
std::string listened_interface(const AttachedPort& port);

}  // namespace netspectra

#include "ethdev/port_attach.h"

#include <arpa/inet.h>
#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <rte_dev.h>
#include <rte_ethdev.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "ethdev/dpdk_log.h"
#include "ethdev/kernel_drops.h"

#ifndef AF_XDP
#define AF_XDP 44
#endif

namespace netspectra {
namespace {

constexpr const char* kVirtualPrefix = "vdev:";
constexpr unsigned kLargestFrameBytes = 16384;
// In a frame of the ring: Ethernet with two tags, and the ring's own header with its alignment.
constexpr unsigned kBesidePacket = 22 + 128;

absl::Status fault(const std::string& spec, const std::string& why) {
  return absl::FailedPreconditionError(absl::StrCat("port ", spec, ": ", why));
}

// "0000:3b:00.0", or "3b:00.0".
bool is_pci_address(const std::string& spec) {
  std::string shape = spec;
  for (char& c : shape) {
    if (absl::ascii_isxdigit(static_cast<unsigned char>(c))) c = 'h';
  }
  return shape == "hhhh:hh:hh.h" || shape == "hh:hh.h";
}

template <class Ask>
bool ask_interface(const std::string& name, Ask&& ask) {
  ifreq request = {};
  if (name.size() >= sizeof(request.ifr_name)) return false;
  std::memcpy(request.ifr_name, name.data(), name.size());
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  const bool answered = ask(fd, request);
  close(fd);
  return answered;
}

std::string join_devargs(const std::map<std::string, std::string>& devargs) {
  std::string joined;
  for (const auto& [name, value] : devargs)
    absl::StrAppend(&joined, joined.empty() ? "" : ",", name, "=", value);
  return joined;
}

unsigned devarg(const DriverPreset& preset, const char* name, unsigned otherwise) {
  const auto found = preset.devargs.find(name);
  unsigned value = 0;
  return found != preset.devargs.end() && absl::SimpleAtoi(found->second, &value) && value != 0 ? value
                                                                                                : otherwise;
}

// Its index.
absl::StatusOr<unsigned> check_interface(const std::string& name) {
  const unsigned index = if_nametoindex(name.c_str());
  if (index == 0) {
    return fault(name, "there is no such interface, and it is no PCI address; see \"ip -br link\"");
  }
  const auto not_allowed = [&name](const char* what) {
    return fault(name,
                 absl::StrCat("not allowed to ", what, " (", strerror(errno),
                              "): run as root, or \"setcap cap_net_raw,cap_net_admin,cap_ipc_lock+ep\" on "
                              "the program"));
  };
  const int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
  if (fd < 0) return not_allowed("listen to it");
  close(fd);
  // The drivers set an interface's address and flags when they start. No interface is of type "void": the kernel
  // refuses that address, but looks at the permission first.
  const bool permitted = ask_interface(name, [](int socket, ifreq& request) {
    request.ifr_hwaddr.sa_family = ARPHRD_VOID;
    return ioctl(socket, SIOCSIFHWADDR, &request) == 0 || errno != EPERM;
  });
  if (!permitted) return not_allowed("set it up");
  return index;
}

// Where the rings are more than the process may lock: what mends that; else "".
std::string memory_lock_hint(const PacketSocketConfig& socket) {
  rlimit limit = {};
  const uint64_t bytes = PacketRing{socket.block_bytes, socket.frame_bytes, socket.frames}.mapped_bytes();
  if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0 || bytes <= limit.rlim_cur) return "";
  return absl::StrCat("; the rings of each queue lock ", bytes >> 20, " MiB of memory, and ",
                      limit.rlim_cur >> 20,
                      " are allowed: \"ulimit -l unlimited\", or less of rx_descriptors");
}

std::string pci_address(const std::string& spec) {
  return absl::AsciiStrToLower(spec.size() == std::strlen("hh:hh.h") ? absl::StrCat("0000:", spec) : spec);
}

// The kernel driver that a PCI device is bound to; "" = none.
std::string kernel_driver_of(const std::string& address) {
  std::error_code none;
  return std::filesystem::read_symlink(absl::StrCat("/sys/bus/pci/devices/", address, "/driver"), none)
      .filename()
      .string();
}

absl::Status check_pci(const std::string& spec, const std::string& address) {
  std::error_code none;
  if (!std::filesystem::exists(absl::StrCat("/sys/bus/pci/devices/", address), none)) {
    return fault(spec, "there is no such PCI device; see \"lspci -D\"");
  }
  const std::string driver = kernel_driver_of(address);
  const bool ready = driver == "vfio-pci" || driver == "igb_uio" || driver == "uio_pci_generic" ||
                     absl::StartsWith(driver, "mlx");  // bifurcated: stays with its kernel driver
  if (ready) return absl::OkStatus();
  return fault(spec,
               absl::StrCat(driver.empty() ? "is bound to no driver"
                                           : absl::StrCat("belongs to the kernel driver ", driver),
                            "; give it to DPDK with \"scripts/bind-nic.sh --bind vfio-pci ", address, "\""));
}

// DPDK has no function for it: the port whose device this is.
absl::StatusOr<uint16_t> port_of_device(const std::string& spec, const std::string& device) {
  uint16_t port = 0;
  if (rte_eth_dev_get_port_by_name(device.c_str(), &port) == 0) return port;
  RTE_ETH_FOREACH_DEV(port) {
    rte_eth_dev_info info = {};
    if (rte_eth_dev_info_get(port, &info) == 0 && device == rte_dev_name(info.device)) return port;
  }
  return fault(spec, "its driver made no Ethernet port of it");
}

absl::StatusOr<uint16_t> plug(const std::string& spec, const std::string& bus, const std::string& device,
                              const std::string& devargs) {
  HeldDpdkLog log;
  const int code = rte_eal_hotplug_add(bus.c_str(), device.c_str(), devargs.c_str());
  const std::string said = log.end();
  if (code != 0) {
    return fault(spec, absl::StrCat("DPDK cannot open it as ", device, devargs.empty() ? "" : ",", devargs,
                                    ": ", said.empty() ? strerror(-code) : said));
  }
  return port_of_device(spec, device);
}

absl::StatusOr<AttachedPort> attach_pci(const AttachConfig& config) {
  const std::string address = pci_address(config.spec);
  if (absl::Status usable = check_pci(config.spec, address); !usable.ok()) return usable;
  absl::StatusOr<uint16_t> port = plug(config.spec, "pci", address, "");
  if (!port.ok()) return port.status();
  AttachedPort attached;
  attached.port = *port;
  attached.kind = PortKind::kPci;
  attached.bus = "pci";
  attached.device = address;
  return attached;
}

// "net_null0,size=64" after the prefix.
absl::StatusOr<AttachedPort> attach_virtual(const AttachConfig& config) {
  const std::string whole = config.spec.substr(std::strlen(kVirtualPrefix));
  const size_t comma = whole.find(',');
  AttachedPort attached;
  attached.bus = "vdev";
  attached.device = whole.substr(0, comma);
  const std::set<int> before = open_descriptors();
  absl::StatusOr<uint16_t> port =
      plug(config.spec, "vdev", attached.device, comma == std::string::npos ? "" : whole.substr(comma + 1));
  if (!port.ok()) return port.status();
  attached.port = *port;
  attached.sockets = sockets_opened_since(before, AF_PACKET);
  return attached;
}

absl::StatusOr<AttachedPort> attach_interface(const AttachConfig& config) {
  const absl::StatusOr<unsigned> index = check_interface(config.spec);
  if (!index.ok()) return index.status();
  static std::atomic<unsigned> opened{0};  // DPDK wants a name for each device
  const std::string driver = absl::StrCat("net_", config.kernel_driver);
  const DriverPreset preset = with_overrides(driver_preset(driver), config.overrides);
  std::map<std::string, std::string> devargs = preset.devargs;
  devargs["iface"] = config.spec;
  AttachedPort attached;
  attached.kind = PortKind::kInterface;
  attached.bus = "vdev";
  attached.device = absl::StrCat(driver, "_", opened++);
  attached.interface_index = *index;
  const bool af_packet = config.kernel_driver == "af_packet";
  if (af_packet) {
    const PacketRing ring = packet_ring(preset, interface_mtu(config.spec));
    devargs["qpairs"] = absl::StrCat(config.queues);
    devargs["blocksz"] = absl::StrCat(ring.block_bytes);
    devargs["framesz"] = absl::StrCat(ring.frame_bytes);
    devargs["framecnt"] = absl::StrCat(ring.frames);
    attached.socket_config = {*index,           preset.promiscuous, preset.outgoing,
                              ring.block_bytes, ring.frame_bytes,   ring.frames};
  } else {
    devargs["queue_count"] = absl::StrCat(config.queues);
  }
  const std::set<int> before = open_descriptors();
  absl::StatusOr<uint16_t> port = plug(config.spec, attached.bus, attached.device, join_devargs(devargs));
  if (!port.ok()) {
    return af_packet ? absl::FailedPreconditionError(
                           absl::StrCat(port.status().message(), memory_lock_hint(attached.socket_config)))
                     : port.status();
  }
  attached.port = *port;
  if (!af_packet) return attached;
  attached.sockets = sockets_opened_since(before, AF_PACKET);
  attached.own_sockets = true;
  absl::Status taken = attached.sockets.size() == config.queues
                           ? take_over_packet_sockets(attached.sockets, attached.socket_config)
                           : absl::InternalError("its kernel sockets are not found in /proc/self/fd");
  if (taken.ok()) return attached;
  detach_port(attached);
  return fault(config.spec, std::string(taken.message()));
}

}  // namespace

PortKind port_kind(const std::string& spec) {
  if (absl::StartsWith(spec, kVirtualPrefix)) return PortKind::kVirtual;
  return is_pci_address(spec) ? PortKind::kPci : PortKind::kInterface;
}

uint32_t interface_mtu(const std::string& name) {
  uint32_t mtu = 0;
  ask_interface(name, [&mtu](int fd, ifreq& request) {
    if (ioctl(fd, SIOCGIFMTU, &request) != 0) return false;
    mtu = static_cast<uint32_t>(request.ifr_mtu);
    return true;
  });
  return mtu;
}

std::string listened_interface(const AttachedPort& port) {
  // The kernel takes a socket off an interface that is unregistered, also when one of that index comes back.
  for (int fd : port.sockets) {
    sockaddr_ll bound = {};
    socklen_t size = sizeof(bound);
    const bool told = getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size) == 0;
    if (told && bound.sll_ifindex != static_cast<int>(port.interface_index)) return "";
  }
  char name[IF_NAMESIZE];
  return if_indextoname(port.interface_index, name) == nullptr ? "" : name;
}

bool interface_promiscuous(const std::string& name) {
  return ask_interface(name, [](int fd, ifreq& request) {
    return ioctl(fd, SIOCGIFFLAGS, &request) == 0 && (request.ifr_flags & IFF_PROMISC) != 0;
  });
}

absl::Status make_interface_promiscuous(const std::string& name) {
  const bool made = ask_interface(name, [](int fd, ifreq& request) {
    if (ioctl(fd, SIOCGIFFLAGS, &request) != 0) return false;
    request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_PROMISC);
    return ioctl(fd, SIOCSIFFLAGS, &request) == 0;
  });
  return made ? absl::OkStatus() : absl::InternalError(strerror(errno));
}

bool interface_running(const std::string& name) {
  return ask_interface(name, [](int fd, ifreq& request) {
    return ioctl(fd, SIOCGIFFLAGS, &request) == 0 && (request.ifr_flags & IFF_UP) != 0 &&
           (request.ifr_flags & IFF_RUNNING) != 0;
  });
}

std::vector<std::string> interface_warnings(const std::string& name, unsigned frame_bytes) {
  std::vector<std::string> warnings;
  ask_interface(name, [&](int fd, ifreq& request) {
    ethtool_value gro = {ETHTOOL_GGRO, 0}, flags = {ETHTOOL_GFLAGS, 0};
    request.ifr_data = reinterpret_cast<char*>(&gro);
    const bool merges = ioctl(fd, SIOCETHTOOL, &request) == 0 && gro.data != 0;
    request.ifr_data = reinterpret_cast<char*>(&flags);
    const bool merges_in_hardware = ioctl(fd, SIOCETHTOOL, &request) == 0 && (flags.data & ETH_FLAG_LRO) != 0;
    if (merges || merges_in_hardware) {
      warnings.push_back(
          absl::StrCat("the kernel merges packets before they are measured: turn that off with \"ethtool "
                       "-K ",
                       name, " gro off lro off\""));
    }
    return true;
  });
  const uint32_t mtu = interface_mtu(name);
  if (frame_bytes != 0 && mtu + kBesidePacket > frame_bytes) {
    warnings.push_back(
        absl::StrCat("its MTU of ", mtu, " is above what a frame of the ring holds (", frame_bytes,
                     "): longer frames are cut, and counted with the length in their IP header"));
  }
  return warnings;
}

PacketRing packet_ring(const DriverPreset& preset, uint32_t mtu) {
  const unsigned largest = std::min(std::max(mtu, preset.mtu), kLargestFrameBytes);
  const unsigned needed = std::bit_ceil(std::max(2048u, largest + kBesidePacket));
  PacketRing ring = {};
  ring.frame_bytes = devarg(preset, "framesz", std::min(needed, kLargestFrameBytes));
  ring.block_bytes = std::max(devarg(preset, "blocksz", 65536), ring.frame_bytes);
  const unsigned per_block = ring.block_bytes / ring.frame_bytes;
  ring.frames = devarg(preset, "framecnt", preset.rx_descriptors);
  ring.frames = (ring.frames + per_block - 1) / per_block * per_block;  // whole blocks
  return ring;
}

absl::StatusOr<AttachedPort> attach_port(const AttachConfig& config) {
  switch (port_kind(config.spec)) {
    case PortKind::kPci:
      return attach_pci(config);
    case PortKind::kVirtual:
      return attach_virtual(config);
    case PortKind::kInterface:
      break;
  }
  return attach_interface(config);
}

void detach_port(const AttachedPort& port) {
  rte_eth_dev_stop(port.port);
  rte_eal_hotplug_remove(port.bus.c_str(), port.device.c_str());
}

}  // namespace netspectra

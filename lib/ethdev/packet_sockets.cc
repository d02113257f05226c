#include "ethdev/packet_sockets.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace netspectra {
namespace {

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& from) noexcept : fd_(std::exchange(from.fd_, -1)) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

struct Mapping {
  uint8_t* data = nullptr;
  size_t bytes = 0;
};

absl::Status failed(const char* call) {
  return absl::InternalError(
      absl::StrCat("its kernel sockets cannot be set up: ", call, ": ", strerror(errno)));
}

template <class Value>
bool set_option(int fd, int option, const Value& value) {
  return setsockopt(fd, SOL_PACKET, option, &value, sizeof(value)) == 0;
}

// Where the ring of a socket is mapped: its mappings carry its inode.
Mapping find_mapping(int fd) {
  struct stat status = {};
  Mapping found;
  std::FILE* const maps = std::fopen("/proc/self/maps", "re");
  if (maps == nullptr) return found;
  char line[512];
  while (found.data == nullptr && fstat(fd, &status) == 0 &&
         std::fgets(line, sizeof(line), maps) != nullptr) {
    uintptr_t begin = 0, end = 0;
    unsigned long long inode = 0;
    const int fields = std::sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %*s %*s %*s %llu", &begin, &end, &inode);
    if (fields == 3 && inode == status.st_ino) found = {reinterpret_cast<uint8_t*>(begin), end - begin};
  }
  std::fclose(maps);
  return found;
}

// In the place of the filter before it; nothing is counted that it stops.
template <size_t kSteps>
bool attach_filter(int fd, std::array<sock_filter, kSteps> steps) {
  const sock_fprog program = {kSteps, steps.data()};
  return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0;
}

constexpr std::array<sock_filter, 1> kNothing = {{BPF_STMT(BPF_RET | BPF_K, 0)}};
constexpr std::array<sock_filter, 4> kIncoming = {
    {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(SKF_AD_OFF + SKF_AD_PKTTYPE)),
     BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_OUTGOING, 0, 1), BPF_STMT(BPF_RET | BPF_K, 0),
     BPF_STMT(BPF_RET | BPF_K, UINT32_MAX)}};

// A socket with a ring of its own at the place of the PMD's. The PMD never sends: where its TX ring was is nothing.
absl::Status replace(int pmd_fd, const PacketSocketConfig& config) {
  const Mapping old = find_mapping(pmd_fd);
  const unsigned blocks = config.frames / (config.block_bytes / config.frame_bytes);
  const size_t ring_bytes = size_t{blocks} * config.block_bytes;
  if (old.data == nullptr || old.bytes != 2 * ring_bytes) {
    errno = ENOENT;
    return failed("finding their rings in /proc/self/maps");
  }
  const Descriptor fresh(
      socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));  // protocol 0: hears nothing until bound
  const tpacket_req ring = {config.block_bytes, blocks, config.frame_bytes, config.frames};
  if (fresh.get() < 0) return failed("socket");
  if (!set_option(fresh.get(), PACKET_VERSION, int{TPACKET_V2})) return failed("PACKET_VERSION");
  // Spares what this host sends a copy for the filter to refuse; in a fanout it has no effect.
  if (!config.outgoing && !set_option(fresh.get(), PACKET_IGNORE_OUTGOING, 1)) {
    return failed("PACKET_IGNORE_OUTGOING (Linux 4.20)");
  }
  if (!attach_filter(fresh.get(), kNothing)) return failed("SO_ATTACH_FILTER");

  const int locked = MAP_SHARED | MAP_LOCKED | MAP_FIXED;
  const int nothing = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
  if (mmap(old.data, old.bytes, PROT_NONE, nothing, -1, 0) == MAP_FAILED) return failed("mmap");
  if (!set_option(fresh.get(), PACKET_RX_RING, ring)) return failed("PACKET_RX_RING");
  if (mmap(old.data, ring_bytes, PROT_READ | PROT_WRITE, locked, fresh.get(), 0) == MAP_FAILED) {
    return failed("mmap of the ring (ulimit -l)");
  }
  if (dup2(fresh.get(), pmd_fd) < 0) return failed("dup2");  // which closes the PMD's own
  return absl::OkStatus();
}

absl::Status bind_to(int fd, const PacketSocketConfig& config) {
  const auto index = static_cast<int>(config.interface_index);
  sockaddr_ll address = {};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = index;
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) return failed("bind");
  packet_mreq membership = {};
  membership.mr_ifindex = index;
  membership.mr_type = PACKET_MR_PROMISC;
  if (config.promiscuous && !set_option(fd, PACKET_ADD_MEMBERSHIP, membership)) {
    return failed("PACKET_ADD_MEMBERSHIP");
  }
  return absl::OkStatus();
}

// The hash is symmetric, so both directions of a flow come to one socket, in the order in which the sockets join.
absl::Status join_fanout(const std::vector<int>& sockets) {
  uint32_t group = (PACKET_FANOUT_HASH | PACKET_FANOUT_FLAG_UNIQUEID) << 16;
  for (int fd : sockets) {
    if (!set_option(fd, PACKET_FANOUT, group)) return failed("PACKET_FANOUT");
    socklen_t size = sizeof(group);
    if (getsockopt(fd, SOL_PACKET, PACKET_FANOUT, &group, &size) != 0) return failed("PACKET_FANOUT");
    group &= 0xffff;  // the number that the kernel chose
    group |= uint32_t{PACKET_FANOUT_HASH} << 16;
  }
  return absl::OkStatus();
}

}  // namespace

unsigned PacketSocketConfig::room() const {
  // As tpacket_rcv() has it: the packet behind the Ethernet header is aligned.
  constexpr unsigned kLeastLinkHeader = 16;
  constexpr unsigned kBeforeFrame = TPACKET_ALIGN(TPACKET2_HDRLEN + kLeastLinkHeader) - ETH_HLEN;
  return frame_bytes - kBeforeFrame;
}

absl::Status take_over_packet_sockets(const std::vector<int>& sockets, const PacketSocketConfig& config) {
  for (int fd : sockets) {
    if (absl::Status replaced = replace(fd, config); !replaced.ok()) return replaced;
  }
  for (int fd : sockets) {
    if (absl::Status bound = bind_to(fd, config); !bound.ok()) return bound;
  }
  return sockets.size() > 1 ? join_fanout(sockets) : absl::OkStatus();
}

absl::Status listen_on_packet_sockets(const std::vector<int>& sockets, const PacketSocketConfig& config) {
  for (int fd : sockets) {
    if (!config.outgoing) {
      if (!attach_filter(fd, kIncoming)) return failed("SO_ATTACH_FILTER");
      continue;
    }
    const int none = 0;
    if (setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &none, sizeof(none)) != 0)
      return failed("SO_DETACH_FILTER");
  }
  return absl::OkStatus();
}

}  // namespace netspectra

#include "ethdev/kernel_drops.h"

#include <dirent.h>
#include <linux/if_packet.h>
#include <linux/if_xdp.h>
#include <sys/socket.h>

#include <cstdlib>

namespace netspectra {
namespace {

int socket_family(int fd) {
  int family = -1;
  socklen_t size = sizeof(family);
  return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &size) == 0 ? family : -1;
}

// Since the last reading.
uint64_t read_packet_drops(int fd) {
  tpacket_stats stats = {};
  socklen_t size = sizeof(stats);
  return getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &stats, &size) == 0 ? stats.tp_drops : 0;
}

// Since the socket was made. rx_dropped is not added: the PMD reports it as imissed.
uint64_t read_xdp_drops(int fd) {
  xdp_statistics stats = {};
  socklen_t size = sizeof(stats);
  return getsockopt(fd, SOL_XDP, XDP_STATISTICS, &stats, &size) == 0 ? stats.rx_ring_full : 0;
}

}  // namespace

std::set<int> open_descriptors() {
  std::set<int> open;
  DIR* const folder = opendir("/proc/self/fd");
  if (folder == nullptr) return open;
  while (const dirent* entry = readdir(folder)) {
    char* end = nullptr;
    const long fd = std::strtol(entry->d_name, &end, 10);
    if (end != entry->d_name && *end == 0 && fd != dirfd(folder)) open.insert(static_cast<int>(fd));
  }
  closedir(folder);
  return open;
}

std::vector<int> sockets_opened_since(const std::set<int>& before, int family) {
  std::vector<int> sockets;
  for (int fd : open_descriptors()) {
    if (!before.contains(fd) && socket_family(fd) == family) sockets.push_back(fd);
  }
  return sockets;
}

KernelDrops::KernelDrops(std::vector<int> sockets) {
  for (int fd : sockets) {
    Socket socket{fd, socket_family(fd)};
    if (socket.family == AF_PACKET) read_packet_drops(fd);
    if (socket.family == AF_XDP) socket.start = read_xdp_drops(fd);
    sockets_.push_back(socket);
  }
}

uint64_t KernelDrops::dropped(unsigned queue) {
  if (queue >= sockets_.size()) return 0;
  Socket& socket = sockets_[queue];
  if (socket.family == AF_PACKET) socket.total += read_packet_drops(socket.fd);
  if (socket.family == AF_XDP) socket.total = read_xdp_drops(socket.fd) - socket.start;
  return socket.total;
}

}  // namespace netspectra

// What the kernel dropped in front of the sockets of AF_PACKET and AF_XDP ports.
//
// Purpose: their PMDs report no losses; the kernel counts them, socket by socket.
// Shapes and units: packets, since the object was made.
// Threads: one. Ownership: borrows the descriptors.
// Errors: a socket that cannot be asked counts as one without losses; sockets_opened_since() finds none without /proc.
// Source: packet(7), PACKET_STATISTICS (each reading resets the counters; tp_packets contains tp_drops);
//   linux/if_xdp.h, XDP_STATISTICS (counters go on).
#pragma once

#include <cstdint>
#include <set>
#include <vector>

namespace netspectra {

std::set<int> open_descriptors();
// The sockets of a family (AF_PACKET, AF_XDP) that are open now and were not in `before`, in ascending order, which is
// the order of the queues that they were opened for.
std::vector<int> sockets_opened_since(const std::set<int>& before, int family);

class KernelDrops {
 public:
  explicit KernelDrops(std::vector<int> sockets = {});  // by queue
  // REQUIRES: called by one thread at a time: a reading of AF_PACKET resets the kernel's counter.
  uint64_t dropped(unsigned queue);

 private:
  struct Socket {
    int fd;
    int family;
    uint64_t start = 0;  // AF_XDP: when this began
    uint64_t total = 0;
  };
  std::vector<Socket> sockets_;
};

}  // namespace netspectra

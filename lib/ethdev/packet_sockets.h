// Sockets of our own under net_af_packet.
//
// Purpose: the PMD's own sockets join a fanout that reassembles IPv4 fragments (n packets become one), rolls over to
//   other queues when one is full (a flow leaves its worker), and hears what this host sends; and they count from
//   before the port is ready. These sockets take their places: same rings at the same addresses, under the same
//   descriptors, with a plain symmetric hash fanout; deaf until listen().
// States: take_over() after the attach, before the port starts -> listen() -> destroyed by the PMD, which closes the
//   descriptors and unmaps the rings.
// Threads: one. Ownership: the PMD owns the descriptors. Errors: name the call that failed.
// Source: packet(7); Linux net/packet/af_packet.c, packet_rcv_fanout(); DPDK 22.11 rte_eth_af_packet.c.
#pragma once

#include <vector>

#include "absl/status/status.h"

namespace netspectra {

struct PacketSocketConfig {
  unsigned interface_index = 0;
  bool promiscuous = true;  // as long as the sockets live; the interface's own flag stays as it is
  bool outgoing = false;
  unsigned block_bytes = 0, frame_bytes = 0, frames = 0;  // as the PMD was told

  // Bytes of an Ethernet frame that have room in a frame of the ring: the kernel cuts off what is longer.
  unsigned room() const;
};

// `sockets`: the PMD's, by queue.
absl::Status take_over_packet_sockets(const std::vector<int>& sockets, const PacketSocketConfig& config);
// From here on packets are delivered, and counted by the kernel.
absl::Status listen_on_packet_sockets(const std::vector<int>& sockets, const PacketSocketConfig& config);

}  // namespace netspectra

// Packet buffers for one poller, sized so that net_pcap never finds the pool empty.
//
// Purpose: net_pcap loses the packet that it has just read when there is no mbuf for it. A burst of the
//   largest packets needs kMbufsPerPacket mbufs each; whoever keeps bursts in flight adds theirs.
// Layout: each mbuf has a private area that holds its Frame, for queues that pass mbufs on.
// Ownership: freed with the object. Errors: not enough EAL memory, with the amount.
#pragma once

#include <rte_mbuf.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "ethdev/rx_queue.h"

namespace netspectra {

// net_pcap chains 2048-byte buffers and counts a packet's length in 16 bits.
inline constexpr unsigned kMbufsPerPacket = 34;
inline constexpr unsigned kMbufCache = 256;
// What one lcore's cache can hold back from the others (DPDK flushes at 1.5 times the size).
inline constexpr unsigned kMbufsCached = kMbufCache * 3 / 2;
// For a poller that frees each burst before it polls again.
inline constexpr unsigned kMbufsForOneBurst = kBurst * kMbufsPerPacket + kMbufsCached;
// Per mbuf: header, private area, headroom, 2 KiB of data, and the mempool's own header and padding.
inline constexpr unsigned kMbufBytes = 2560;

struct MempoolDeleter {
  void operator()(rte_mempool* pool) const { rte_mempool_free(pool); }
};
using MbufPool = std::unique_ptr<rte_mempool, MempoolDeleter>;

// Each with room for `data_bytes` beside the headroom; 0 = the usual 2 KiB. On the NUMA node where it can be had.
absl::StatusOr<MbufPool> make_mbuf_pool(const std::string& name, unsigned mbufs, unsigned data_bytes = 0,
                                        int numa_node = SOCKET_ID_ANY);

inline Frame& frame_of(rte_mbuf* mbuf) { return *static_cast<Frame*>(rte_mbuf_to_priv(mbuf)); }

}  // namespace netspectra

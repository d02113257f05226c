// mbufs as Frames, and their lines fetched before they are needed.
//
// Threads: pure functions.
// Cost: describe() three stores for its five fields and two lengths; the lines come from the second-level cache, or from the
//   third where a NIC's direct cache access or other tasks put them, and are there in time.
// Source: DPDK 22.11 rte_mbuf_core.h; app/test-pmd/rxonly.c for the prefetching.
#pragma once

#include <rte_mbuf.h>
#include <tmmintrin.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "packet/frame.h"

namespace netspectra {

// Of an Ethernet port; of a chained packet, the first segment. Times as the caller knows them. The frame's first line is
// fetched: it is decoded when all of the burst have been described.
inline void describe(const rte_mbuf& mbuf, uint64_t ts_ns, uint64_t clock_ns, Frame& frame) {
  static_assert(offsetof(rte_mbuf, pkt_len) == offsetof(rte_mbuf, packet_type) + 4 &&
                offsetof(rte_mbuf, data_len) == offsetof(rte_mbuf, packet_type) + 8);
  static_assert(offsetof(Frame, wire_len) == offsetof(Frame, captured) + 4 &&
                offsetof(Frame, link) == offsetof(Frame, captured) + 8 &&
                sizeof(Frame) >= offsetof(Frame, captured) + 16);
  frame.data = rte_pktmbuf_mtod(&mbuf, const uint8_t*);
  __builtin_prefetch(frame.data);
  frame.ts_ns = ts_ns;
  frame.clock_ns = clock_ns;
  // Data length with zeros behind it, packet length; then the link type, and zeros.
  const __m128i from = _mm_setr_epi8(8, 9, -1, -1, 4, 5, 6, 7, -1, -1, -1, -1, -1, -1, -1, -1);
  const __m128i link = _mm_setr_epi32(0, 0, int(LinkType::kEthernet), 0);
  const __m128i lengths = _mm_loadu_si128(reinterpret_cast<const __m128i*>(&mbuf.packet_type));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(&frame.captured),
                   _mm_or_si128(_mm_shuffle_epi8(lengths, from), link));
}

// visit(i) for each of them in turn, whose header is fetched before.
template <typename Visit>
inline void each_fetched(rte_mbuf* const* mbufs, size_t count, Visit visit) {
  constexpr size_t kAhead = 24;
  for (size_t i = 0; i < std::min(count, kAhead); ++i) __builtin_prefetch(mbufs[i]);
  size_t i = 0;
  for (; i + kAhead < count; ++i) {
    __builtin_prefetch(mbufs[i + kAhead]);
    visit(i);
  }
  for (; i < count; ++i) visit(i);
}

}  // namespace netspectra

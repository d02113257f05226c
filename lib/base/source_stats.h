// What a packet source knows beside the frames that it delivered: losses, and how hard its worker works.
//
// Purpose: travels with the ledger of the same epoch and worker, so that a measurement confesses what was lost before
//   any code here saw it: sent = ledger.rx_packets + filtered_out + lost().
// Shapes and units: packets, nanoseconds, polls. Sums: those of an epoch are differences of two readings, taken when
//   the epoch's part is collected; over a run they add up exactly. What a port counts for itself alone, not by queue,
//   stands with its queue 0.
// Threads: plain data.
// Source: DPDK 22.11 rte_eth_stats; packet(7) PACKET_STATISTICS; AF_XDP XDP_STATISTICS.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace netspectra {

struct SourceStats {
  static constexpr size_t kFills =
      8;  // polls by how full their burst was: 0, up to 1/7, 2/7 ... 7/7 of kBurst

  uint64_t received = 0;    // handed over by the driver
  uint64_t nic_missed = 0;  // imissed: the RX ring was full
  uint64_t no_mbuf = 0;     // rx_nombuf: the pool was empty
  uint64_t nic_errors = 0;  // ierrors: bad checksums, lengths, ...
  uint64_t kernel_dropped =
      0;  // AF_PACKET, AF_XDP: dropped by the kernel for want of room in the socket's ring
  uint64_t epoch_overruns = 0;  // epochs that were extended because the last one had not been taken yet
  uint64_t busy_ns = 0;         // spent on polls that found packets
  uint64_t total_ns = 0;        // all the time that was polled
  std::array<uint64_t, kFills> polls{};

  uint64_t lost() const { return nic_missed + no_mbuf + nic_errors + kernel_dropped; }

  // What was lost, kind by kind: visit(name, packets).
  template <class Visit>
  void each_loss(Visit visit) const {
    visit("nic_missed", nic_missed);
    visit("no_mbuf", no_mbuf);
    visit("nic_errors", nic_errors);
    visit("kernel_dropped", kernel_dropped);
  }

  SourceStats& operator+=(const SourceStats& other);
  SourceStats& operator-=(const SourceStats& other);
  friend bool operator==(const SourceStats&, const SourceStats&) = default;

 private:
  template <class Combine>
  void combine(const SourceStats& other, Combine combine) {
    combine(received, other.received);
    combine(nic_missed, other.nic_missed);
    combine(no_mbuf, other.no_mbuf);
    combine(nic_errors, other.nic_errors);
    combine(kernel_dropped, other.kernel_dropped);
    combine(epoch_overruns, other.epoch_overruns);
    combine(busy_ns, other.busy_ns);
    combine(total_ns, other.total_ns);
    for (size_t i = 0; i < kFills; ++i) combine(polls[i], other.polls[i]);
  }
};

inline SourceStats& SourceStats::operator+=(const SourceStats& other) {
  combine(other, [](uint64_t& a, uint64_t b) { a += b; });
  return *this;
}

inline SourceStats& SourceStats::operator-=(const SourceStats& other) {
  combine(other, [](uint64_t& a, uint64_t b) { a -= b; });
  return *this;
}

}  // namespace netspectra

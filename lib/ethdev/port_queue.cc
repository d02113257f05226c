#include "ethdev/port_queue.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_ether.h>
#include <rte_mbuf_dyn.h>

#include <algorithm>
#include <cstring>

#include "base/drop_reason.h"
#include "ethdev/mbuf_frame.h"
#include "packet/bytes.h"
#include "packet/link_layer.h"

namespace netspectra {
namespace {

// How far an idle queue's clock stays behind the wall clock where packets have the device's time: what is on its way
// through the device, and the error of the calibration.
constexpr uint64_t kDeviceLagNs = 100'000;
constexpr uint64_t kMostDeviceErrorNs = 1'000'000'000;

// 0, then sevenths of a full burst.
size_t fill_of(uint16_t count) { return (count * (SourceStats::kFills - 1) + kBurst - 1) / kBurst; }

// Link layer and IP packet, as the IP header has it; 0 where there is none that says so.
uint32_t length_by_ip(const Frame& frame) {
  constexpr uint32_t kIpv6Header = 40;
  IpStart ip;
  if (find_ip(frame, ip) != DropReason::kNone || frame.captured - ip.offset < kIpv6Header) return 0;
  const uint8_t* header = frame.data + ip.offset;
  if (header[0] >> 4 != ip.ip_version) return 0;
  const uint32_t length = load_be16(header + (ip.ip_version == 4 ? 2 : 4));
  if (length == 0) return 0;
  return ip.offset + length + (ip.ip_version == 4 ? 0 : kIpv6Header);
}

}  // namespace

PortQueue::PortQueue(const PortQueueConfig& config)
    : config_(config), scratch_(std::make_unique<std::array<std::array<uint8_t, kScratchBytes>, kBurst>>()) {}

bool PortQueue::standing_still() {
  const uint32_t pauses = pauses_.load(std::memory_order_acquire);
  if (pauses != seen_pauses_.load(std::memory_order_relaxed))
    seen_pauses_.store(pauses, std::memory_order_release);
  return pauses % 2 != 0;
}

// Time between two polls belongs to the first: it is spent on what that found.
void PortQueue::count_time(uint64_t now_tsc) {
  if (last_tsc_ != 0) {
    total_ticks_.add(now_tsc - last_tsc_);
    if (found_packets_) busy_ticks_.add(now_tsc - last_tsc_);
  }
  last_tsc_ = now_tsc;
}

void PortQueue::receive(FrameBurst& burst) {
  const uint64_t now_tsc = rte_rdtsc();
  count_time(now_tsc);
  config_.wall->refresh(wall_, wall_version_);
  const uint64_t now_ns = wall_.at(now_tsc);
  const bool stop = config_.stop->load(std::memory_order_relaxed);
  burst.count = may_wait_ == 0 || standing_still()
                    ? uint16_t{0}
                    : rte_eth_rx_burst(config_.port, config_.queue, burst.mbufs.data(), kBurst);
  if (stop) [[unlikely]]
    may_wait_ = burst.count == 0 ? 0 : may_wait_ - std::min<uint32_t>(may_wait_, burst.count);
  found_packets_ = burst.count != 0;
  polls_[fill_of(burst.count)].add(1);
  if (burst.count == 0) {
    const uint64_t idle_ns = config_.device == nullptr ? now_ns : now_ns - kDeviceLagNs;
    burst.clock_ns = clock_ns_ = std::max(clock_ns_, idle_ns);
    return;
  }

  received_.add(burst.count);
  uint64_t burst_ns = now_ns;
  if (config_.device == nullptr) {
    burst_ns = std::max(clock_ns_, now_ns);
  } else {
    config_.device->refresh(device_, device_version_);
  }
  const uint16_t count = burst.count;
  each_fetched(burst.mbufs.data(), count, [&](size_t i) { describe_frame(burst, i, burst_ns); });
  burst.clock_ns = clock_ns_;
  if (bursts_++ % kSampledBursts == 0) samples_.put(burst.frames[bursts_ / kSampledBursts % count]);
}

inline void PortQueue::describe_frame(FrameBurst& burst, size_t i, uint64_t burst_ns) {
  if ((burst.mbufs[i]->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) != 0) [[unlikely]]
    rte_vlan_insert(&burst.mbufs[i]);
  const rte_mbuf& mbuf = *burst.mbufs[i];
  Frame& frame = burst.frames[i];
  const uint64_t ts_ns = arrival_ns(mbuf, burst_ns);
  clock_ns_ = std::max(clock_ns_, ts_ns);
  describe(mbuf, ts_ns, clock_ns_, frame);
  if (mbuf.nb_segs > 1 && mbuf.data_len < kHeaders) [[unlikely]]
    gather(mbuf, i, frame);
  if (mbuf.data_len >= config_.room) [[unlikely]]
    measure_cut(frame);
}

void PortQueue::measure_cut(Frame& frame) {
  const uint32_t length = length_by_ip(frame);
  if (length != 0 && length <= frame.captured) return;  // it just fits
  cut_.add(1);
  if (length != 0) frame.wire_len = length;
}

void PortQueue::gather(const rte_mbuf& mbuf, size_t i, Frame& frame) {
  std::array<uint8_t, kScratchBytes>& scratch = (*scratch_)[i];
  uint32_t have = 0;
  for (const rte_mbuf* segment = &mbuf; segment != nullptr && have < kScratchBytes; segment = segment->next) {
    const uint32_t take = std::min<uint32_t>(segment->data_len, kScratchBytes - have);
    std::memcpy(scratch.data() + have, rte_pktmbuf_mtod(segment, const uint8_t*), take);
    have += take;
  }
  frame.data = scratch.data();
  frame.captured = have;
}

inline uint64_t PortQueue::arrival_ns(const rte_mbuf& mbuf, uint64_t burst_ns) const {
  if (config_.device == nullptr || (mbuf.ol_flags & config_.timestamp_flag) == 0) return burst_ns;
  const auto* ticks = RTE_MBUF_DYNFIELD(&mbuf, config_.timestamp_offset, const rte_mbuf_timestamp_t*);
  const uint64_t arrived_ns = device_.at(*ticks);
  // A device whose clock is not what it says must not cut epochs in the far future.
  return arrived_ns + kMostDeviceErrorNs - burst_ns < 2 * kMostDeviceErrorNs ? arrived_ns : burst_ns;
}

void PortQueue::release(FrameBurst& burst) { rte_pktmbuf_free_bulk(burst.mbufs.data(), burst.count); }

SourceStats PortQueue::counters() const {
  const double ns_per_tick = 1e9 / static_cast<double>(rte_get_tsc_hz());
  SourceStats stats;
  stats.received = received_.get();
  stats.busy_ns = static_cast<uint64_t>(static_cast<double>(busy_ticks_.get()) * ns_per_tick);
  stats.total_ns = static_cast<uint64_t>(static_cast<double>(total_ticks_.get()) * ns_per_tick);
  for (size_t i = 0; i < polls_.size(); ++i) stats.polls[i] = polls_[i].get();
  return stats;
}

}  // namespace netspectra

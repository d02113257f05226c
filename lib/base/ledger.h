// The books of one worker and one epoch: where every frame went.
//
// Purpose: received = counted as IP + not IP + malformed, each refusal under its name. Travels with the
//   records of the same epoch, so that no figure is quoted without what is missing from it.
// Shapes and units: packets are frames; bytes are lengths on the wire, link header included; times are
//   nanoseconds since the Unix epoch.
// Threads: plain data with one owner at a time (the worker while the epoch runs, then the control core).
// Cost: 640 bytes; count() is one increment.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "base/drop_reason.h"

namespace netspectra {

// Frames by ethertype, for what is not IP. The first kSlots different ethertypes get a counter each; the
// rest share `other`, so the sum is always right.
class EthertypeCounts {
 public:
  static constexpr size_t kSlots = 16;
  struct Slot {
    uint16_t ethertype = 0;
    uint64_t packets = 0;
  };

  void count(uint16_t ethertype, uint64_t packets = 1) {
    for (Slot& slot : slots_) {
      if (slot.packets == 0) slot.ethertype = ethertype;
      if (slot.ethertype == ethertype) {
        slot.packets += packets;
        return;
      }
    }
    other_ += packets;
  }

  void merge(const EthertypeCounts& from) {
    for (const Slot& slot : from.slots_) {
      if (slot.packets != 0) count(slot.ethertype, slot.packets);
    }
    other_ += from.other_;
  }

  void count_other(uint64_t packets) { other_ += packets; }

  // Slots with packets == 0 are unused.
  const std::array<Slot, kSlots>& slots() const { return slots_; }
  uint64_t other() const { return other_; }

 private:
  std::array<Slot, kSlots> slots_{};
  uint64_t other_ = 0;
};

struct Ledger {
  uint64_t rx_packets = 0;    // frames that reached decode (past the capture filter, if there is one)
  uint64_t rx_bytes = 0;      // their lengths on the wire
  uint64_t filtered_out = 0;  // frames that the capture filter refused; not in rx_packets
  uint64_t late_packets = 0;  // of rx_packets: older than the epoch that they are counted in
  uint64_t ip_packets = 0;    // frames handed to the tasks
  uint64_t ip_bytes = 0;
  uint64_t first_seen_ns = UINT64_MAX;  // over all rx_packets; UINT64_MAX when there are none
  uint64_t last_seen_ns = 0;
  std::array<uint64_t, kDropReasonCount> dropped{};  // by DropReason; [kNone] stays 0
  EthertypeCounts ethertypes;                        // the parts of dropped[kEthertype]

  uint64_t not_ip() const { return sum(is_not_ip); }
  uint64_t malformed() const { return sum(is_malformed); }
  bool balanced() const { return rx_packets == ip_packets + not_ip() + malformed(); }

  void merge(const Ledger& from) {
    rx_packets += from.rx_packets;
    rx_bytes += from.rx_bytes;
    filtered_out += from.filtered_out;
    late_packets += from.late_packets;
    ip_packets += from.ip_packets;
    ip_bytes += from.ip_bytes;
    first_seen_ns = std::min(first_seen_ns, from.first_seen_ns);
    last_seen_ns = std::max(last_seen_ns, from.last_seen_ns);
    for (size_t i = 0; i < kDropReasonCount; ++i) dropped[i] += from.dropped[i];
    ethertypes.merge(from.ethertypes);
  }

 private:
  uint64_t sum(bool (*kind)(DropReason)) const {
    uint64_t total = 0;
    for (size_t i = 0; i < kDropReasonCount; ++i) {
      if (kind(static_cast<DropReason>(i))) total += dropped[i];
    }
    return total;
  }
};

}  // namespace netspectra

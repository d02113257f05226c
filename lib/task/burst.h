// The decoded packets of a burst on their way through the tasks, and the hashes that these have in common.
//
// Purpose: tasks over the same fields want the same hash of a packet's key: it is made once, for all packets of the burst
//   in one go, when the first task asks for it. The default tasks ask for seven, of which four are different.
// Shapes: hashes(key)[i] is of packets()[i]'s key under the mask of `key`'s fields.
// Threads: the worker that made it. Ownership: borrows the packets, and the keys that it was asked for.
// Cost: a hash 1 ns a packet; one that is there, a few compares a burst.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

#include "flow/flow_table.h"
#include "packet/flow_key.h"
#include "packet/packet.h"
#include "sketch/key_hash.h"

namespace netspectra {

// What a task has hashed of every packet.
class HashedKey {
 public:
  HashedKey(KeyFields fields, const KeyHash& hash) : fields_(fields), mask_(fields), hash_(hash) {}
  void hash(std::span<const Packet> packets, uint64_t* hashes) const;
  friend bool operator==(const HashedKey& a, const HashedKey& b) {
    return a.fields_ == b.fields_ && a.hash_ == b.hash_;
  }

 private:
  KeyFields fields_;
  KeyMask mask_;
  KeyHash hash_;
};

class Burst {
 public:
  static constexpr size_t kMaxPackets = FlowTable::kMaxBurst;

  Burst() = default;
  Burst(const Packet* packets, size_t count) : packets_(packets, count) {}
  template <std::convertible_to<std::span<const Packet>> Packets>
  Burst(const Packets& packets) : packets_(packets) {}
  Burst(const Burst&) = delete;

  std::span<const Packet> packets() const { return packets_; }
  // Stay where they are until others have been asked for kColumns times. `key` lives as long as the burst.
  std::span<const uint64_t> hashes(const HashedKey& key) const;

  static constexpr size_t kColumns = 8;

 private:
  std::span<const Packet> packets_;
  mutable size_t columns_ = 0;  // made so far; the newest kColumns are there
  mutable std::array<const HashedKey*, kColumns> keys_;
  mutable std::array<std::array<uint64_t, kMaxPackets>, kColumns> hashes_;
};

}  // namespace netspectra

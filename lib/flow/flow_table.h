// The exact table of one task on one worker: flow key -> counters, looked up by burst.
//
// Purpose: every packet updates the record of its (masked) key. When `capacity` keys are in the table, the
//   packets of any further key go to the overflow record, so that totals stay right.
// Layout: buckets of 16 slots. Beside the slots stand 16 16-bit tags per bucket (32 bytes, half a line), so
//   a lookup touches one line of tags and one 64-byte slot: the 40-byte key, last seen, bytes, and packets
//   (56 bits) with the TCP flags (8 bits). First seen lies apart: it is written when the key is inserted and
//   after that only by a packet that is older than the last. A key whose bucket is full lives in one of the
//   next; at the greatest load, 0.75, that is one in 60.
// Batch: hash all and prefetch the tags; match tags and prefetch the slots; compare and update.
// Growth: the table starts with room for `initial` keys and doubles into memory that is already reserved
//   until there is room for `capacity`: a few flows then stay in cache however large the capacity is. A
//   doubling moves all records (about 15 ns each). With initial == capacity it never happens.
// Threads: update() by the owning worker; drain() and reset() by the control core while the worker has no
//   hand on the table. Ownership: owns its memory.
// Errors: create() when memory cannot be reserved; nothing later.
// Cost: 7 / 13 / 28 ns a packet at 64 k / 1 M / 8 M uniformly active flows; 72 bytes a slot.
// Source: tag buckets as in Facebook's F14 and Google's Swiss tables.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "base/keyed_hash.h"
#include "base/mapped_memory.h"
#include "flow/flow_record.h"
#include "packet/flow_key.h"
#include "packet/packet.h"

namespace netspectra {

class FlowTable {
 public:
  static constexpr size_t kMaxBurst = 64;

  struct Size {
    uint64_t capacity;  // keys that get a record; >= 1
    uint64_t initial;   // keys that there is room for at the start; <= capacity
  };

  static absl::StatusOr<FlowTable> create(KeyFields fields, Size size);
  FlowTable(FlowTable&&) = default;

  // At most kMaxBurst packets.
  void update(std::span<const Packet> packets);

  uint64_t used() const { return used_; }
  const FlowCounters& overflow() const { return overflow_; }

  // Appends every record, in no particular order.
  void drain(std::vector<FlowRecord>& records) const;
  // Forgets all keys and the overflow; keeps the size that it has grown to.
  void reset();

 private:
  static constexpr size_t kWays = 16;

  struct alignas(32) Tags {
    uint16_t tag[kWays];  // 0 = empty
  };
  struct alignas(64) Slot {
    FlowKey key;
    uint64_t last_ns;
    uint64_t bytes;
    uint64_t packets_and_flags;  // packets << 8 | flags
  };
  static_assert(sizeof(Slot) == 64);

  // The arrays of one generation of the table inside memory_.
  struct Generation {
    uint64_t buckets = 0;
    size_t offset = 0;  // in memory_
    Tags* tags = nullptr;
    Slot* slots = nullptr;
    uint64_t* first_ns = nullptr;
  };
  static size_t generation_bytes(uint64_t buckets);
  static uint64_t buckets_for(uint64_t keys);

  FlowTable(KeyFields fields, Size size, MappedMemory memory);
  Generation generation_at(size_t offset, uint64_t buckets) const;
  uint64_t hash(const FlowKey& key) const;
  void insert_or_update(const Packet& packet, uint64_t hash);
  void grow();
  uint64_t room() const;

  KeyMask mask_;
  KeyedHash hash_;
  Generation now_;
  uint64_t used_ = 0;
  uint64_t capacity_;
  uint64_t max_buckets_;
  FlowCounters overflow_;
  MappedMemory memory_;
};

}  // namespace netspectra

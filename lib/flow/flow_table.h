// The exact table of one task on one worker: flow key -> counters, looked up by burst.
//
// Purpose: every packet updates the record of its (masked) key. When `capacity` keys are in the table, the
//   packets of any further key go to the overflow record, so that totals stay right.
// Layout: segments of 64 buckets of 16 slots. A bucket's 16 16-bit tags (32 bytes, half a line) stand apart from
//   its slots, the tags of all segments side by side: a lookup touches one line of tags and one 64-byte slot,
//   and the tags of a million flows need few pages. A slot holds the 40-byte key, last seen, bytes, and packets
//   (56 bits) with the TCP flags (8 bits). First seen stands in the first eight bytes of the key, which are
//   zero for anything but IPv6; for IPv6 it lies in a third array, which is touched when the key is inserted
//   and after that only by a packet that is older than the last. A key whose bucket is full lives in one of the
//   next of its segment.
// Growth: extendible hashing. A directory, indexed by the hash's upper bits, names the segment. A segment
//   that is three quarters full is split after the burst, which moves half of it (about 10 us) into memory
//   that is already reserved. A few flows thus stay in cache and few pages are touched, however large the
//   capacity is, and no burst waits for the whole table.
// Batch: a burst passes through in three calls: hash and prefetch the tags; match tags and prefetch the
//   slots; compare and count. Between two calls the worker receives and decodes another burst, which is when
//   the memory answers.
// Threads: update() by the owning worker; prepare() by the control core at any time; drain() and reset() by
//   the control core while the worker has no hand on the table. Ownership: owns its memory.
// Errors: create() when memory cannot be reserved; nothing later.
// Cost: docs/benchmarks.md. 74 bytes a slot, 100 to 200 a flow; a split about 10 us.
// Source: tag buckets as in Facebook's F14 and Google's Swiss tables; Fagin et al., "Extendible hashing"
//   (1979).
#pragma once

#include <array>
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

struct KeyVectors;  // a key in registers

class FlowTable {
 public:
  static constexpr size_t kMaxBurst = 64;

  // `capacity` >= 1: keys that get a record.
  static absl::StatusOr<FlowTable> create(KeyFields fields, uint64_t capacity);
  FlowTable(FlowTable&&) = default;

  // At most kMaxBurst packets. They must stay where they are until two further calls, after which all of them
  // have been counted: update({}) twice ends a run, and is REQUIRED before drain(). Returns the packets that this
  // call has put into the overflow record, as copies that live until the next call.
  std::span<const Packet> update(std::span<const Packet> packets);

  // Has the memory that the table will grow into next faulted in, so that the worker need not wait for the
  // kernel to clear it. By the control core at any time.
  void prepare();

  uint64_t used() const { return used_; }
  const FlowCounters& overflow() const { return overflow_; }

  // Appends every record, in no particular order.
  void drain(std::vector<FlowRecord>& records) const;
  // Forgets all keys and the overflow; keeps the size that it has grown to.
  void reset();

 private:
  static constexpr size_t kWays = 16;
  static constexpr size_t kBuckets = 64;
  static constexpr uint32_t kSegmentSlots = kWays * kBuckets;
  // Full enough to be split: leaves room for a whole burst of new keys, and a quarter of the slots empty.
  static constexpr uint32_t kSplitAt = kSegmentSlots * 3 / 4;
  static_assert(kSplitAt + kMaxBurst < kSegmentSlots);
  static constexpr uint32_t kPreparedAhead = 128;  // 10 MB
  static constexpr size_t kGroup = 8;

  struct alignas(32) Tags {
    uint16_t tag[kWays];  // 0 = empty
  };
  struct alignas(64) Slot {
    FlowKey::Words key;  // the first word holds first seen, unless the key is of IPv6
    uint64_t last_ns;
    uint64_t bytes;
    uint64_t packets_and_flags;  // packets << 8 | flags
  };
  static_assert(sizeof(Slot) == 64);
  struct Segment {
    uint32_t used;
    uint32_t depth;  // of the hash's upper bits, how many all its keys have in common
  };

  // A burst on its way through the table.
  struct Batch {
    const Packet* packets = nullptr;
    size_t count = 0;
    std::array<uint64_t, kMaxBurst> hashes;
    std::array<Slot*, kMaxBurst> slots{};
    std::array<bool, kMaxBurst> found;  // slots[i] has the tag; else it is the empty one that will be written
  };

  // By segment, and behind the last the one that split() works from.
  struct Memory {
    MappedMemory tags, slots, ipv6_first_ns;
  };

  FlowTable(KeyFields fields, uint64_t capacity, uint32_t max_segments, Memory memory);
  void populate(uint32_t first_segment, uint32_t count);
  size_t bucket_of(uint64_t hash) const;  // over all segments
  static FlowKey key_at(const Slot& slot);
  uint64_t* first_seen(size_t at);
  uint64_t hash_of(const Slot& slot) const;
  void prefetch_tags(const Batch& batch, size_t i);
  void find_slot(Batch& batch, size_t i);
  static void prefetch_slots(const Batch& batch, size_t begin, size_t end);
  void count(const Batch& batch, size_t i, const KeyVectors& mask);
  void insert_or_update(const Packet& packet, uint64_t hash);
  void overflow(const Packet& packet);
  void split(uint32_t segment);
  void double_directory();
  void move_into(uint32_t segment, size_t from, uint64_t hash);

  KeyMask mask_;
  KeyedHash hash_;
  std::vector<uint32_t> directory_;  // 2^depth entries in use; room for all from the start
  unsigned directory_shift_ =
      63;                       // 64 - depth; the directory starts with depth 1, a shift of 64 is undefined
  uint32_t segment_count_ = 2;  // worker: rw, control core: ro
  uint32_t max_segments_;
  uint64_t used_ = 0;
  uint64_t capacity_;
  FlowCounters overflow_;
  size_t overflowed_count_ = 0;
  std::array<Packet, kMaxBurst> overflowed_;
  std::array<Batch, 3> batches_;
  size_t turn_ = 0;                       // the batch to fill next, modulo 3
  std::array<uint32_t, kMaxBurst> full_;  // segments to be split after this burst
  size_t full_count_ = 0;
  uint32_t prepared_ = 2;  // segments that are faulted in; control core
  std::vector<Segment> segments_;
  Memory memory_;
  Tags* tags_;
  Slot* slots_;
  uint64_t* ipv6_first_ns_;
};

}  // namespace netspectra

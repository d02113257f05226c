#include "flow/flow_table.h"

#include <immintrin.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstring>

namespace netspectra {

struct KeyVectors {
  __m128i src, dst, rest;
};

namespace {

KeyVectors load(const void* key) {
  const auto* at = static_cast<const std::byte*>(key);
  return {_mm_loadu_si128(reinterpret_cast<const __m128i*>(at)),
          _mm_loadu_si128(reinterpret_cast<const __m128i*>(at + 16)),
          _mm_loadl_epi64(reinterpret_cast<const __m128i*>(at + 32))};
}

KeyVectors masked(const KeyVectors& key, const KeyVectors& mask) {
  return {_mm_and_si128(key.src, mask.src), _mm_and_si128(key.dst, mask.dst),
          _mm_and_si128(key.rest, mask.rest)};
}

bool equal(const KeyVectors& a, const KeyVectors& b) {
  const __m128i difference = _mm_or_si128(
      _mm_or_si128(_mm_xor_si128(a.src, b.src), _mm_xor_si128(a.dst, b.dst)), _mm_xor_si128(a.rest, b.rest));
  return _mm_testz_si128(difference, difference) != 0;
}

// The hash's lower bits choose tag and bucket, its upper bits the segment.
uint16_t tag_of(uint64_t hash) { return static_cast<uint16_t>(hash | 1); }
size_t bucket_of(uint64_t hash) { return hash >> 16 & 63; }

// Bit i: tag i equals `tag`. Packing two compares into bytes gives 16 bits out of SSE2 alone.
uint32_t match(const uint16_t* tags, uint16_t tag) {
  const __m128i wanted = _mm_set1_epi16(static_cast<short>(tag));
  const auto* at = reinterpret_cast<const __m128i*>(tags);
  const __m128i low = _mm_cmpeq_epi16(_mm_load_si128(at), wanted);
  const __m128i high = _mm_cmpeq_epi16(_mm_load_si128(at + 1), wanted);
  return static_cast<uint32_t>(_mm_movemask_epi8(_mm_packs_epi16(low, high)));
}

}  // namespace

absl::StatusOr<FlowTable> FlowTable::create(KeyFields fields, uint64_t capacity) {
  // A split leaves two segments half as full; the hash spreads keys evenly, so on average none is emptier
  // than that. An eighth more for the spread around the average.
  const uint64_t segments = 2 + capacity / (kSplitAt / 2) * 9 / 8;
  absl::StatusOr<MappedMemory> memory = MappedMemory::reserve((segments + 1) * sizeof(Segment));
  if (!memory.ok()) return memory.status();
  return FlowTable(fields, capacity, static_cast<uint32_t>(segments), *std::move(memory));
}

FlowTable::FlowTable(KeyFields fields, uint64_t capacity, uint32_t max_segments, MappedMemory memory)
    : mask_(fields), max_segments_(max_segments), capacity_(capacity), memory_(std::move(memory)) {
  // Four times the segments: with keys spread evenly no segment is ever two levels deeper than the average.
  directory_.reserve(std::bit_ceil(uint64_t{max_segments}) * 4);
  directory_ = {0, 1};
  for (uint32_t i = 0; i < segment_count_; ++i) segments()[i].depth = 1;
  memory_.populate(0, segment_count_ * sizeof(Segment));
  memory_.populate(max_segments_ * sizeof(Segment), sizeof(Segment));
}

uint64_t FlowTable::hash_of(const FlowKey& key) const {
  const KeyVectors v = load(&key);
  return hash_(v.src, v.dst, v.rest);
}

void FlowTable::update(std::span<const Packet> packets) {
  Batch& now = batches_[turn_ % 3];
  Batch& before = batches_[(turn_ + 2) % 3];
  Batch& oldest = batches_[(turn_ + 1) % 3];
  ++turn_;
  now.packets = packets.data();
  now.count = packets.size();

  // The three steps side by side, packet by packet: a core has some 20 line fills under way at a time, and a whole
  // burst's prefetches at once would wait for each other.
  const KeyVectors mask = load(mask_.words().data());
  const size_t common = std::min({oldest.count, before.count, now.count});
  for (size_t i = 0; i < common; ++i) {
    hash(now, i, mask);
    find_slot(before, i);
    count(oldest, i, mask);
  }
  for (size_t i = common; i < now.count; ++i) hash(now, i, mask);
  for (size_t i = common; i < before.count; ++i) find_slot(before, i);
  for (size_t i = common; i < oldest.count; ++i) count(oldest, i, mask);

  if (full_count_ == 0) return;
  while (full_count_ != 0) split(*full_[--full_count_]);
  for (size_t i = 0; i < before.count; ++i) find_slot(before, i);  // splitting has moved slots
}

void FlowTable::flush() {
  update({});
  update({});
}

inline void FlowTable::hash(Batch& batch, size_t i, const KeyVectors& mask) {
  const KeyVectors key = masked(load(&batch.packets[i].key), mask);
  batch.hashes[i] = hash_(key.src, key.dst, key.rest);
  __builtin_prefetch(&segment_of(batch.hashes[i])->tags[bucket_of(batch.hashes[i])], 1);
}

inline void FlowTable::find_slot(Batch& batch, size_t i) {
  Segment* const segment = segment_of(batch.hashes[i]);
  const size_t bucket = bucket_of(batch.hashes[i]);
  const uint16_t* tags = segment->tags[bucket].tag;
  // The first slot whose tag matches; without one, the first empty slot: the one that will be written.
  const uint32_t candidates = match(tags, tag_of(batch.hashes[i])) | match(tags, 0) << 16;
  batch.slots[i] = &segment->slots[bucket * kWays + (std::countr_zero(candidates) & 15)];
  batch.found[i] = (candidates & 0xffff) != 0;
  __builtin_prefetch(batch.slots[i], 1);
}

inline void FlowTable::count(const Batch& batch, size_t i, const KeyVectors& mask) {
  const Packet& packet = batch.packets[i];
  Slot& slot = *batch.slots[i];
  const KeyVectors key = masked(load(&packet.key), mask);
  if (!batch.found[i] || !equal(key, load(&slot.key)) || packet.ts_ns < slot.last_ns) [[unlikely]] {
    insert_or_update(packet, batch.hashes[i]);
    return;
  }
  slot.last_ns = packet.ts_ns;
  slot.bytes += packet.len_bytes;
  slot.packets_and_flags = (slot.packets_and_flags + 256) | packet.tcp_flags;
}

// A new key, a key outside its first matching slot, or a packet older than the last of its key.
[[gnu::noinline]] void FlowTable::insert_or_update(const Packet& packet, uint64_t hash) {
  const FlowKey key = mask_.apply(packet.key);
  const uint16_t tag = tag_of(hash);
  Segment& segment = *segment_of(hash);
  for (size_t probe = 0; probe < kBuckets; ++probe) {
    const size_t bucket = (bucket_of(hash) + probe) % kBuckets;
    for (uint32_t hits = match(segment.tags[bucket].tag, tag); hits != 0; hits &= hits - 1) {
      const size_t at = bucket * kWays + static_cast<size_t>(std::countr_zero(hits));
      Slot& slot = segment.slots[at];
      if (!(slot.key == key)) continue;
      slot.last_ns = std::max(slot.last_ns, packet.ts_ns);
      slot.bytes += packet.len_bytes;
      slot.packets_and_flags = (slot.packets_and_flags + 256) | packet.tcp_flags;
      segment.first_ns[at] = std::min(segment.first_ns[at], packet.ts_ns);
      return;
    }
    const uint32_t empty = match(segment.tags[bucket].tag, 0);
    if (empty == 0) continue;
    if (used_ == capacity_) break;
    const auto way = static_cast<size_t>(std::countr_zero(empty));
    const size_t at = bucket * kWays + way;
    segment.tags[bucket].tag[way] = tag;
    segment.slots[at] = {key, packet.ts_ns, packet.len_bytes, 256u | packet.tcp_flags};
    segment.first_ns[at] = packet.ts_ns;
    ++used_;
    if (++segment.used == kSplitAt) full_[full_count_++] = &segment;
    return;
  }
  overflow_.merge({1, packet.len_bytes, packet.ts_ns, packet.ts_ns, packet.tcp_flags});
}

// Deals the keys of a segment out between itself and a new one by the next bit of their hash. The segment is
// copied away first: taking keys out of it in place would break the runs of full buckets that a lookup
// follows.
void FlowTable::split(Segment& segment) {
  if (segment_count_ == max_segments_) return;
  if (segment.depth == 64 - directory_shift_) {
    if (2 * directory_.size() > directory_.capacity()) return;
    double_directory();
  }
  Segment& old = segments()[max_segments_];
  std::memcpy(static_cast<void*>(&old), &segment, sizeof(Segment));
  Segment& sibling = segments()[segment_count_];
  std::memset(segment.tags, 0, sizeof(segment.tags));
  segment.used = 0;
  segment.depth = sibling.depth = old.depth + 1;

  const unsigned bit = 63 - old.depth;
  bool moved = false;
  for (size_t bucket = 0; bucket < kBuckets; ++bucket) {
    for (uint32_t full = ~match(old.tags[bucket].tag, 0) & 0xffff; full != 0; full &= full - 1) {
      const auto at = static_cast<uint32_t>(bucket * kWays) + static_cast<uint32_t>(std::countr_zero(full));
      const uint64_t hash = hash_of(old.slots[at].key);
      if (!moved) {
        // The directory's entries of this segment: one run, whose second half now names the sibling.
        const uint64_t run = uint64_t{1} << (64 - old.depth - directory_shift_);
        const uint64_t first = (hash >> directory_shift_) & ~(run - 1);
        for (uint64_t i = first + run / 2; i < first + run; ++i) directory_[i] = segment_count_;
        moved = true;
      }
      move_into((hash >> bit & 1) != 0 ? sibling : segment, old, at, hash);
    }
  }
  std::atomic_ref(segment_count_).store(segment_count_ + 1, std::memory_order_relaxed);
}

void FlowTable::move_into(Segment& to, const Segment& from, uint32_t at, uint64_t hash) {
  size_t bucket = bucket_of(hash);
  uint32_t empty;
  while ((empty = match(to.tags[bucket].tag, 0)) == 0) bucket = (bucket + 1) % kBuckets;
  const auto way = static_cast<size_t>(std::countr_zero(empty));
  to.tags[bucket].tag[way] = tag_of(hash);
  to.slots[bucket * kWays + way] = from.slots[at];
  to.first_ns[bucket * kWays + way] = from.first_ns[at];
  ++to.used;
}

void FlowTable::double_directory() {
  const size_t size = directory_.size();
  directory_.resize(2 * size);  // within its capacity: no allocation
  for (size_t i = size; i-- > 0;) directory_[2 * i] = directory_[2 * i + 1] = directory_[i];
  --directory_shift_;
}

void FlowTable::prepare() {
  const uint32_t count = std::atomic_ref(segment_count_).load(std::memory_order_relaxed);
  if (count == 2) return;  // it has not begun to grow, and perhaps never will
  const uint32_t wanted = std::min(count + kPreparedAhead, max_segments_);
  if (wanted <= prepared_) return;
  memory_.populate(prepared_ * sizeof(Segment), (wanted - prepared_) * sizeof(Segment));
  prepared_ = wanted;
}

void FlowTable::drain(std::vector<FlowRecord>& records) const {
  records.reserve(records.size() + used_);
  for (uint32_t s = 0; s < segment_count_; ++s) {
    const Segment& segment = segments()[s];
    for (size_t bucket = 0; bucket < kBuckets; ++bucket) {
      for (uint32_t full = ~match(segment.tags[bucket].tag, 0) & 0xffff; full != 0; full &= full - 1) {
        const size_t at = bucket * kWays + static_cast<size_t>(std::countr_zero(full));
        const Slot& slot = segment.slots[at];
        records.push_back({slot.key,
                           {slot.packets_and_flags >> 8, slot.bytes, segment.first_ns[at], slot.last_ns,
                            static_cast<uint8_t>(slot.packets_and_flags)}});
      }
    }
  }
}

void FlowTable::reset() {
  for (uint32_t s = 0; s < segment_count_; ++s) {
    std::memset(segments()[s].tags, 0, sizeof(segments()[s].tags));
    segments()[s].used = 0;
  }
  used_ = 0;
  overflow_ = {};
}

}  // namespace netspectra

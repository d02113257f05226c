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

constexpr unsigned kVersionShift = 40;  // of ip_version in a key's last word
constexpr uint64_t kIpv6 = 6;
bool is_ipv6(const FlowKey::Words& key) { return (key[4] >> kVersionShift & 0xff) == kIpv6; }

// What of a key's first 16 bytes is compared: for anything but IPv6 the first eight hold first seen.
alignas(16) constexpr uint64_t kCompared[2][2] = {{0, ~uint64_t{0}}, {~uint64_t{0}, ~uint64_t{0}}};

__m128i compared_part(const KeyVectors& key) {
  const bool ipv6 = (static_cast<uint64_t>(_mm_cvtsi128_si64(key.rest)) >> kVersionShift & 0xff) == kIpv6;
  return _mm_load_si128(reinterpret_cast<const __m128i*>(kCompared[ipv6]));
}

bool equal(const KeyVectors& key, const KeyVectors& in_slot) {
  const __m128i compared = compared_part(key);
  const __m128i difference =
      _mm_or_si128(_mm_and_si128(_mm_xor_si128(key.src, in_slot.src), compared),
                   _mm_or_si128(_mm_xor_si128(key.dst, in_slot.dst), _mm_xor_si128(key.rest, in_slot.rest)));
  return _mm_testz_si128(difference, difference) != 0;
}

// The hash's lower bits choose tag and bucket, its upper bits the segment.
uint16_t tag_of(uint64_t hash) { return static_cast<uint16_t>(hash | 1); }
size_t home_of(uint64_t hash) { return hash >> 16 & 63; }

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
  Memory memory;
  const auto reserve = [&](MappedMemory& part, size_t bytes_per_slot) {
    absl::StatusOr<MappedMemory> reserved =
        MappedMemory::reserve((segments + 1) * kSegmentSlots * bytes_per_slot);
    if (reserved.ok()) part = *std::move(reserved);
    return reserved.status();
  };
  absl::Status status = reserve(memory.slots, sizeof(Slot));
  status.Update(reserve(memory.tags, sizeof(Tags) / kWays));
  status.Update(reserve(memory.ipv6_first_ns, sizeof(uint64_t)));
  if (!status.ok()) return status;
  return FlowTable(fields, capacity, static_cast<uint32_t>(segments), std::move(memory));
}

FlowTable::FlowTable(KeyFields fields, uint64_t capacity, uint32_t max_segments, Memory memory)
    : mask_(fields),
      max_segments_(max_segments),
      capacity_(capacity),
      segments_(max_segments + 1),
      memory_(std::move(memory)),
      tags_(reinterpret_cast<Tags*>(memory_.tags.data())),
      slots_(reinterpret_cast<Slot*>(memory_.slots.data())),
      ipv6_first_ns_(reinterpret_cast<uint64_t*>(memory_.ipv6_first_ns.data())) {
  // Four times the segments: with keys spread evenly no segment is ever two levels deeper than the average.
  directory_.reserve(std::bit_ceil(uint64_t{max_segments}) * 4);
  directory_ = {0, 1};
  for (uint32_t i = 0; i < segment_count_; ++i) segments_[i].depth = 1;
  populate(0, segment_count_);
  populate(max_segments_, 1);
}

void FlowTable::populate(uint32_t first_segment, uint32_t count) {
  const auto populate = [&](MappedMemory& memory, size_t bytes_per_slot) {
    const size_t bytes_per_segment = kSegmentSlots * bytes_per_slot;
    memory.populate(first_segment * bytes_per_segment, count * bytes_per_segment);
  };
  populate(memory_.tags, sizeof(Tags) / kWays);
  populate(memory_.slots, sizeof(Slot));
  populate(memory_.ipv6_first_ns, sizeof(uint64_t));
}

inline size_t FlowTable::bucket_of(uint64_t hash) const {
  return size_t{directory_[hash >> directory_shift_]} * kBuckets + home_of(hash);
}

// Word by word: a copy as a whole would read 16 bytes of which eight were just written, and wait for the store.
FlowKey FlowTable::key_at(const Slot& slot) {
  return FlowKey::from_words(
      {is_ipv6(slot.key) ? slot.key[0] : 0, slot.key[1], slot.key[2], slot.key[3], slot.key[4]});
}

uint64_t* FlowTable::first_seen(size_t at) {
  return is_ipv6(slots_[at].key) ? &ipv6_first_ns_[at] : &slots_[at].key[0];
}

uint64_t FlowTable::hash_of(const Slot& slot) const {
  KeyVectors key = load(slot.key.data());
  key.src = _mm_and_si128(key.src, compared_part(key));
  return hash_(key.src, key.dst, key.rest);
}

std::span<const Packet> FlowTable::update(std::span<const Packet> packets) {
  Batch& now = batches_[turn_ % 3];
  Batch& before = batches_[(turn_ + 2) % 3];
  Batch& oldest = batches_[(turn_ + 1) % 3];
  ++turn_;
  now.packets = packets.data();
  now.count = packets.size();
  overflowed_count_ = 0;

  // The three steps side by side, by groups of packets: a core has some 20 line fills under way at a time, and a whole
  // burst's prefetches at once would wait for each other. Within a group the slots' prefetches stand together: each
  // blocks the instructions behind it until its page is found, and only what stands close together is looked up at
  // one time (docs/decisions.md). What will be counted comes from L2 a group ahead; behind the last group stand the first
  // packets' slots again, which are there already.
  const KeyVectors mask = load(mask_.words().data());
  static_assert(sizeof(Packet) == KeyedHash::kBlockBytes && offsetof(Packet, key) == 0);
  hash_.each(now.packets, now.count, mask_.words(), now.hashes.data());
  const size_t common = std::min({oldest.count, before.count, now.count}) / kGroup * kGroup;
  for (size_t group = 0; group < common; group += kGroup) {
    for (size_t i = group; i < group + kGroup; ++i) {
      prefetch_tags(now, i);
      find_slot(before, i);
      __builtin_prefetch(oldest.slots[(i + kGroup) % kMaxBurst], 1);
      count(oldest, i, mask);
    }
    prefetch_slots(before, group, group + kGroup);
  }
  for (size_t i = common; i < now.count; ++i) prefetch_tags(now, i);
  for (size_t i = common; i < before.count; ++i) find_slot(before, i);
  prefetch_slots(before, common, before.count);
  for (size_t i = common; i < oldest.count; ++i) count(oldest, i, mask);

  if (full_count_ != 0) {
    while (full_count_ != 0) split(full_[--full_count_]);
    for (size_t i = 0; i < before.count; ++i) find_slot(before, i);  // splitting has moved slots
  }
  return {overflowed_.data(), overflowed_count_};
}

inline void FlowTable::prefetch_tags(const Batch& batch, size_t i) {
  __builtin_prefetch(&tags_[bucket_of(batch.hashes[i])], 1);
}

inline void FlowTable::find_slot(Batch& batch, size_t i) {
  const size_t bucket = bucket_of(batch.hashes[i]);
  const uint16_t* tags = tags_[bucket].tag;
  // The first slot whose tag matches; without one, the first empty slot: the one that will be written.
  const uint32_t candidates = match(tags, tag_of(batch.hashes[i])) | match(tags, 0) << 16;
  batch.slots[i] = &slots_[bucket * kWays + (static_cast<size_t>(std::countr_zero(candidates)) & 15)];
  batch.found[i] = (candidates & 0xffff) != 0;
}

// Into L2, since they are needed a burst later and L1 holds the packets meanwhile; but what will be written as a whole
// into L1, where stores need not wait for each other.
inline void FlowTable::prefetch_slots(const Batch& batch, size_t begin, size_t end) {
  for (size_t i = begin; i < end; ++i) {
    if (batch.found[i]) [[likely]] {
      __builtin_prefetch(batch.slots[i], 0, 2);
    } else {
      __builtin_prefetch(batch.slots[i], 1, 3);
    }
  }
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
  const KeyVectors wanted = load(&key);
  const uint16_t tag = tag_of(hash);
  const uint32_t segment = directory_[hash >> directory_shift_];
  for (size_t probe = 0; probe < kBuckets; ++probe) {
    const size_t bucket = size_t{segment} * kBuckets + (home_of(hash) + probe) % kBuckets;
    for (uint32_t hits = match(tags_[bucket].tag, tag); hits != 0; hits &= hits - 1) {
      const size_t at = bucket * kWays + static_cast<size_t>(std::countr_zero(hits));
      Slot& slot = slots_[at];
      if (!equal(wanted, load(&slot.key))) continue;
      slot.last_ns = std::max(slot.last_ns, packet.ts_ns);
      slot.bytes += packet.len_bytes;
      slot.packets_and_flags = (slot.packets_and_flags + 256) | packet.tcp_flags;
      uint64_t* const first_ns = first_seen(at);
      *first_ns = std::min(*first_ns, packet.ts_ns);
      return;
    }
    const uint32_t empty = match(tags_[bucket].tag, 0);
    if (empty == 0) continue;
    if (used_ == capacity_) break;
    const auto way = static_cast<size_t>(std::countr_zero(empty));
    const size_t at = bucket * kWays + way;
    tags_[bucket].tag[way] = tag;
    slots_[at] = {key.words(), packet.ts_ns, packet.len_bytes, 256u | packet.tcp_flags};
    *first_seen(at) = packet.ts_ns;
    ++used_;
    if (++segments_[segment].used == kSplitAt) full_[full_count_++] = segment;
    return;
  }
  overflow(packet);
}

void FlowTable::overflow(const Packet& packet) {
  overflow_.merge({1, packet.len_bytes, packet.ts_ns, packet.ts_ns, packet.tcp_flags});
  overflowed_[overflowed_count_++] = packet;
}

// Deals the keys of a segment out between itself and a new one by the next bit of their hash. The segment is
// copied away first: taking keys out of it in place would break the runs of full buckets that a lookup
// follows.
void FlowTable::split(uint32_t segment) {
  if (segment_count_ == max_segments_) return;
  if (segments_[segment].depth == 64 - directory_shift_) {
    if (2 * directory_.size() > directory_.capacity()) return;
    double_directory();
  }
  const auto copy = [](auto* array, size_t per_segment, uint32_t to, uint32_t from) {
    std::copy_n(array + from * per_segment, per_segment, array + to * per_segment);
  };
  copy(tags_, kBuckets, max_segments_, segment);
  copy(slots_, kSegmentSlots, max_segments_, segment);
  copy(ipv6_first_ns_, kSegmentSlots, max_segments_, segment);
  std::fill_n(tags_ + size_t{segment} * kBuckets, kBuckets, Tags{});
  const uint32_t sibling = segment_count_;
  const uint32_t depth = segments_[segment].depth + 1;
  segments_[segment] = segments_[sibling] = {0, depth};

  const unsigned bit = 64 - depth;
  bool directed = false;
  for (size_t bucket = size_t{max_segments_} * kBuckets; bucket < size_t{max_segments_ + 1} * kBuckets;
       ++bucket) {
    for (uint32_t full = ~match(tags_[bucket].tag, 0) & 0xffff; full != 0; full &= full - 1) {
      const size_t at = bucket * kWays + static_cast<size_t>(std::countr_zero(full));
      const uint64_t hash = hash_of(slots_[at]);
      if (!directed) {
        // The directory's entries of this segment: one run, whose second half now names the sibling.
        const uint64_t run = uint64_t{1} << (bit + 1 - directory_shift_);
        const uint64_t first = (hash >> directory_shift_) & ~(run - 1);
        for (uint64_t i = first + run / 2; i < first + run; ++i) directory_[i] = sibling;
        directed = true;
      }
      move_into((hash >> bit & 1) != 0 ? sibling : segment, at, hash);
    }
  }
  std::atomic_ref(segment_count_).store(segment_count_ + 1, std::memory_order_relaxed);
}

void FlowTable::move_into(uint32_t segment, size_t from, uint64_t hash) {
  size_t home = home_of(hash);
  uint32_t empty;
  while ((empty = match(tags_[size_t{segment} * kBuckets + home].tag, 0)) == 0) home = (home + 1) % kBuckets;
  const size_t bucket = size_t{segment} * kBuckets + home;
  const auto way = static_cast<size_t>(std::countr_zero(empty));
  tags_[bucket].tag[way] = tag_of(hash);
  slots_[bucket * kWays + way] = slots_[from];
  if (is_ipv6(slots_[from].key)) ipv6_first_ns_[bucket * kWays + way] = ipv6_first_ns_[from];
  ++segments_[segment].used;
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
  populate(prepared_, wanted - prepared_);
  prepared_ = wanted;
}

void FlowTable::drain(std::vector<FlowRecord>& records) const {
  records.reserve(records.size() + used_);
  constexpr size_t kAhead = 2;  // buckets: some 16 slots
  const size_t buckets = size_t{segment_count_} * kBuckets;
  const auto full_ways = [this](size_t bucket) { return ~match(tags_[bucket].tag, 0) & 0xffff; };
  for (size_t bucket = 0; bucket < buckets; ++bucket) {
    if (bucket + kAhead < buckets) {
      for (uint32_t full = full_ways(bucket + kAhead); full != 0; full &= full - 1) {
        __builtin_prefetch(&slots_[(bucket + kAhead) * kWays + static_cast<size_t>(std::countr_zero(full))]);
      }
    }
    for (uint32_t full = full_ways(bucket); full != 0; full &= full - 1) {
      const size_t at = bucket * kWays + static_cast<size_t>(std::countr_zero(full));
      const Slot& slot = slots_[at];
      const uint64_t first_ns = is_ipv6(slot.key) ? ipv6_first_ns_[at] : slot.key[0];
      records.push_back({key_at(slot),
                         {slot.packets_and_flags >> 8, slot.bytes, first_ns, slot.last_ns,
                          static_cast<uint8_t>(slot.packets_and_flags)}});
    }
  }
}

void FlowTable::reset() {
  std::fill_n(tags_, size_t{segment_count_} * kBuckets, Tags{});
  for (uint32_t segment = 0; segment < segment_count_; ++segment) segments_[segment].used = 0;
  used_ = 0;
  overflow_ = {};
}

}  // namespace netspectra

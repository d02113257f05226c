#include "flow/flow_table.h"

#include <immintrin.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace netspectra {
namespace {

constexpr uint64_t kKeysPerBucket = 12;  // load 0.75

struct KeyVectors {
  __m128i src, dst, rest;
};

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

// Multiply-shift over the upper half of the hash: any number of buckets, no division.
uint64_t bucket_of(uint64_t hash, uint64_t buckets) { return ((hash >> 32) * buckets) >> 32; }
uint16_t tag_of(uint64_t hash) { return static_cast<uint16_t>(hash | 1); }

// Bit i: tag i equals `tag`. Packing two compares into bytes gives 16 bits out of SSE2 alone.
uint32_t match(const uint16_t* tags, uint16_t tag) {
  const __m128i wanted = _mm_set1_epi16(static_cast<short>(tag));
  const auto* at = reinterpret_cast<const __m128i*>(tags);
  const __m128i low = _mm_cmpeq_epi16(_mm_load_si128(at), wanted);
  const __m128i high = _mm_cmpeq_epi16(_mm_load_si128(at + 1), wanted);
  return static_cast<uint32_t>(_mm_movemask_epi8(_mm_packs_epi16(low, high)));
}

}  // namespace

uint64_t FlowTable::buckets_for(uint64_t keys) {
  return std::max<uint64_t>(1, (keys + kKeysPerBucket - 1) / kKeysPerBucket);
}

size_t FlowTable::generation_bytes(uint64_t buckets) {
  const size_t bytes = buckets * (sizeof(Tags) + kWays * (sizeof(Slot) + sizeof(uint64_t)));
  return (bytes + 63) / 64 * 64;
}

absl::StatusOr<FlowTable> FlowTable::create(KeyFields fields, Size size) {
  const uint64_t most = buckets_for(size.capacity);
  size_t bytes = 0;
  for (uint64_t buckets = buckets_for(size.initial);; buckets = std::min(2 * buckets, most)) {
    bytes += generation_bytes(buckets);
    if (buckets >= most) break;
  }
  absl::StatusOr<MappedMemory> memory = MappedMemory::reserve(bytes);
  if (!memory.ok()) return memory.status();
  return FlowTable(fields, size, *std::move(memory));
}

FlowTable::FlowTable(KeyFields fields, Size size, MappedMemory memory)
    : mask_(fields),
      capacity_(size.capacity),
      max_buckets_(buckets_for(size.capacity)),
      memory_(std::move(memory)) {
  now_ = generation_at(0, buckets_for(size.initial));
  memory_.touch(0, generation_bytes(now_.buckets));
}

FlowTable::Generation FlowTable::generation_at(size_t offset, uint64_t buckets) const {
  // The slots first: they need the alignment of a whole line.
  std::byte* const base = memory_.data() + offset;
  std::byte* const tags = base + buckets * kWays * sizeof(Slot);
  return {buckets, offset, reinterpret_cast<Tags*>(tags), reinterpret_cast<Slot*>(base),
          reinterpret_cast<uint64_t*>(tags + buckets * sizeof(Tags))};
}

uint64_t FlowTable::hash(const FlowKey& key) const {
  const KeyVectors v = load(&key);
  return hash_(v.src, v.dst, v.rest);
}

uint64_t FlowTable::room() const {
  return now_.buckets == max_buckets_ ? capacity_ : now_.buckets * kKeysPerBucket;
}

void FlowTable::update(std::span<const Packet> packets) {
  const size_t n = packets.size();
  // Before the lookups, because growing moves the slots that they find.
  while (used_ + n > room() && now_.buckets < max_buckets_) grow();

  const KeyVectors mask = load(mask_.words().data());
  const Generation now = now_;
  std::array<uint64_t, kMaxBurst> hashes;
  std::array<Slot*, kMaxBurst> slots;
  std::array<bool, kMaxBurst> found;

  for (size_t i = 0; i < n; ++i) {
    const KeyVectors key = masked(load(&packets[i].key), mask);
    hashes[i] = hash_(key.src, key.dst, key.rest);
    __builtin_prefetch(&now.tags[bucket_of(hashes[i], now.buckets)], 1);
  }
  for (size_t i = 0; i < n; ++i) {
    const uint64_t bucket = bucket_of(hashes[i], now.buckets);
    const uint16_t* tags = now.tags[bucket].tag;
    // The first slot whose tag matches; without one, the first empty slot: the one that will be written.
    const uint32_t candidates = match(tags, tag_of(hashes[i])) | match(tags, 0) << 16;
    slots[i] = &now.slots[bucket * kWays + (std::countr_zero(candidates) & 15)];
    found[i] = (candidates & 0xffff) != 0;
    __builtin_prefetch(slots[i], 1);
  }
  for (size_t i = 0; i < n; ++i) {
    const Packet& packet = packets[i];
    Slot& slot = *slots[i];
    const KeyVectors key = masked(load(&packet.key), mask);
    if (!found[i] || !equal(key, load(&slot.key)) || packet.ts_ns < slot.last_ns) [[unlikely]] {
      insert_or_update(packet, hashes[i]);
      continue;
    }
    slot.last_ns = packet.ts_ns;
    slot.bytes += packet.len_bytes;
    slot.packets_and_flags = (slot.packets_and_flags + 256) | packet.tcp_flags;
  }
}

// A new key, a key outside its first matching slot, or a packet older than the last of its key.
[[gnu::noinline]] void FlowTable::insert_or_update(const Packet& packet, uint64_t hash) {
  const FlowKey key = mask_.apply(packet.key);
  const uint16_t tag = tag_of(hash);
  for (uint64_t bucket = bucket_of(hash, now_.buckets);;
       bucket = bucket + 1 == now_.buckets ? 0 : bucket + 1) {
    for (uint32_t hits = match(now_.tags[bucket].tag, tag); hits != 0; hits &= hits - 1) {
      const uint64_t at = bucket * kWays + std::countr_zero(hits);
      Slot& slot = now_.slots[at];
      if (!(slot.key == key)) continue;
      slot.last_ns = std::max(slot.last_ns, packet.ts_ns);
      slot.bytes += packet.len_bytes;
      slot.packets_and_flags = (slot.packets_and_flags + 256) | packet.tcp_flags;
      now_.first_ns[at] = std::min(now_.first_ns[at], packet.ts_ns);
      return;
    }
    const uint32_t empty = match(now_.tags[bucket].tag, 0);
    if (empty == 0) continue;
    if (used_ == capacity_) break;
    const int way = std::countr_zero(empty);
    const uint64_t at = bucket * kWays + way;
    now_.tags[bucket].tag[way] = tag;
    now_.slots[at] = {key, packet.ts_ns, packet.len_bytes, 256u | packet.tcp_flags};
    now_.first_ns[at] = packet.ts_ns;
    ++used_;
    return;
  }
  overflow_.merge({1, packet.len_bytes, packet.ts_ns, packet.ts_ns, packet.tcp_flags});
}

void FlowTable::grow() {
  const Generation old = now_;
  now_ = generation_at(old.offset + generation_bytes(old.buckets), std::min(2 * old.buckets, max_buckets_));
  for (uint64_t bucket = 0; bucket < old.buckets; ++bucket) {
    for (size_t way = 0; way < kWays; ++way) {
      if (old.tags[bucket].tag[way] == 0) continue;
      const Slot& slot = old.slots[bucket * kWays + way];
      const uint64_t hash = this->hash(slot.key);
      uint64_t to = bucket_of(hash, now_.buckets);
      uint32_t empty;
      while ((empty = match(now_.tags[to].tag, 0)) == 0) to = to + 1 == now_.buckets ? 0 : to + 1;
      const int to_way = std::countr_zero(empty);
      now_.tags[to].tag[to_way] = tag_of(hash);
      now_.slots[to * kWays + to_way] = slot;
      now_.first_ns[to * kWays + to_way] = old.first_ns[bucket * kWays + way];
    }
  }
}

void FlowTable::drain(std::vector<FlowRecord>& records) const {
  records.reserve(records.size() + used_);
  for (uint64_t bucket = 0; bucket < now_.buckets; ++bucket) {
    for (uint32_t full = ~match(now_.tags[bucket].tag, 0) & 0xffff; full != 0; full &= full - 1) {
      const uint64_t at = bucket * kWays + std::countr_zero(full);
      const Slot& slot = now_.slots[at];
      records.push_back({slot.key,
                         {slot.packets_and_flags >> 8, slot.bytes, now_.first_ns[at], slot.last_ns,
                          static_cast<uint8_t>(slot.packets_and_flags)}});
    }
  }
}

void FlowTable::reset() {
  std::memset(now_.tags, 0, now_.buckets * sizeof(Tags));
  memory_.discard(0, now_.offset);  // the generations that it has outgrown
  used_ = 0;
  overflow_ = {};
}

}  // namespace netspectra

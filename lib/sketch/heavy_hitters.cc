#include "sketch/heavy_hitters.h"

#include <nmmintrin.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sketch/round_up_float.h"

namespace netspectra {
namespace {

const char* name_of(HeavyHitterRank rank) { return rank == HeavyHitterRank::kPackets ? "packets" : "bytes"; }

std::string text_of(const KeyWords& mask) {
  return absl::StrCat(absl::Hex(mask[0]), " ", absl::Hex(mask[1]), " ", absl::Hex(mask[2]), " ",
                      absl::Hex(mask[3]), " ", absl::Hex(mask[4]));
}

// What is different, for people.
std::string difference(const HeavyHitterShape& a, const HeavyHitterShape& b) {
  if (a.seed != b.seed) return absl::StrCat("seeds ", a.seed, " and ", b.seed);
  if (a.sets != b.sets) return absl::StrCat(a.sets, " and ", b.sets, " sets");
  if (a.rank != b.rank) return absl::StrCat("ranked by ", name_of(a.rank), " and by ", name_of(b.rank));
  return absl::StrCat("key layouts with masks ", text_of(a.layout.mask()), " and ", text_of(b.layout.mask()));
}

__m128i min_of(__m128i a, __m128i b) { return _mm_blendv_epi8(a, b, _mm_cmpgt_epi64(a, b)); }

// The lowest way with the smallest value. The values are far below 2^63, so a signed compare will do.
size_t smallest(const uint64_t (&values)[HeavyHitters::kWays]) {
  const auto* at = reinterpret_cast<const __m128i*>(values);
  __m128i v[8];
  for (int i = 0; i < 8; ++i) v[i] = _mm_load_si128(at + i);
  const __m128i a = min_of(min_of(v[0], v[1]), min_of(v[2], v[3]));
  const __m128i b = min_of(min_of(v[4], v[5]), min_of(v[6], v[7]));
  __m128i least = min_of(a, b);
  least = min_of(least, _mm_shuffle_epi32(least, 0x4e));
  const auto equal = [&](int i) { return _mm_cmpeq_epi64(v[i], least); };
  const __m128i low =
      _mm_packs_epi32(_mm_packs_epi32(equal(0), equal(1)), _mm_packs_epi32(equal(2), equal(3)));
  const __m128i high =
      _mm_packs_epi32(_mm_packs_epi32(equal(4), equal(5)), _mm_packs_epi32(equal(6), equal(7)));
  return static_cast<size_t>(
      std::countr_zero(static_cast<uint32_t>(_mm_movemask_epi8(_mm_packs_epi16(low, high)))));
}

void add_to(HeavyHitterSum::Bounds& sum, const HeavyHitterSum::Bounds& part) {
  sum.certain += part.certain;
  // Unsigned: what a stranger's parts add up to may be nonsense, but must not be undefined.
  sum.slack = static_cast<int64_t>(static_cast<uint64_t>(sum.slack) + static_cast<uint64_t>(part.slack));
}

uint64_t error_of(const HeavyHitterSum::Bounds& bounds, uint64_t floor) {
  return floor + static_cast<uint64_t>(bounds.slack);
}

}  // namespace

uint64_t HeavyHitterShape::set_bytes() const {
  return sizeof(HeavyHitters::Set) + HeavyHitters::kWays * (1 + layout.words()) * sizeof(uint64_t);
}

uint64_t HeavyHitterShape::entries() const { return sets * HeavyHitters::kWays; }

HeavyHitterShape HeavyHitterShape::for_memory(uint64_t bytes, uint64_t seed, HeavyHitterRank rank,
                                              const KeyLayout& layout) {
  HeavyHitterShape shape{seed, 1, rank, layout};
  shape.sets = static_cast<uint32_t>(std::clamp<uint64_t>(bytes / shape.set_bytes(), 1, UINT32_MAX));
  return shape;
}

absl::StatusOr<HeavyHitters> HeavyHitters::create(const HeavyHitterShape& shape) {
  if (shape.sets == 0) return absl::InvalidArgumentError("heavy hitters need at least one set");
  absl::StatusOr<MappedMemory> memory = MappedMemory::reserve(shape.state_bytes());
  if (!memory.ok()) return memory.status();
  memory->populate(0, shape.state_bytes());
  return HeavyHitters(shape, *std::move(memory));
}

HeavyHitters::HeavyHitters(const HeavyHitterShape& shape, MappedMemory memory)
    : shape_(shape), hash_(shape.seed), set_bytes_(shape.set_bytes()), memory_(std::move(memory)) {
  used_.reserve(shape.sets);
}

// A new key, or one outside its first matching way.
[[gnu::noinline]] void HeavyHitters::find_or_insert(uint64_t hash, const KeyWords& key, uint64_t ranked,
                                                    uint64_t other) {
  const uint32_t index = shape_.set_of(hash);
  const uint16_t tag = tag_of(hash, key);
  Set& set = set_at(index);
  for (uint32_t hits = match(set.tag, tag); hits != 0; hits &= hits - 1) {
    const auto way = static_cast<size_t>(std::countr_zero(hits));
    uint64_t* const at = entry(set, way);
    if (!shape_.layout.matches(key, at + 1)) continue;
    set.ranked[way] += ranked;
    at[0] += other;
    return;
  }

  uint64_t ranked_floor = set.ranked_floor;
  uint64_t other_floor = set.other_floor;
  size_t way;
  if (const uint32_t empty = match(set.tag, 0); empty != 0) {
    way = static_cast<size_t>(std::countr_zero(empty));
    if (way == 0) used_.push_back(index);  // within its capacity: no allocation
  } else {
    way = smallest(set.ranked);
    set.ranked_floor = ranked_floor = set.ranked[way];  // no smaller than the last one
    const uint64_t evicted_other = entry(set, way)[0];
    set.other_floor = other_floor = std::max(other_floor, evicted_other);
  }
  uint64_t* const at = entry(set, way);
  set.tag[way] = tag;
  set.ranked[way] = ranked_floor + ranked;
  set.ranked_error[way] = RoundUpFloat::encode(ranked_floor);
  set.other_error[way] = RoundUpFloat::encode(other_floor);
  at[0] = other_floor + other;
  shape_.layout.store(key, at + 1);
}

HeavyHitterSum HeavyHitters::drain() {
  HeavyHitterSum sum(shape_);
  sum.reserve(used_.size() * kWays);
  // A rounded-up error may exceed the estimate by a little; no count is below 0.
  const auto bounds = [](uint64_t estimate, uint16_t error_code, uint64_t floor) {
    const uint64_t error = std::min(RoundUpFloat::decode(error_code), estimate);
    return HeavyHitterSum::Bounds{estimate - error, static_cast<int64_t>(error - floor)};
  };
  for (const uint32_t index : used_) {
    Set& set = set_at(index);
    for (size_t way = 0; way < kWays && set.tag[way] != 0; ++way) {
      const uint64_t* const at = entry(set, way);
      HeavyHitterSum::Counts counts{bounds(set.ranked[way], set.ranked_error[way], set.ranked_floor),
                                    bounds(at[0], set.other_error[way], set.other_floor)};
      if (!by_packets()) std::swap(counts.packets, counts.bytes);
      sum.add_entry({shape_.layout.load(at + 1, (set.tag[way] & 1) != 0), counts});
    }
    HeavyHitterSum::Floor floor{set.ranked_floor, set.other_floor};
    if (!by_packets()) std::swap(floor.packets, floor.bytes);
    sum.add_floor(index, floor);
    std::memset(set.tag, 0, sizeof(set.tag));
    set.ranked_floor = set.other_floor = 0;
  }
  used_.clear();
  return sum;
}

HeavyHitterSum::HeavyHitterSum(const HeavyHitterShape& shape)
    : shape_(shape), counts_(0, KeyedHash(shape.seed)), floors_(shape.sets) {}

absl::Status HeavyHitterSum::merge(const HeavyHitterSum& other) {
  if (!(shape_ == other.shape_)) {
    return absl::InvalidArgumentError(
        absl::StrCat("heavy hitters of unequal shape cannot be merged: ", difference(shape_, other.shape_)));
  }
  for (const auto& [key, counts] : other.counts_) add_entry({key, counts});
  for (uint32_t set = 0; set < shape_.sets; ++set) add_floor(set, other.floors_[set]);
  return absl::OkStatus();
}

void HeavyHitterSum::add_exact(const KeyWords& key, uint64_t packets, uint64_t bytes) {
  add_entry({key, {{packets, 0}, {bytes, 0}}});
}

void HeavyHitterSum::add_entry(const Entry& entry) {
  Counts& sum = counts_[entry.key];
  add_to(sum.packets, entry.counts.packets);
  add_to(sum.bytes, entry.counts.bytes);
}

void HeavyHitterSum::add_floor(uint32_t set, const Floor& floor) {
  floors_[set].packets += floor.packets;
  floors_[set].bytes += floor.bytes;
}

std::vector<HeavyHitter> HeavyHitterSum::at_least(uint64_t threshold) const {
  const bool by_packets = shape_.rank == HeavyHitterRank::kPackets;
  const KeyedHash hash(shape_.seed);
  std::vector<HeavyHitter> found;
  for (const auto& [key, counts] : counts_) {
    const Floor& floor = floors_[shape_.set_of(hash(key))];
    const uint64_t error_packets = error_of(counts.packets, floor.packets);
    const uint64_t error_bytes = error_of(counts.bytes, floor.bytes);
    const HeavyHitter hitter{key, counts.packets.certain + error_packets, counts.bytes.certain + error_bytes,
                             error_packets, error_bytes};
    const uint64_t middle =
        by_packets ? hitter.packets - hitter.error_packets / 2 : hitter.bytes - hitter.error_bytes / 2;
    if (middle >= threshold) found.push_back(hitter);
  }
  std::sort(found.begin(), found.end(), [by_packets](const HeavyHitter& a, const HeavyHitter& b) {
    const uint64_t x = by_packets ? a.packets : a.bytes;
    const uint64_t y = by_packets ? b.packets : b.bytes;
    return x != y ? x > y : a.key < b.key;
  });
  return found;
}

std::vector<HeavyHitterSum::Entry> HeavyHitterSum::entries() const {
  std::vector<Entry> entries;
  entries.reserve(counts_.size());
  for (const auto& [key, counts] : counts_) entries.push_back({key, counts});
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.key < b.key; });
  return entries;
}

}  // namespace netspectra

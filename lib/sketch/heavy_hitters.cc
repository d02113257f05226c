#include "sketch/heavy_hitters.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

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

void add_to(HeavyHitterSum::Bounds& sum, const HeavyHitterSum::Bounds& part) {
  sum.certain += part.certain;
  // Unsigned: what a stranger's parts add up to may be nonsense, but must not be undefined.
  sum.slack = static_cast<int64_t>(static_cast<uint64_t>(sum.slack) + static_cast<uint64_t>(part.slack));
}

uint64_t error_of(const HeavyHitterSum::Bounds& bounds, uint64_t floor) {
  return floor + static_cast<uint64_t>(bounds.slack);
}

}  // namespace

uint64_t HeavyHitterShape::set_bytes() const { return HeavyHitters::set_bytes(layout.words()); }

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

HeavyHitters::PairLayout::PairLayout(const KeyLayout& layout) {
  if (layout.words() != 2) return;
  const uint32_t first = layout.stored_word(0), second = layout.stored_word(1);
  first_ = first;
  fits_ = second == first + 1 && (layout.mask()[first] & layout.mask()[second]) == ~uint64_t{0};
}

HeavyHitters::HeavyHitters(const HeavyHitterShape& shape, MappedMemory memory)
    : shape_(shape),
      pair_layout_(shape.layout),
      hash_(shape.seed, KeyHash::Finish::kPlain),
      set_bytes_(shape.set_bytes()),
      memory_(std::move(memory)) {
  used_.reserve(shape.sets);
}

[[gnu::noinline]] void HeavyHitters::note_first_use(const Set& set) {
  const auto offset = static_cast<uint64_t>(reinterpret_cast<const std::byte*>(&set) - memory_.data());
  used_.push_back(static_cast<uint32_t>(offset / set_bytes_));  // within its capacity: no allocation
}

[[gnu::noinline]] void HeavyHitters::recount_rises(Set& set, size_t key_words) {
  uint64_t base = UINT64_MAX;
  for (size_t way = 0; way < kWays; ++way) base = std::min(base, entry(set, way, key_words)[0]);
  for (size_t way = 0; way < kWays; ++way) {
    const uint64_t rise = entry(set, way, key_words)[0] - base;
    set.rise[way] = static_cast<uint16_t>(std::min<uint64_t>(rise, kMaxRise));
  }
}

HeavyHitterSum HeavyHitters::drain() {
  HeavyHitterSum sum(shape_);
  sum.reserve(used_.size() * kWays);
  // A rounded-up error may exceed the estimate by a little; no count is below 0.
  const auto bounds = [](uint64_t estimate, uint32_t error_code, uint64_t floor) {
    const uint64_t error = std::min(RoundUpFloat::decode(error_code), estimate);
    return HeavyHitterSum::Bounds{estimate - error, static_cast<int64_t>(error - floor)};
  };
  for (const uint32_t index : used_) {
    Set& set = set_at(index, set_bytes_);
    for (size_t way = 0; way < kWays && set.tag[way] != 0; ++way) {
      const uint64_t* const at = entry(set, way, shape_.layout.words());
      const uint32_t errors = uint32_t{set.error_high[way]} << 16 | set.error_low[way];
      HeavyHitterSum::Counts counts{
          bounds(at[0], errors & ((1u << RoundUpFloat::kBits) - 1), set.ranked_floor),
          bounds(at[1], errors >> RoundUpFloat::kBits, set.other_floor)};
      if (!by_packets()) std::swap(counts.packets, counts.bytes);
      sum.add_entry({shape_.layout.load(at + 2, (set.tag[way] & 1) != 0), counts});
    }
    HeavyHitterSum::Floor floor{set.ranked_floor, set.other_floor};
    if (!by_packets()) std::swap(floor.packets, floor.bytes);
    sum.add_floor(index, floor);
    std::memset(static_cast<void*>(&set), 0, set_bytes_);
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

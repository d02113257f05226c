#include "sketch/super_spreader.h"

#include <cmath>
#include <cstring>

#include "absl/strings/str_format.h"

namespace netspectra {
namespace {

constexpr uint64_t kPairSeed = 0x5bd1e9955bd1e995;  // so that a key alone and a pair never share a hash
constexpr double kLargestSpread = 0x1p40;

// The largest rarity that has at least this rank.
uint32_t ceiling_of(uint16_t rank) {
  if (rank <= 1) return ~uint32_t{0};
  const uint32_t zeros = rank >> 11, mantissa = 2047 - (rank & 2047u);
  return (0x80000000 | mantissa << 20 | 0xfffff) >> zeros;
}

}  // namespace

// The likelihood of a spread n, given how many of the key's virtual bits are zero in each level. Its
// logarithm is concave in n, so the sign of the slope tells on which side of n the maximum is.
class SuperSpreader::Likelihood {
 public:
  // Of the first `count` levels.
  Likelihood(const std::array<Level, kLevels>& levels, const ZeroBits& all, const ZeroBits& own,
             uint32_t count)
      : count_(count) {
    for (uint32_t l = 0; l < count; ++l) {
      const double share = std::ldexp(1.0, -static_cast<int>(std::min(l + 1, kLevels - 1)));
      const auto bits = static_cast<double>(levels[l].bits);
      Term& term = terms_[l];
      // A virtual bit is also hit by the key's others that fall on the same place.
      term.rate = share * (1.0 / kVirtualBits + 1.0 / bits);
      term.zeros = static_cast<double>(own[l]);
      const double others = std::max(static_cast<double>(all[l]) - term.zeros, 0.5);
      term.free = std::min(others / (bits - kVirtualBits), 1.0);
    }
  }

  double slope(double n) const {
    double sum = 0;
    for (uint32_t l = 0; l < count_; ++l) {
      const Term& term = terms_[l];
      const double zero = term.free * std::exp(-n * term.rate);
      const double ones = kVirtualBits - term.zeros;
      sum -= term.rate * term.zeros;
      if (ones > 0) sum += term.rate * ones * zero / std::max(1 - zero, 1e-12);
    }
    return sum;
  }

  double maximum() const {
    if (slope(0) <= 0) return 0;
    double low = 0, high = 64;
    while (high < kLargestSpread && slope(high) > 0) {
      low = high;
      high *= 2;
    }
    while (high - low > 0.25 + high * 1e-4) {
      const double middle = (low + high) / 2;
      (slope(middle) > 0 ? low : high) = middle;
    }
    return (low + high) / 2;
  }

 private:
  struct Term {
    double rate;   // pairs in a virtual bit, per element of the key
    double zeros;  // of the key's virtual bits
    double free;   // part of the level's other bits that is zero
  };
  uint32_t count_;
  std::array<Term, kLevels> terms_;
};

// One slot per 73 bytes: 14336 in 1 MiB. Fewer lose candidates, more leave too little for the bitmap.
SpreadShape SpreadShape::for_memory(uint64_t bytes, uint64_t seed, const KeyLayout& layout) {
  const uint64_t groups = std::max<uint64_t>(bytes / 1170, 1);
  const uint64_t group_bytes = sizeof(SuperSpreader::Group) +
                               SuperSpreader::kSlots * sizeof(uint64_t) * layout.words() + sizeof(uint32_t);
  const uint64_t left = bytes - std::min(bytes, groups * group_bytes);
  return {seed, std::clamp(left * 8, SuperSpreader::kMinBits, SuperSpreader::kMaxBits),
          static_cast<uint32_t>(groups), layout};
}

SuperSpreader::SuperSpreader(const SpreadShape& shape)
    : shape_(shape),
      key_hash_(shape.seed, KeyHash::Finish::kPlain),
      pair_hash_(shape.seed ^ kPairSeed, KeyHash::Finish::kRandom),
      ceilings_(shape.groups, ~uint32_t{0}) {}

absl::StatusOr<SuperSpreader> SuperSpreader::lay_out(const SpreadShape& shape) {
  if (shape.bits < kMinBits || shape.bits > kMaxBits) {
    return absl::InvalidArgumentError(absl::StrFormat("a spread sketch must have from %d to %d bits, not %d",
                                                      kMinBits, kMaxBits, shape.bits));
  }
  if (shape.groups == 0) return absl::InvalidArgumentError("a spread sketch must have candidate groups");
  SuperSpreader sketch(shape);
  // Halves of halves, but no level so small that a key's own bits meet there.
  const uint64_t halved = shape.bits - kLevels * kMinLevelBits;
  uint64_t bits = 0;
  for (uint32_t l = 0; l < kLevels; ++l) {
    sketch.levels_[l] = {bits, std::max<uint64_t>(halved >> (l + 1) & ~uint64_t{63}, kMinLevelBits)};
    sketch.level_table_.first_bit[l] = static_cast<uint32_t>(bits);
    sketch.level_table_.bits[l] = static_cast<uint32_t>(sketch.levels_[l].bits);
    bits += sketch.levels_[l].bits;
  }
  const size_t bitmap_bytes = (bits / 8 + 63) / 64 * 64;
  sketch.size_ =
      bitmap_bytes + shape.groups * (sizeof(Group) + kSlots * shape.layout.words() * sizeof(uint64_t));
  return sketch;
}

absl::Status SuperSpreader::map_memory() {
  absl::StatusOr<MappedMemory> memory = MappedMemory::reserve(size_);
  if (!memory.ok()) return memory.status();
  memory_ = *std::move(memory);
  std::byte* const keys =
      memory_.data() + size_ - size_t{shape_.groups} * kSlots * shape_.layout.words() * sizeof(uint64_t);
  bitmap_ = reinterpret_cast<uint64_t*>(memory_.data());
  groups_ = reinterpret_cast<Group*>(keys) - shape_.groups;
  keys_ = reinterpret_cast<uint64_t*>(keys);
  return absl::OkStatus();
}

absl::StatusOr<SuperSpreader> SuperSpreader::create(const SpreadShape& shape) {
  absl::StatusOr<SuperSpreader> sketch = lay_out(shape);
  if (!sketch.ok()) return sketch;
  if (absl::Status mapped = sketch->map_memory(); !mapped.ok()) return mapped;
  return sketch;
}

absl::StatusOr<SuperSpreader> SuperSpreader::restore(const SpreadShape& shape,
                                                     std::span<const std::byte> bytes) {
  absl::StatusOr<SuperSpreader> sketch = lay_out(shape);
  if (!sketch.ok()) return sketch;
  if (bytes.size() != sketch->size_) {
    return absl::InvalidArgumentError(
        absl::StrFormat("a spread sketch of this shape has %d bytes, not %d", sketch->size_, bytes.size()));
  }
  if (absl::Status mapped = sketch->map_memory(); !mapped.ok()) return mapped;
  std::memcpy(sketch->memory_.data(), bytes.data(), bytes.size());
  for (uint32_t group = 0; group < shape.groups; ++group) {
    if (!sketch->in_order(group)) {
      return absl::InvalidArgumentError(
          absl::StrFormat("candidate group %d of a spread sketch is not one that it can have", group));
    }
    sketch->ceilings_[group] = ceiling_of(sketch->groups_[group].ranks[kSlots - 1]);
  }
  return sketch;
}

inline SuperSpreader::Candidate SuperSpreader::candidate(uint32_t group, uint32_t slot) const {
  return {groups_[group].ranks[slot], groups_[group].prints[slot], slot_key(group, slot)};
}

KeyWords SuperSpreader::key_of(uint32_t group, uint32_t slot) const {
  return shape_.layout.load(slot_key(group, slot), groups_[group].prints[slot] & 1);
}

// What insert() keeps up: the best first, each key in its own group and under its own print, free slots zeroed.
bool SuperSpreader::in_order(uint32_t group) const {
  const Group& slots = groups_[group];
  const uint64_t* const end = slot_key(group, kSlots);
  for (uint32_t slot = 0; slot < kSlots; ++slot) {
    if (slots.ranks[slot] == 0) {
      const auto zero = [](auto value) { return value == 0; };
      return std::all_of(slots.ranks.begin() + slot, slots.ranks.end(), zero) &&
             std::all_of(slots.prints.begin() + slot, slots.prints.end(), zero) &&
             std::all_of(static_cast<const uint64_t*>(slot_key(group, slot)), end, zero);
    }
    if (slot > 0 && !beats(candidate(group, slot - 1), candidate(group, slot))) return false;
    const auto print = slots.prints.begin() + slot;
    if (std::find(slots.prints.begin(), print, *print) != print) return false;
    const KeyWords key = key_of(group, slot);
    const uint64_t key_hash = hash(key);
    if (group_of(key_hash) != group || *print != print_of(key_hash, key)) return false;
    for (size_t i = 0; i < key.size(); ++i) {
      if ((key[i] & ~shape_.layout.mask()[i]) != 0) return false;
    }
  }
  return true;
}

std::vector<KeyWords> SuperSpreader::candidates() const {
  std::vector<KeyWords> keys;
  for (uint32_t group = 0; group < shape_.groups; ++group) {
    for (uint32_t slot = 0; slot < kSlots && groups_[group].ranks[slot] != 0; ++slot) {
      keys.push_back(key_of(group, slot));
    }
  }
  return keys;
}

inline bool SuperSpreader::beats(const Candidate& a, const Candidate& b) const {
  if (a.rank != b.rank) return a.rank > b.rank;
  for (size_t i = 0; i < shape_.layout.words(); ++i) {
    if (a.words[i] != b.words[i]) return a.words[i] > b.words[i];
  }
  return a.print > b.print;
}

void SuperSpreader::enter(uint32_t group, uint32_t slot, uint16_t rank, uint16_t print, KeyView key) {
  KeyWords packed;
  shape_.layout.store(key, packed.data());
  insert(group, slot, {rank, print, packed.data()});
}

void SuperSpreader::insert(uint32_t group, uint32_t slot, const Candidate& entrant) {
  if (!beats(entrant, candidate(group, slot))) return;
  Group& slots = groups_[group];
  const size_t words = shape_.layout.words();
  for (; slot > 0 && beats(entrant, candidate(group, slot - 1)); --slot) {
    slots.ranks[slot] = slots.ranks[slot - 1];
    slots.prints[slot] = slots.prints[slot - 1];
    std::copy_n(slot_key(group, slot - 1), words, slot_key(group, slot));
  }
  slots.ranks[slot] = entrant.rank;
  slots.prints[slot] = entrant.print;
  std::copy_n(entrant.words, words, slot_key(group, slot));
  lower_ceiling(group);
}

void SuperSpreader::lower_ceiling(uint32_t group) {
  const uint32_t ceiling = ceiling_of(groups_[group].ranks[kSlots - 1]);
  if (ceiling == ceilings_[group]) return;
  ceilings_[group] = ceiling;
  if (++fallen_ceilings_ < shape_.groups) return;
  fallen_ceilings_ = 0;
  highest_ceiling_ = *std::max_element(ceilings_.begin(), ceilings_.end());
}

SuperSpreader::ZeroBits SuperSpreader::zero_bits() const {
  ZeroBits zeros{};
  for (uint32_t l = 0; l < kLevels; ++l) {
    const uint64_t* word = bitmap_ + levels_[l].first_bit / 64;
    for (uint64_t i = 0; i < levels_[l].bits / 64; ++i)
      zeros[l] += static_cast<uint64_t>(std::popcount(~word[i]));
  }
  return zeros;
}

void SuperSpreader::count_zero_bits(uint64_t key_hash, uint32_t first_level, uint32_t end_level,
                                    ZeroBits& zeros) const {
  for (uint32_t l = first_level; l < end_level; ++l) {
    for (uint64_t i = 0; i < kVirtualBits; ++i) {
      const uint64_t bit = bit_of(key_hash, l, i);
      zeros[l] += ~bitmap_[bit / 64] >> bit % 64 & 1;
    }
  }
}

uint64_t SuperSpreader::estimate(const KeyWords& key) const {
  ZeroBits own{};
  count_zero_bits(hash(key), 0, kLevels, own);
  return static_cast<uint64_t>(std::llround(Likelihood(levels_, zero_bits(), own, kLevels).maximum()));
}

double SuperSpreader::standard_error(uint64_t spread) const {
  const ZeroBits all = zero_bits();
  double information = 0;
  for (uint32_t l = 0; l < kLevels; ++l) {
    const double rate = std::ldexp(static_cast<double>(spread), -static_cast<int>(l + 1)) / kVirtualBits;
    const double free = std::max(static_cast<double>(all[l]), 0.5) / static_cast<double>(levels_[l].bits);
    information += kVirtualBits * rate * rate / (std::exp(rate) / free - 1);
  }
  return 1 / std::sqrt(information);
}

std::vector<Spread> SuperSpreader::at_least(uint64_t threshold) const {
  // Rounding lifts half an element below the threshold to it.
  const double lowest = std::max(static_cast<double>(threshold) - 0.5, 0.0);
  const ZeroBits all = zero_bits();
  std::vector<Spread> found;
  for (uint32_t group = 0; group < shape_.groups; ++group) {
    for (uint32_t slot = 0; slot < kSlots && groups_[group].ranks[slot] != 0; ++slot) {
      const KeyWords key = key_of(group, slot);
      const uint64_t key_hash = hash(key);
      // Most candidates are far below, and the first levels tell: they alone make them less than half of it.
      ZeroBits own{};
      count_zero_bits(key_hash, 0, kScreenLevels, own);
      if (Likelihood(levels_, all, own, kScreenLevels).slope(lowest / 2) < 0) continue;
      count_zero_bits(key_hash, kScreenLevels, kLevels, own);
      const Likelihood likelihood(levels_, all, own, kLevels);
      if (likelihood.slope(lowest) < 0) continue;
      const auto spread = static_cast<uint64_t>(std::llround(likelihood.maximum()));
      if (spread >= threshold) found.push_back({key, spread});
    }
  }
  std::sort(found.begin(), found.end(), [](const Spread& a, const Spread& b) {
    return a.spread != b.spread ? a.spread > b.spread : a.key < b.key;
  });
  return found;
}

absl::Status SuperSpreader::merge(const SuperSpreader& other) {
  const auto refuse = [](const char* what, uint64_t mine, uint64_t theirs) {
    return absl::InvalidArgumentError(
        absl::StrFormat("spread sketches of unequal %s cannot be merged: %u and %u", what, mine, theirs));
  };
  const SpreadShape& theirs = other.shape_;
  if (theirs.seed != shape_.seed) return refuse("seeds", shape_.seed, theirs.seed);
  if (theirs.bits != shape_.bits) return refuse("numbers of bits", shape_.bits, theirs.bits);
  if (theirs.groups != shape_.groups) return refuse("numbers of groups", shape_.groups, theirs.groups);
  if (!(theirs.layout == shape_.layout)) {
    return absl::InvalidArgumentError("spread sketches of unequal key layouts cannot be merged");
  }

  const auto words = static_cast<size_t>(reinterpret_cast<uint64_t*>(groups_) - bitmap_);
  for (size_t i = 0; i < words; ++i) bitmap_[i] |= other.bitmap_[i];
  for (uint32_t group = 0; group < shape_.groups; ++group) {
    for (uint32_t slot = 0; slot < kSlots && other.groups_[group].ranks[slot] != 0; ++slot) {
      const Candidate entrant = other.candidate(group, slot);
      insert(group, slot_to_beat(group, entrant.print), entrant);
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<SuperSpreader> SuperSpreader::copy() const {
  absl::StatusOr<SuperSpreader> twin = create(shape_);
  if (!twin.ok()) return twin;
  std::memcpy(twin->memory_.data(), memory_.data(), size_);
  twin->ceilings_ = ceilings_;
  return twin;
}

// Every pair leaves a candidate in its group.
bool SuperSpreader::empty() const {
  return std::all_of(groups_, groups_ + shape_.groups,
                     [](const Group& slots) { return slots.ranks[0] == 0; });
}

void SuperSpreader::reset() {
  std::memset(memory_.data(), 0, size_);
  std::fill(ceilings_.begin(), ceilings_.end(), ~uint32_t{0});
  highest_ceiling_ = ~uint32_t{0};
  fallen_ceilings_ = 0;
}

}  // namespace netspectra

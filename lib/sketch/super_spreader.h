// The keys that meet the most distinct elements (sources that scan: key a source, element a destination).
//
// Two parts, each of which merges exactly:
//   - How many: one multi-resolution bitmap that all keys share. A pair falls into level l with probability
//     2^-(l+1); in each level a key owns 128 virtual bits, scattered over the level's bits by its hash; the
//     pair sets one of them. A level has half the bits of the level before it, hence the same load.
//   - Who: groups of 16 candidate slots. The key's hash chooses the group; the group keeps the 16 keys
//     whose rarest pair is rarest (rank: a 16-bit logarithm of 32 bits of the pair's hash). A key with n
//     elements is kept with probability about 1 - exp(-n slots / L), L the pairs of all keys that are no
//     spreaders.
// Estimate: maximum likelihood over a key's bits: a bit of level l is zero with probability z_l exp(-r_l),
//   r_l = n 2^-(l+1) / 128, where z_l is the zero part of the level's other bits (what other keys have left
//   free).
// Error: relative standard error 1 / sqrt(sum over l of 128 r_l^2 / (exp(r_l) / z_l - 1)). That is 5.8 %
//   where the levels are nearly empty and n >= 1000; with a fifth of the bits set 11 % at n = 200 and 7 %
//   at 1000. Measured in 1 MiB with source addresses as keys, 400 k sources, 500 and more above the
//   threshold: F1 0.97 for power laws of spreads with exponents 0.9 and 1.1 and 1.5 million distinct pairs,
//   threshold 200; 0.955 and 0.97 for 7 million, threshold 1000; 0.995 for scanners above 500 among hosts
//   below 100. So about 7000 pairs per unit of threshold and MiB; more saturates first the candidates, then
//   the bitmap.
// Merge: bits are ORed, groups keep the 16 best of both. The result is byte for byte what one instance
//   would hold that had seen all streams, in any order and grouping; repeats change nothing.
// Memory: what for_memory() is given; a key takes the words that its layout stores. Ownership: owns it.
// Threads: one at a time.
// Errors: create() and merge() refuse wrong shapes. REQUIRES of every key: what the shape's layout asks.
// Cost: add() 4 to 5 ns and one line of the bitmap; 35 ns more for the pairs rare enough to be candidates,
//   a few per cent in a long epoch: 6 ns in the mean. While there are fewer keys than slots every packet
//   looks at its group: 8 to 14 ns. By bursts 5 ns a packet without the hashes, also where the bitmap is not in L2; 3 ns
//   where the CPU has AVX-512.
//   at_least() takes 30 ms for 1 MiB. No allocation in add().
// Source: the candidates follow SpreadSketch (Tang, Huang, Lee, INFOCOM 2020); virtual bits Yoon, Li, Chen,
//   Peir, "Fit a spread estimator in small memory" (INFOCOM 2009); levels Estan, Varghese, Fisk, "Bitmap
//   algorithms for counting active flows" (IMC 2003). One bitmap for all, and not HyperLogLog registers per
//   bucket: of equal memory it has eight times the cells, and no key shares all of its cells with another.
#pragma once

#include <emmintrin.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/mapped_memory.h"
#include "sketch/key_hash.h"
#include "sketch/key_layout.h"
#include "sketch/wide_vectors.h"

namespace netspectra {

struct SpreadShape {
  uint64_t seed;
  uint64_t bits;    // of the bitmap
  uint32_t groups;  // of 16 candidates
  KeyLayout layout;

  // The most accurate shape in `bytes`, at least the smallest that there is.
  static SpreadShape for_memory(uint64_t bytes, uint64_t seed, const KeyLayout& layout);
  friend bool operator==(const SpreadShape&, const SpreadShape&) = default;
};

struct Spread {
  KeyWords key{};
  uint64_t spread = 0;
  friend bool operator==(const Spread&, const Spread&) = default;
};

class SuperSpreader {
 public:
  static absl::StatusOr<SuperSpreader> create(const SpreadShape& shape);
  // From what bytes() gave. InvalidArgument where the candidates cannot be its own; any bitmap is possible.
  static absl::StatusOr<SuperSpreader> restore(const SpreadShape& shape, std::span<const std::byte> bytes);

  // Of the key: chooses the virtual bits and the group.
  uint64_t hash(const KeyWords& key) const { return key_hash_(key); }
  const KeyHash& key_hash() const { return key_hash_; }
  // Of key and element together: level, virtual bit and rank.
  uint64_t element_hash(const KeyWords& pair) const { return pair_hash_(pair); }
  const KeyHash& pair_hash() const { return pair_hash_; }

  void add(uint64_t key_hash, uint64_t pair_hash, const KeyWords& key) {
    set(bitmap_, bit_of(key_hash, pair_hash));
    // Not only where the bit is new: another key may have set it, and which of the two came first must not
    // matter.
    if (rarity_of(pair_hash) <= ceilings_[group_of(key_hash)]) consider(key_hash, pair_hash, key);
  }
  // The same for a burst of at most kMaxBurst pairs. While the bits are on their way from memory the candidates are seen to:
  // pairs rare enough are gathered without a branch, then looked at by themselves.
  static constexpr size_t kMaxBurst = 64;
  void add(std::span<const uint64_t> key_hashes, std::span<const uint64_t> pair_hashes, KeyBlocks keys) {
    kHaveWideVectors ? add_wide(key_hashes, pair_hashes, keys) : add_plain(key_hashes, pair_hashes, keys);
  }
  // How it does it, without and with the instructions of wide_vectors.h: the same to the last bit.
  void add_plain(std::span<const uint64_t> key_hashes, std::span<const uint64_t> pair_hashes, KeyBlocks keys);
  void add_wide(std::span<const uint64_t> key_hashes, std::span<const uint64_t> pair_hashes, KeyBlocks keys);

  uint64_t estimate(const KeyWords& key) const;
  // Relative, of the estimate for a key with `spread` elements, as full as the bitmap is now.
  double standard_error(uint64_t spread) const;
  // Every candidate whose estimate is at least `threshold`: once each, largest first, then by key.
  std::vector<Spread> at_least(uint64_t threshold) const;

  // InvalidArgument, naming what differs, when `other` is of another shape; then nothing is changed.
  absl::Status merge(const SuperSpreader& other);
  absl::StatusOr<SuperSpreader> copy() const;
  bool empty() const;
  void reset();

  const SpreadShape& shape() const { return shape_; }
  std::vector<KeyWords> candidates() const;  // the keys that at_least() chooses from
  // The whole state: bitmap, groups, keys.
  std::span<const std::byte> bytes() const { return {memory_.data(), size_}; }

 private:
  static constexpr uint32_t kLevels = 24;
  static constexpr uint32_t kScreenLevels = 3;   // tell most candidates from the spreaders
  static constexpr uint32_t kVirtualBits = 128;  // of a key, in each level
  static constexpr uint32_t kMinLevelBits = 4096;
  static constexpr uint32_t kSlots = 16;
  static constexpr uint64_t kMinBits = 2 * kLevels * kMinLevelBits;
  static constexpr uint64_t kMaxBits = uint64_t{1} << 32;

  struct Level {
    uint64_t first_bit;
    uint64_t bits;
  };
  // The same as 32-bit lanes of two vectors each: all places are below kMaxBits.
  static constexpr uint32_t kLevelLanes = 32;
  struct alignas(64) LevelTable {
    std::array<uint32_t, kLevelLanes> first_bit, bits;
  };
  // Slots in descending order of (rank, key words, print). A print is 15 bits of the key's hash and the
  // layout's flag. Within a group it is the key's identity: of two keys with one print (1 key of 2000 meets
  // that) only the one with the rarer pair is kept.
  struct alignas(64) Group {
    std::array<uint16_t, kSlots> ranks;
    std::array<uint16_t, kSlots> prints;
  };
  using ZeroBits = std::array<uint64_t, kLevels>;
  class Likelihood;

  explicit SuperSpreader(const SpreadShape& shape);
  // All but the memory.
  static absl::StatusOr<SuperSpreader> lay_out(const SpreadShape& shape);
  absl::Status map_memory();
  friend struct SpreadShape;  // sizes of the private parts

  // Of a pair's hash, the zeros before the lowest 1 give the level (at most bits 0 to 22), bits 24 to 30 the
  // virtual bit, 32 to 63 the rarity. Trailing zeros, because counting leading ones costs 8 micro-operations
  // where the compiler may not use LZCNT.
  uint64_t bit_of(uint64_t key_hash, uint64_t pair_hash) const {
    const int level = std::countr_zero(pair_hash | uint64_t{1} << (kLevels - 1));
    return bit_of(key_hash, static_cast<uint32_t>(level), pair_hash >> 24 & (kVirtualBits - 1));
  }
  static void set(uint64_t* bitmap, uint64_t bit) { bitmap[bit / 64] |= uint64_t{1} << bit % 64; }
  static uint32_t rarity_of(uint64_t pair_hash) { return static_cast<uint32_t>(pair_hash >> 32); }
  uint64_t bit_of(uint64_t key_hash, uint32_t level, uint64_t virtual_bit) const {
    uint64_t x = key_hash ^ (level * kVirtualBits + virtual_bit) * 0x9e3779b97f4a7c15;
    x *= 0xbf58476d1ce4e5b9;
    return levels_[level].first_bit + ((x >> 32) * levels_[level].bits >> 32);
  }
  uint32_t group_of(uint64_t key_hash) const {
    return static_cast<uint32_t>((key_hash >> 32) * shape_.groups >> 32);
  }

  uint16_t print_of(uint64_t key_hash, KeyView key) const {
    return static_cast<uint16_t>((key_hash & 0xfffe) | static_cast<uint64_t>(shape_.layout.flag(key)));
  }

  // A key, packed, as it stands or would stand in a slot.
  struct Candidate {
    uint16_t rank;
    uint16_t print;
    const uint64_t* words;
  };
  void consider(uint64_t key_hash, uint64_t pair_hash, KeyView key);
  void enter(uint32_t group, uint32_t slot, uint16_t rank, uint16_t print, KeyView key);
  void insert(uint32_t group, uint32_t slot, const Candidate& candidate);
  void lower_ceiling(uint32_t group);
  uint32_t slot_to_beat(uint32_t group, uint16_t print) const;
  static uint16_t rank_of(uint32_t rarity);
  Candidate candidate(uint32_t group, uint32_t slot) const;
  KeyWords key_of(uint32_t group, uint32_t slot) const;
  bool in_order(uint32_t group) const;
  bool beats(const Candidate& a, const Candidate& b) const;
  uint64_t* slot_key(uint32_t group, uint32_t slot) const {
    return keys_ + (size_t{group} * kSlots + slot) * shape_.layout.words();
  }
  ZeroBits zero_bits() const;
  void count_zero_bits(uint64_t key_hash, uint32_t first_level, uint32_t end_level, ZeroBits& zeros) const;

  SpreadShape shape_;
  KeyHash key_hash_, pair_hash_;
  std::array<Level, kLevels> levels_{};
  LevelTable level_table_{};
  size_t size_ = 0;
  MappedMemory memory_;
  uint64_t* bitmap_ = nullptr;
  Group* groups_ = nullptr;
  uint64_t* keys_ = nullptr;
  // The largest rarity (smaller is rarer) that can still change a group: small enough for L1.
  std::vector<uint32_t> ceilings_;
  // No ceiling is larger. They only ever fall, so it is found anew when so many have fallen as there are.
  uint32_t highest_ceiling_ = ~uint32_t{0};
  uint32_t fallen_ceilings_ = 0;
};

// The logarithm of a rarity: 5 bits of leading zeros, then the 11 bits behind the leading one, inverted. Rarer is
// higher. At least 1; 0 marks a free slot. A double's upper bits are its exponent and those 11 bits already.
inline uint16_t SuperSpreader::rank_of(uint32_t rarity) {
  constexpr uint64_t kLargest = uint64_t{1023 + 31} << 11 | 2047;
  const auto x = static_cast<double>(static_cast<int64_t>(rarity | 1));
  return static_cast<uint16_t>(std::max<uint64_t>(kLargest - (std::bit_cast<uint64_t>(x) >> 41), 1));
}

// The slot that has the print, else the last.
inline uint32_t SuperSpreader::slot_to_beat(uint32_t group, uint16_t print) const {
  const __m128i wanted = _mm_set1_epi16(static_cast<int16_t>(print));
  const auto* prints = reinterpret_cast<const __m128i*>(groups_[group].prints.data());
  const __m128i equal = _mm_packs_epi16(_mm_cmpeq_epi16(_mm_load_si128(prints), wanted),
                                        _mm_cmpeq_epi16(_mm_load_si128(prints + 1), wanted));
  // A free slot's print is 0: a key of print 0 may be given the first free one, as good as the last.
  return static_cast<uint32_t>(
      std::countr_zero(static_cast<uint32_t>(_mm_movemask_epi8(equal)) | 1u << (kSlots - 1)));
}

inline void SuperSpreader::consider(uint64_t key_hash, uint64_t pair_hash, KeyView key) {
  const uint32_t group = group_of(key_hash);
  const uint16_t print = print_of(key_hash, key);
  const uint16_t rank = rank_of(rarity_of(pair_hash));
  const uint32_t slot = slot_to_beat(group, print);
  // Most often: the key is there with a rarer pair.
  if (groups_[group].ranks[slot] <= rank) [[unlikely]]
    enter(group, slot, rank, print, key);
}

}  // namespace netspectra

// The heavy hitters of a stream of keys in a fixed amount of memory, each with a certificate of its error.
//
// Purpose: which keys have at least so many packets (or bytes), and how many, where there are more keys than
//   an exact table can hold.
// Method: Space-Saving, 16 ways a set. A key that finds its set full takes the place of the entry with the
//   smallest estimate in the ranking metric (of several, the first). Beside its entries a set keeps, for each
//   metric, its floor: the largest estimate with which an entry was ever evicted, 0 while none was. A new
//   entry's estimates start at the floors plus its own count. Hence, for every key and in both metrics:
//     in an entry:  estimate - error <= true count <= estimate, the error being the floor at its insertion,
//     in none:      true count <= the floor of its set.
//   That holds whichever entry is evicted, the floor being the largest of all. The smallest keeps it low: in
//   the ranking metric the estimates of a set add up to all that was added to it, so its floor is at most
//   1/16 of that: with N added in all, some N / entries, and far less where few keys make most of N. Errors
//   are kept in 12 bits, exact up to 126, rounded up by at most 1/64 above.
// Eviction: the smallest is found by PHMINPOSUW, which gives the least of 8 numbers of 16 bits and where it
//   is: each way has a rise, its estimate above a base that the set's ways share, or 65535 where it is
//   larger. A rise below 65535 is exact, so the least rise is the least estimate, until even that is 65535;
//   then the rises are counted anew from the least estimate. The base need not be known, and is not kept.
//   (That is once in a million packets of a set at most; ranked by bytes, of 1514 each, once in 700.)
// Merging: HeavyHitterSum. Nothing but sums, so any order and grouping of the parts gives the same result.
// Memory: shape.state_bytes() for a worker: 24 bytes an entry and 8 for each stored word of the key, which is
//   40 for an address: 6544 entries in 256 KiB. create() faults it in; what add() calls allocates nothing.
// Threads: hash(), add() and empty() by the owning worker; drain() by the control core while the
//   worker has no hand on it. A HeavyHitterSum has one user at a time.
// Errors: create() when memory cannot be had, merge() when shapes differ.
// Cost: in 256 KiB, by bursts of 64, on one EPYC core, without the hash: an address 4.5 ns for a key that has an entry,
//   6.5 ns for one that takes another's place, and 12 ns on average over a million keys under Zipf 1.0, where 43 % do and
//   no branch predictor knows which. (Doing both and choosing without a branch makes the first two slower by more.) Keys
//   of two whole words, as addresses are, take 0.7 ns less where the CPU has AVX-512.
//   A found key touches two cache lines, a new one three.
// Accuracy: 30 M packets of a million keys under Zipf 1.0, dealt out at random to four workers of 256 KiB and
//   merged, threshold 4096 packets: F1 0.999, average relative error 0.00014. It wants a threshold well above
//   the floors of all parts added up; nearer to them, lighter ones of the heavy keys are missed.
// Source: Metwally, Agrawal, El Abbadi, "Efficient computation of frequent and top-k elements in data
//   streams" (2005); Agarwal et al., "Mergeable summaries" (2012). The latter prunes a merged summary to the
//   size of one, and so depends on the order; here a sum holds every key and all floors that its parts held.
#pragma once

#include <nmmintrin.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/cache_line.h"
#include "base/keyed_hash.h"
#include "base/mapped_memory.h"
#include "sketch/key_hash.h"
#include "sketch/key_layout.h"
#include "sketch/round_up_float.h"
#include "sketch/wide_vectors.h"

namespace netspectra {

// The metric by which entries are evicted and compared with a threshold.
enum class HeavyHitterRank : uint8_t { kPackets, kBytes };

// What parts must have in common to be merged.
struct HeavyHitterShape {
  uint64_t seed;
  uint32_t sets;
  HeavyHitterRank rank;
  KeyLayout layout;

  // As many sets as fit in `bytes`, at least one.
  static HeavyHitterShape for_memory(uint64_t bytes, uint64_t seed, HeavyHitterRank rank,
                                     const KeyLayout& layout);
  uint64_t set_bytes() const;
  uint64_t state_bytes() const { return sets * set_bytes(); }
  uint64_t entries() const;
  uint32_t set_of(uint64_t hash) const { return static_cast<uint32_t>((hash >> 32) * sets >> 32); }

  friend bool operator==(const HeavyHitterShape&, const HeavyHitterShape&) = default;
};

// The true count lies between `packets - error_packets` and `packets`; and so for bytes.
struct HeavyHitter {
  KeyWords key;
  uint64_t packets;
  uint64_t bytes;
  uint64_t error_packets;
  uint64_t error_bytes;

  friend bool operator==(const HeavyHitter&, const HeavyHitter&) = default;
};

// What any number of workers, epochs and probes have found, added up.
//
// A key's upper bound is the sum of its estimates in the parts where it has an entry, and of the floors of
// its set in the others; its lower bound is the sum of (estimate - error). With all parts' floors added up
// for each set, two sums a key and metric say that: see Bounds. Not of fixed size: a hash-map entry of 72
// bytes for each key that any part held.
class HeavyHitterSum {
 public:
  struct Bounds {
    uint64_t certain = 0;  // the lower bound: sum of (estimate - error)
    int64_t slack = 0;     // sum of (error - floor) where there was an entry; with the total floor: the error
    friend bool operator==(const Bounds&, const Bounds&) = default;
  };
  struct Counts {
    Bounds packets, bytes;
    friend bool operator==(const Counts&, const Counts&) = default;
  };
  struct Entry {
    KeyWords key;
    Counts counts;
    friend bool operator==(const Entry&, const Entry&) = default;
  };
  struct Floor {
    uint64_t packets = 0;
    uint64_t bytes = 0;
    friend bool operator==(const Floor&, const Floor&) = default;
  };

  explicit HeavyHitterSum(const HeavyHitterShape& shape);

  // InvalidArgument, naming what differs, when `other` is of another shape; then nothing is changed.
  absl::Status merge(const HeavyHitterSum& other);
  // A key whose counts are known exactly. May be called again, and merged with estimates, for the same key.
  void add_exact(const KeyWords& key, uint64_t packets, uint64_t bytes);

  // The keys the middle of whose certified interval, upper bound - error / 2, reaches `threshold` in the
  // ranking metric; largest upper bound first, then by key. Upper bound and error are what is reported.
  //
  // What that proves, with t the threshold: a reported key has at least t - (error + 1) / 2, and a key with
  // an entry that is not reported has less than t + error / 2. Only keys whose interval straddles t can be
  // judged wrongly. None is missed that has 2 t or more, as long as 2 t is above floors()[its set], which is
  // all that a key without an entry in any part can have. Judging by the upper bound would miss fewer, but
  // reports nearly every entry once total floors come near t: F1 0.36 instead of 0.98 on the stream above
  // with threshold 3000, where total floors are 2600 on average.
  std::vector<HeavyHitter> at_least(uint64_t threshold) const;

  // The whole state: two sums with equal shapes, entries and floors are the same.
  const HeavyHitterShape& shape() const { return shape_; }
  std::vector<Entry> entries() const;                           // by key
  const std::vector<Floor>& floors() const { return floors_; }  // total over the parts, by set
  // Puts state back, in any order and in parts. REQUIRES: set < shape().sets.
  void add_entry(const Entry& entry);
  void add_floor(uint32_t set, const Floor& floor);
  void reserve(size_t keys) { counts_.reserve(keys); }

 private:
  HeavyHitterShape shape_;
  absl::flat_hash_map<KeyWords, Counts, KeyedHash> counts_;
  std::vector<Floor> floors_;
};

// One worker's state of one task.
class HeavyHitters {
 public:
  static constexpr size_t kWays = 16;

  // InvalidArgument when shape.sets is 0.
  static absl::StatusOr<HeavyHitters> create(const HeavyHitterShape& shape);

  const HeavyHitterShape& shape() const { return shape_; }
  uint64_t hash(const KeyWords& key) const { return hash_(key); }
  const KeyHash& key_hash() const { return hash_; }
  // `hash` is hash(key).
  void add(uint64_t hash, KeyView key, uint64_t packets, uint64_t bytes);
  // The same for a burst of at most kMaxBurst packets, whose bytes stand `bytes_at` into their keys' blocks. Sets are
  // fetched before any is searched.
  static constexpr size_t kMaxBurst = 64;
  void add_packets(std::span<const uint64_t> hashes, KeyBlocks keys, size_t bytes_at) {
    kHaveWideVectors ? add_packets_wide(hashes, keys, bytes_at) : add_packets_plain(hashes, keys, bytes_at);
  }
  // How it does it, without and with the instructions of wide_vectors.h: the same to the last bit.
  void add_packets_plain(std::span<const uint64_t> hashes, KeyBlocks keys, size_t bytes_at);
  void add_packets_wide(std::span<const uint64_t> hashes, KeyBlocks keys, size_t bytes_at);

  bool empty() const { return used_.empty(); }
  // Hands over all that was measured and is empty afterwards. Costs what was used, not what there is.
  HeavyHitterSum drain();

 private:
  friend struct HeavyHitterShape;
  // The line that every packet's search reads, the one that only an eviction needs, and behind them the
  // entries. "Ranked" is the ranking metric, "other" the other one.
  struct alignas(kCacheLine) Set {
    uint16_t tag[kWays];                // 14 bits of the hash, 1, the key's flag; 0 = empty
    uint16_t rise[kWays];               // a way's estimate above the set's common base; 65535 = that or more
    alignas(16) uint64_t ranked_floor;  // with the next a vector
    uint64_t other_floor;
    uint16_t error_low[kWays];  // 24 bits: both errors as RoundUpFloat, the ranked one in the low 12
    uint8_t error_high[kWays];
  };
  static_assert(sizeof(Set) == 2 * kCacheLine);
  static constexpr uint16_t kMaxRise = 65535;

  // An entry: its estimate in the ranking metric, that in the other one, its key's words.
  static constexpr size_t entry_words(size_t key_words) { return 2 + key_words; }
  static constexpr uint64_t set_bytes(size_t key_words) {
    return sizeof(Set) + kWays * entry_words(key_words) * sizeof(uint64_t);
  }
  static uint64_t* entry(Set& set, size_t way, size_t key_words) {
    return reinterpret_cast<uint64_t*>(&set + 1) + way * entry_words(key_words);
  }

  // What a KeyLayout does, for keys of two adjacent whole words, as addresses are: in three instructions.
  class PairLayout {
   public:
    explicit PairLayout(const KeyLayout& layout);
    bool fits() const { return fits_; }  // whether the layout is of that kind
    static constexpr size_t words() { return 2; }
    bool matches(KeyView key, const uint64_t* stored) const {
      const __m128i difference = _mm_xor_si128(key.pair(first_), pair(stored));
      return _mm_testz_si128(difference, difference) != 0;
    }
    void store(KeyView key, uint64_t* to) const {
      _mm_storeu_si128(reinterpret_cast<__m128i*>(to), key.pair(first_));
    }

   private:
    bool fits_ = false;
    size_t first_ = 0;
  };
  static __m128i pair(const uint64_t* at) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at)); }

  HeavyHitters(const HeavyHitterShape& shape, MappedMemory memory);
  Set& set_at(uint32_t index, uint64_t set_bytes) const {
    return *reinterpret_cast<Set*>(memory_.data() + index * set_bytes);
  }
  // In the low 16 bits.
  uint32_t tag_of(uint64_t hash, KeyView key) const {
    return static_cast<uint32_t>(hash << 2) | 2 | static_cast<uint32_t>(shape_.layout.flag(key));
  }
  static uint32_t match(const uint16_t* tags, uint32_t tag);
  static uint32_t smallest(const uint16_t* rises);
  bool by_packets() const { return shape_.rank == HeavyHitterRank::kPackets; }
  // `own`: what is added, the ranking metric in the low half. `hits`: the ways with the key's tag.
  template <typename Layout>
  static bool found(const Layout& layout, Set& set, uint32_t hits, KeyView key, __m128i own);
  uint32_t victim_of(Set& set, size_t key_words);
  template <typename Layout>
  void evict(const Layout& layout, Set& set, uint32_t tag, KeyView key, __m128i own);
  template <typename Layout>
  void add(const Layout& layout, Set& set, uint64_t hash, KeyView key, __m128i own);
  template <typename Layout>
  void add_packets(Layout layout, std::span<const uint64_t> hashes, KeyBlocks keys, size_t bytes_at);
  void note_first_use(const Set& set);
  static void recount_rises(Set& set, size_t key_words);

  HeavyHitterShape shape_;
  PairLayout pair_layout_;
  KeyHash hash_;
  uint64_t set_bytes_;
  MappedMemory memory_;
  std::vector<uint32_t> used_;  // the sets that have an entry; room for all from the start
};

// Bit i: tag i equals the low 16 bits of `tag`. Packing two compares into bytes gives 16 bits.
inline uint32_t HeavyHitters::match(const uint16_t* tags, uint32_t tag) {
  const __m128i wanted = _mm_set1_epi16(static_cast<short>(tag));
  const auto* at = reinterpret_cast<const __m128i*>(tags);
  const __m128i low = _mm_cmpeq_epi16(_mm_load_si128(at), wanted);
  const __m128i high = _mm_cmpeq_epi16(_mm_load_si128(at + 1), wanted);
  return static_cast<uint32_t>(_mm_movemask_epi8(_mm_packs_epi16(low, high)));
}

// The smallest rise, times 2^16, plus the first way that has it.
inline uint32_t HeavyHitters::smallest(const uint16_t* rises) {
  const auto* at = reinterpret_cast<const __m128i*>(rises);
  const auto smallest_of = [](__m128i half) {  // which comes the other way round
    return std::rotl(static_cast<uint32_t>(_mm_cvtsi128_si32(_mm_minpos_epu16(half))), 16);
  };
  return std::min(smallest_of(_mm_load_si128(at)), smallest_of(_mm_load_si128(at + 1)) + 8);
}

template <typename Layout>
inline bool HeavyHitters::found(const Layout& layout, Set& set, uint32_t hits, KeyView key, __m128i own) {
  const auto ranked = static_cast<uint64_t>(_mm_cvtsi128_si64(own));
  for (; hits != 0; hits &= hits - 1) {
    const auto way = static_cast<size_t>(std::countr_zero(hits | 1u << kWays));  // the 1: never of 0
    uint64_t* const at = entry(set, way, layout.words());
    if (!layout.matches(key, at + 2)) [[unlikely]]
      continue;
    _mm_storeu_si128(reinterpret_cast<__m128i*>(at), _mm_add_epi64(pair(at), own));
    set.rise[way] = static_cast<uint16_t>(std::min<uint64_t>(set.rise[way] + ranked, kMaxRise));
    return true;
  }
  return false;
}

// The way of the smallest estimate, and 2^16 times its rise.
inline uint32_t HeavyHitters::victim_of(Set& set, size_t key_words) {
  // An empty way is an entry that has risen by 0, and is evicted with estimates of 0.
  if (set.tag[0] == 0) [[unlikely]]
    note_first_use(set);
  uint32_t victim = smallest(set.rise);
  if (victim >> 16 == kMaxRise) [[unlikely]] {
    recount_rises(set, key_words);
    victim = smallest(set.rise);
  }
  return victim;
}

template <typename Layout>
inline void HeavyHitters::evict(const Layout& layout, Set& set, uint32_t tag, KeyView key, __m128i own) {
  const auto ranked = static_cast<uint64_t>(_mm_cvtsi128_si64(own));
  const uint32_t victim = victim_of(set, layout.words());
  const size_t way = victim & 0xffff;
  uint64_t* const at = entry(set, way, layout.words());
  // Both metrics at once. Signed compares will do for counts below 2^63.
  const __m128i evicted = pair(at), old_floors = pair(&set.ranked_floor);
  const __m128i floors = _mm_blendv_epi8(old_floors, evicted, _mm_cmpgt_epi64(evicted, old_floors));
  const uint32_t errors = RoundUpFloat::encode_both(floors);
  _mm_store_si128(reinterpret_cast<__m128i*>(&set.ranked_floor), floors);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(at), _mm_add_epi64(floors, own));
  layout.store(key, at + 2);
  set.tag[way] = static_cast<uint16_t>(tag);
  set.rise[way] = static_cast<uint16_t>(std::min<uint64_t>((victim >> 16) + ranked, kMaxRise));
  set.error_low[way] = static_cast<uint16_t>(errors);
  set.error_high[way] = static_cast<uint8_t>(errors >> 16);
}

template <typename Layout>
inline void HeavyHitters::add(const Layout& layout, Set& set, uint64_t hash, KeyView key, __m128i own) {
  const uint32_t tag = tag_of(hash, key);
  if (!found(layout, set, match(set.tag, tag), key, own)) evict(layout, set, tag, key, own);
}

inline void HeavyHitters::add(uint64_t hash, KeyView key, uint64_t packets, uint64_t bytes) {
  const uint64_t ranked = by_packets() ? packets : bytes;
  const uint64_t other = by_packets() ? bytes : packets;
  const __m128i own = _mm_set_epi64x(static_cast<int64_t>(other), static_cast<int64_t>(ranked));
  Set& set = set_at(shape_.set_of(hash), set_bytes_);
  if (pair_layout_.fits()) [[likely]]
    add(pair_layout_, set, hash, key, own);
  else
    add(shape_.layout, set, hash, key, own);
}

}  // namespace netspectra

// What a worker does with every burst: SuperSpreader::add() of one pair, for many.
#include <immintrin.h>

#include "sketch/super_spreader.h"

namespace netspectra {
namespace {

[[gnu::target("avx512f")]] inline __m512i all(uint64_t value) {
  return _mm512_set1_epi64(static_cast<long long>(value));
}

}  // namespace

void SuperSpreader::add_plain(std::span<const uint64_t> key_hashes, std::span<const uint64_t> pair_hashes,
                              KeyBlocks keys) {
  uint64_t* const bitmap = bitmap_;
  const uint32_t* const ceilings = ceilings_.data();
  uint64_t bits[kMaxBurst];
  uint32_t rare[kMaxBurst];
  size_t rare_count = 0;
  for (size_t i = 0; i < key_hashes.size(); ++i) {
    bits[i] = bit_of(key_hashes[i], pair_hashes[i]);
    __builtin_prefetch(&bitmap[bits[i] / 64], 1);
    rare[rare_count] = static_cast<uint32_t>(i);
    rare_count += rarity_of(pair_hashes[i]) <= ceilings[group_of(key_hashes[i])];
  }
  for (size_t at = 0; at < rare_count; ++at) {
    const size_t i = rare[at];
    consider(key_hashes[i], pair_hashes[i], keys[i]);
  }
  for (size_t i = 0; i < key_hashes.size(); ++i) set(bitmap, bits[i]);
}

// GCC 12 takes the undefined operands inside its AVX-512 intrinsics for mistakes (its bug 105593).
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
// Eight pairs a vector. No call stands in a loop that wants its constants in registers: the rare cases wait in lists.
[[gnu::target("avx512f,avx512bw,avx512cd,avx512dq,avx512vl,bmi,bmi2")]] void SuperSpreader::add_wide(
    std::span<const uint64_t> key_hashes, std::span<const uint64_t> pair_hashes, KeyBlocks keys) {
  alignas(64) uint64_t words[kMaxBurst], masks[kMaxBurst], groups[kMaxBurst], ranks[kMaxBurst];
  const size_t count = key_hashes.size();
  const uint64_t* const key_hash = key_hashes.data();
  const uint64_t* const pair_hash = pair_hashes.data();
  const __m512i first_bits_low = _mm512_load_si512(&level_table_.first_bit[0]),
                first_bits_high = _mm512_load_si512(&level_table_.first_bit[16]);
  const __m512i bits_low = _mm512_load_si512(&level_table_.bits[0]),
                bits_high = _mm512_load_si512(&level_table_.bits[16]);
  const __m512i group_count = all(shape_.groups), bitmap = all(reinterpret_cast<uint64_t>(bitmap_)),
                highest_ceiling = all(highest_ceiling_);
  uint64_t rare = 0;  // a bit for each pair
  for (size_t i = 0; i < count; i += 8) {
    const auto lanes = static_cast<__mmask8>(_bzhi_u32(0xff, static_cast<uint32_t>(count - i)));
    const __m512i key = _mm512_maskz_loadu_epi64(lanes, key_hash + i);
    const __m512i pair = _mm512_maskz_loadu_epi64(lanes, pair_hash + i);
    // bit_of()
    const __m512i stopped = _mm512_or_si512(pair, all(uint64_t{1} << (kLevels - 1)));
    const __m512i lowest = _mm512_and_si512(stopped, _mm512_sub_epi64(_mm512_setzero_si512(), stopped));
    const __m512i level = _mm512_sub_epi64(all(63), _mm512_lzcnt_epi64(lowest));
    const __m512i virtual_bit = _mm512_and_si512(_mm512_srli_epi64(pair, 24), all(kVirtualBits - 1));
    const __m512i number = _mm512_or_si512(_mm512_slli_epi64(level, 7), virtual_bit);
    __m512i x = _mm512_xor_si512(key, _mm512_mullo_epi64(number, all(0x9e3779b97f4a7c15)));
    x = _mm512_mullo_epi64(x, all(0xbf58476d1ce4e5b9));
    const __m512i first_bit = _mm512_maskz_permutex2var_epi32(0x5555, first_bits_low, level, first_bits_high);
    const __m512i bits = _mm512_permutex2var_epi32(bits_low, level, bits_high);
    const __m512i place = _mm512_srli_epi64(_mm512_mul_epu32(_mm512_srli_epi64(x, 32), bits), 32);
    const __m512i bit = _mm512_add_epi64(first_bit, place);
    const __m512i word = _mm512_add_epi64(bitmap, _mm512_slli_epi64(_mm512_srli_epi64(bit, 6), 3));
    _mm512_store_si512(words + i, word);
    _mm512_store_si512(masks + i, _mm512_sllv_epi64(all(1), _mm512_and_si512(bit, all(63))));
    // group_of()
    const __m512i group = _mm512_srli_epi64(_mm512_mul_epu32(_mm512_srli_epi64(key, 32), group_count), 32);
    _mm512_store_si512(groups + i, group);
    // rank_of()
    const __m512i rarity = _mm512_srli_epi64(pair, 32);
    const __m512d log = _mm512_cvtepi64_pd(_mm512_or_si512(rarity, all(1)));
    const __m512i rank = _mm512_sub_epi64(all(uint64_t{1023 + 31} << 11 | 2047),
                                          _mm512_srli_epi64(_mm512_castpd_si512(log), 41));
    _mm512_store_si512(ranks + i, _mm512_max_epu64(rank, all(1)));
    rare |= uint64_t{number_of(_mm512_mask_cmple_epu64_mask(lanes, rarity, highest_ceiling))} << i;
    for (size_t j = i; j < i + 8; ++j) __builtin_prefetch(reinterpret_cast<const void*>(words[j]), 1);
  }

  uint32_t considered[kMaxBurst], entrants[kMaxBurst];
  size_t considered_count = 0, entrant_count = 0;
  const uint32_t* const ceilings = ceilings_.data();
  // What is left out in either loop would be in any later state of its group: ranks only rise.
  for (; rare != 0; rare &= rare - 1) {
    const auto i = static_cast<uint32_t>(std::countr_zero(rare));
    considered[considered_count] = i;
    __builtin_prefetch(&groups_[groups[i]]);
    considered_count += rarity_of(pair_hash[i]) <= ceilings[groups[i]];
  }
  for (size_t at = 0; at < considered_count; ++at) {  // consider(), but for what it enters
    const uint32_t i = considered[at];
    const Group& group = groups_[groups[i]];
    const __m256i print = _mm256_set1_epi16(static_cast<int16_t>(print_of(key_hash[i], keys[i])));
    const __m256i prints = _mm256_load_si256(reinterpret_cast<const __m256i*>(group.prints.data()));
    const uint32_t equal = number_of(_mm256_cmpeq_epi16_mask(prints, print));
    const auto slot = static_cast<uint32_t>(std::countr_zero(equal | 1u << (kSlots - 1)));
    entrants[entrant_count] = i;
    if (group.ranks[slot] > ranks[i]) continue;
    ++entrant_count;
    __builtin_prefetch(slot_key(static_cast<uint32_t>(groups[i]), slot), 1);
  }
  for (size_t i = 0; i < count; ++i) *reinterpret_cast<uint64_t*>(words[i]) |= masks[i];
  for (size_t at = 0; at < entrant_count; ++at) {
    const uint32_t i = entrants[at];
    consider(key_hash[i], pair_hash[i], keys[i]);
  }
}
#pragma GCC diagnostic pop

}  // namespace netspectra

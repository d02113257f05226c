// What a worker does with every burst: HeavyHitters::add() of one packet, for many.
#include <immintrin.h>

#include "sketch/heavy_hitters.h"

namespace netspectra {
namespace {

constexpr size_t kAhead = 16;  // packets, for which sets are fetched

// One packet and its bytes, of which the ranking metric comes into the low half: without a branch.
__m128i order_of(bool by_packets) {
  return by_packets ? _mm_set_epi64x(0x0f0e0d0c0b0a0908, 0x0706050403020100)
                    : _mm_set_epi64x(0x0706050403020100, 0x0f0e0d0c0b0a0908);
}
inline __m128i counts_of(KeyBlocks keys, size_t i, size_t bytes_at, __m128i order) {
  const auto bytes = static_cast<int>(keys.number_at(i, bytes_at));
  return _mm_shuffle_epi8(_mm_insert_epi32(_mm_cvtsi32_si128(1), bytes, 2), order);
}

}  // namespace

template <typename Layout>
inline void HeavyHitters::add_packets(Layout layout, std::span<const uint64_t> hashes, KeyBlocks keys,
                                      size_t bytes_at) {
  Set* sets[kMaxBurst];
  const auto fetch = [&](size_t i) {
    sets[i] = &set_at(shape_.set_of(hashes[i]), set_bytes(layout.words()));
    __builtin_prefetch(sets[i], 1);
  };
  const size_t first = std::min(hashes.size(), kAhead);
  for (size_t i = 0; i < first; ++i) fetch(i);
  const __m128i order = order_of(by_packets());
  for (size_t i = 0; i < hashes.size(); ++i) {
    if (i + kAhead < hashes.size()) fetch(i + kAhead);
    add(layout, *sets[i], hashes[i], keys[i], counts_of(keys, i, bytes_at, order));
  }
}

void HeavyHitters::add_packets_plain(std::span<const uint64_t> hashes, KeyBlocks keys, size_t bytes_at) {
  if (pair_layout_.fits())
    add_packets(pair_layout_, hashes, keys, bytes_at);
  else
    add_packets(shape_.layout, hashes, keys, bytes_at);
}

// GCC 12 takes the undefined operands inside its AVX-512 intrinsics for mistakes (its bug 105593).
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
[[gnu::target("avx512f,avx512bw,avx512cd,avx512dq,avx512vl,bmi,bmi2")]] void HeavyHitters::add_packets_wide(
    std::span<const uint64_t> hashes, KeyBlocks keys, size_t bytes_at) {
  // Other keys are rare enough to be left as they are.
  if (!pair_layout_.fits()) return add_packets_plain(hashes, keys, bytes_at);
  constexpr size_t kWords = PairLayout::words();
  const PairLayout layout = pair_layout_;
  const size_t count = hashes.size();
  alignas(64) uint64_t sets[kMaxBurst];
  const __m512i set_count = _mm512_set1_epi64(shape_.sets),
                size = _mm512_set1_epi64(int64_t{set_bytes(kWords)}),
                base = _mm512_set1_epi64(reinterpret_cast<long long>(memory_.data()));
  for (size_t i = 0; i < count; i += 8) {
    const auto lanes = static_cast<__mmask8>(_bzhi_u32(0xff, static_cast<uint32_t>(count - i)));
    const __m512i hash = _mm512_maskz_loadu_epi64(lanes, hashes.data() + i);
    const __m512i index = _mm512_srli_epi64(_mm512_mul_epu32(_mm512_srli_epi64(hash, 32), set_count), 32);
    _mm512_store_si512(sets + i, _mm512_add_epi64(base, _mm512_mul_epu32(index, size)));
  }
  const size_t first = std::min(count, kAhead);
  for (size_t i = 0; i < first; ++i) __builtin_prefetch(reinterpret_cast<const void*>(sets[i]), 1);
  const __m128i order = order_of(by_packets());
  for (size_t i = 0; i < count; ++i) {
    if (i + kAhead < count) __builtin_prefetch(reinterpret_cast<const void*>(sets[i + kAhead]), 1);
    const KeyView key = keys[i];
    Set& set = *reinterpret_cast<Set*>(sets[i]);
    const __m128i own = counts_of(keys, i, bytes_at, order);
    const uint32_t tag = tag_of(hashes[i], key);
    const __m256i tags = _mm256_load_si256(reinterpret_cast<const __m256i*>(set.tag));
    const uint32_t hits =
        number_of(_mm256_cmpeq_epi16_mask(tags, _mm256_set1_epi16(static_cast<int16_t>(tag))));
    if (found(layout, set, hits, key, own)) continue;

    // evict(), in fewer instructions.
    const uint32_t victim = victim_of(set, kWords);
    const size_t way = victim & 0xffff;
    uint64_t* const at = entry(set, way, kWords);
    const __m128i floors = _mm_max_epi64(pair(at), pair(&set.ranked_floor));
    const uint32_t errors =
        RoundUpFloat::codes_of(_mm_cvtepu64_pd(_mm_sub_epi64(floors, _mm_set1_epi64x(-1))));
    _mm_store_si128(reinterpret_cast<__m128i*>(&set.ranked_floor), floors);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(at), _mm_add_epi64(floors, own));
    layout.store(key, at + 2);
    const auto ranked = static_cast<uint64_t>(_mm_cvtsi128_si64(own));
    set.tag[way] = static_cast<uint16_t>(tag);
    set.rise[way] = static_cast<uint16_t>(std::min<uint64_t>((victim >> 16) + ranked, kMaxRise));
    set.error_low[way] = static_cast<uint16_t>(errors);
    set.error_high[way] = static_cast<uint8_t>(errors >> 16);
  }
}
#pragma GCC diagnostic pop

}  // namespace netspectra

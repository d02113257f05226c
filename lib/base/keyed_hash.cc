#include "base/keyed_hash.h"

#include <cpuid.h>

namespace netspectra {
namespace {

// AVX-512 where the system saves its registers, too, which is what __builtin_cpu_supports() asks. Found out while the program
// is loaded: CPUID leaves a virtual machine, and a worker's first burst is no time for that.
const bool kHaveWideAes = [] {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  return __builtin_cpu_supports("avx512f") && __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0 &&
         (ecx & bit_VAES) != 0;
}();

const __m128i* block(const void* blocks, size_t i) {
  return reinterpret_cast<const __m128i*>(static_cast<const std::byte*>(blocks) + i * KeyedHash::kBlockBytes);
}

}  // namespace

template <bool kRandom>
void KeyedHash::by_one(const void* blocks, size_t count, const KeyWords& mask, uint64_t* hashes) const {
  const auto* words = reinterpret_cast<const __m128i*>(mask.data());
  const __m128i mask_a = _mm_loadu_si128(words), mask_b = _mm_loadu_si128(words + 1),
                mask_c = _mm_loadl_epi64(words + 2);
  const KeyedHash hash = *this;  // in registers: a hash that is stored cannot change it
  for (size_t i = 0; i < count; ++i) {
    const __m128i* const key = block(blocks, i);
    const __m128i a = _mm_and_si128(_mm_loadu_si128(key), mask_a);
    const __m128i b = _mm_and_si128(_mm_loadu_si128(key + 1), mask_b);
    const __m128i c = _mm_and_si128(_mm_loadl_epi64(key + 2), mask_c);
    hashes[i] = kRandom ? hash.random(a, b, c) : hash(a, b, c);
  }
}

// GCC 12 takes the undefined operands inside its AVX-512 intrinsics for mistakes (its bug 105593).
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
// Four blocks are four rows of four 16-byte pieces; their columns are hashed side by side.
template <bool kRandom>
[[gnu::target("avx512f,vaes")]] void KeyedHash::by_four(const void* blocks, size_t count,
                                                        const KeyWords& mask, uint64_t* hashes) const {
  const auto* words = reinterpret_cast<const __m128i*>(mask.data());
  const __m512i mask_a = _mm512_broadcast_i32x4(_mm_loadu_si128(words)),
                mask_b = _mm512_broadcast_i32x4(_mm_loadu_si128(words + 1)),
                mask_c = _mm512_broadcast_i32x4(_mm_loadl_epi64(words + 2));
  const __m512i k0 = _mm512_broadcast_i32x4(round_key(0)), k1 = _mm512_broadcast_i32x4(round_key(1)),
                k2 = _mm512_broadcast_i32x4(round_key(2)), k3 = _mm512_broadcast_i32x4(round_key(3));
  const __m512i low_halves = _mm512_setr_epi64(0, 2, 4, 6, 0, 2, 4, 6);
  size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    const __m512i row0 = _mm512_loadu_si512(block(blocks, i)),
                  row1 = _mm512_loadu_si512(block(blocks, i + 1)),
                  row2 = _mm512_loadu_si512(block(blocks, i + 2)),
                  row3 = _mm512_loadu_si512(block(blocks, i + 3));
    const __m512i front0 = _mm512_shuffle_i32x4(row0, row1, 0x44),
                  front1 = _mm512_shuffle_i32x4(row2, row3, 0x44);
    const __m512i back0 = _mm512_shuffle_i32x4(row0, row1, 0xee),
                  back1 = _mm512_shuffle_i32x4(row2, row3, 0xee);
    const __m512i a = _mm512_and_si512(_mm512_shuffle_i32x4(front0, front1, 0x88), mask_a);
    const __m512i b = _mm512_and_si512(_mm512_shuffle_i32x4(front0, front1, 0xdd), mask_b);
    const __m512i c = _mm512_and_si512(_mm512_shuffle_i32x4(back0, back1, 0x88), mask_c);
    // absorb() and random(), four at a time.
    __m512i state = _mm512_aesenc_epi128(_mm512_xor_si512(a, k0), k1);
    state = _mm512_aesenc_epi128(state, b);
    state = _mm512_aesenc_epi128(state, k2);
    state = _mm512_aesenc_epi128(state, c);
    state = _mm512_aesenc_epi128(state, k3);
    state = _mm512_aesenc_epi128(state, k0);
    if constexpr (kRandom) state = _mm512_aesenc_epi128(_mm512_aesenc_epi128(state, k1), k2);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(hashes + i),
                        _mm512_castsi512_si256(_mm512_permutexvar_epi64(low_halves, state)));
  }
  by_one<kRandom>(block(blocks, i), count - i, mask, hashes + i);
}
#pragma GCC diagnostic pop

void KeyedHash::each(const void* blocks, size_t count, const KeyWords& mask, uint64_t* hashes) const {
  kHaveWideAes ? by_four<false>(blocks, count, mask, hashes) : by_one<false>(blocks, count, mask, hashes);
}

void KeyedHash::each_random(const void* blocks, size_t count, const KeyWords& mask, uint64_t* hashes) const {
  kHaveWideAes ? by_four<true>(blocks, count, mask, hashes) : by_one<true>(blocks, count, mask, hashes);
}

}  // namespace netspectra

// A count in 12 bits, rounded up: 6 bits of exponent, 6 of mantissa.
//
// Purpose: bounds that may be stated a little too large but never too small.
// Method: a double already has an exponent and a mantissa; a code is the part of one where the two meet. A
//   code stands for the largest count that has it.
// Shapes: exact up to 126, at most 1/64 too large above. Codes are ordered as their values. REQUIRES of
//   every value: below 2^63.
// Threads: no state. Errors: none. Cost: 12 instructions for two codes, no branch. (Shifting by the bit width
//   takes as many micro-operations for the width alone: x86-64-v2 has no LZCNT, and BSR is slow on Zen.)
#pragma once

#include <emmintrin.h>
#include <smmintrin.h>

#include <bit>
#include <cmath>
#include <cstdint>

namespace netspectra {

struct RoundUpFloat {
  static constexpr unsigned kBits = 12;

  static uint32_t encode(uint64_t value) {
    return encode_both(_mm_cvtsi64_si128(static_cast<int64_t>(value))) & ((1 << kBits) - 1);
  }
  // The code of the low value in the low 12 bits, that of the high one in the next 12.
  static uint32_t encode_both(__m128i values) {
    // One more, so that 0 has an exponent of at least 0 too.
    const __m128i numbers = _mm_sub_epi64(values, _mm_set1_epi64x(-1));
    // To double: the halves as the last bits of 2^84 and 2^52. Only the sum rounds; that may be up into the
    // next code, but not down out of the number's own, whose smallest number is a double.
    const __m128i high = _mm_or_si128(_mm_srli_epi64(numbers, 32), _mm_castpd_si128(_mm_set1_pd(0x1p84)));
    const __m128i low = _mm_blend_epi16(_mm_castpd_si128(_mm_set1_pd(0x1p52)), numbers, 0x33);
    const __m128d sum =
        _mm_add_pd(_mm_sub_pd(_mm_castsi128_pd(high), _mm_set1_pd(0x1p84 + 0x1p52)), _mm_castsi128_pd(low));
    return codes_of(sum);
  }
  // The same of two values that have been made doubles, with one more.
  static uint32_t codes_of(__m128d numbers) {
    const __m128i codes =
        _mm_sub_epi32(_mm_srli_epi64(_mm_castpd_si128(numbers), kShift), _mm_set1_epi64x(kOne));
    const __m128i joined = _mm_or_si128(codes, _mm_srli_si128(_mm_slli_epi64(codes, kBits), 8));
    return static_cast<uint32_t>(_mm_cvtsi128_si32(joined));
  }
  static uint64_t decode(uint32_t code) {
    const auto next = std::bit_cast<double>((code + 1 + kOne) << kShift);
    return static_cast<uint64_t>(std::ceil(next)) - 2;
  }

 private:
  static constexpr unsigned kShift = 52 - 6;
  static constexpr uint64_t kOne = 1023 << 6;  // the code of a 1, the exponent's bias, before it is taken off
};

}  // namespace netspectra

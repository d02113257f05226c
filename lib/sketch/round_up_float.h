// A 64-bit count in 16 bits, rounded up: 6 bits of exponent, 10 of mantissa.
//
// Purpose: bounds that may be stated a little too large but never too small.
// Shapes: exact up to 2048, at most 1/1024 too large above. Codes are ordered as their values. What would
//   round up to 2^64 decodes to 2^64 - 1.
// Threads: no state. Errors: none. Cost: some 12 instructions, no branch.
#pragma once

#include <bit>
#include <cstdint>

namespace netspectra {

struct RoundUpFloat {
  static constexpr uint16_t encode(uint64_t value) {
    const auto shift = static_cast<unsigned>(std::bit_width(value | 1024)) - 11;
    const uint64_t lost = value & ((uint64_t{1} << shift) - 1);
    // 1024..2048 << shift; a mantissa that reaches 2048 carries into the exponent, as it should.
    return static_cast<uint16_t>((shift << 10) + (value >> shift) + (lost != 0 ? 1 : 0));
  }
  static constexpr uint64_t decode(uint16_t code) {
    if (code >= kTooLarge) return UINT64_MAX;
    const unsigned shift = code < 1024 ? 0 : (code >> 10) - 1u;
    return static_cast<uint64_t>(code - (shift << 10)) << shift;
  }

 private:
  static constexpr uint16_t kTooLarge = 55 << 10;  // 2^64
};

}  // namespace netspectra

// Sums of what others have counted, which may be anything: they stop at 2^64 - 1.
//
// Threads: pure.
#pragma once

#include <cstdint>

namespace netspectra {

constexpr uint64_t saturating_sum(uint64_t a, uint64_t b) { return a + b < a ? UINT64_MAX : a + b; }
constexpr void saturating_add(uint64_t& sum, uint64_t value) { sum = saturating_sum(sum, value); }

}  // namespace netspectra

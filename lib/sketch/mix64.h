// A bijection of 64-bit words whose every output bit depends on every input bit.
//
// Purpose: finishes the keyed hash for estimators. Keys that differ only in a field of their last word
//   (ports, protocol) pass two AES rounds only: over such a field every byte of the hash is a permutation,
//   which is more even than chance, and an estimator that counts on chance would be biased.
// Threads: pure. Cost: 2 multiplications. Source: Stafford's "Mix13", the finish of SplitMix64.
#pragma once

#include <cstdint>

namespace netspectra {

inline uint64_t mix64(uint64_t x) {
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
  x = (x ^ x >> 27) * 0x94d049bb133111eb;
  return x ^ x >> 31;
}

}  // namespace netspectra

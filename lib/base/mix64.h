// A bijection of 64-bit words whose every output bit depends on every input bit: numbers that look random, and differ.
// Source: Stafford's "Mix13", the finish of SplitMix64.
#pragma once

#include <cstdint>

namespace netspectra {

inline uint64_t mix64(uint64_t x) {
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
  x = (x ^ x >> 27) * 0x94d049bb133111eb;
  return x ^ x >> 31;
}

}  // namespace netspectra

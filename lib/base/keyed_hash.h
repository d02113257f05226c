// A keyed 64-bit hash of 40-byte keys that a sender of traffic cannot collide.
//
// Purpose: the flow table's hash. An attacker chooses addresses and ports; with an unkeyed hash (CRC32C, or
//   the NIC's RSS hash) flows that all fall into one bucket are easy to make.
// Design: CBC-MAC-like absorption with two AES rounds between the blocks and at the end. Two AES rounds under
//   an unknown key have a maximum expected differential probability below 2^-28 (Keliher and Sui, 2007), so a
//   pair of keys chosen without seeing any output collides with no more than that. Not a MAC: outputs must
//   stay secret, and they do (they only choose table slots).
// Chance: keys that differ only in a field of their last word (ports, protocol) pass two rounds only: over such a field
//   every byte of the hash is a permutation, which is more even than chance. That suits a table; an estimator that
//   counts on chance uses random(), which has two more rounds.
// Threads: immutable after construction. Cost: 6 AES rounds, 24 cycles of latency, 3 of throughput; each() a quarter of
//   the instructions where the CPU has VAES and AVX-512, which is found out while the program is loaded.
// Needs AES-NI.
#pragma once

#include <immintrin.h>

#include <array>
#include <cstdint>
#include <random>

#include "base/mix64.h"

namespace netspectra {

using KeyWords = std::array<uint64_t, 5>;

class KeyedHash {
 public:
  // A key of its own for each instance, from the system's random source.
  KeyedHash() {
    std::random_device random;
    for (uint32_t& word : key_) word = random();
  }
  // The same key for the same seed, everywhere: what several instances must agree on (estimators that merge).
  explicit KeyedHash(uint64_t seed) {
    for (uint32_t& word : key_) {  // splitmix64
      word = static_cast<uint32_t>(mix64(seed += 0x9e3779b97f4a7c15) >> 32);
    }
  }

  uint64_t operator()(const KeyWords& key) const {
    const auto* at = reinterpret_cast<const __m128i*>(key.data());
    return (*this)(_mm_loadu_si128(at), _mm_loadu_si128(at + 1), _mm_loadl_epi64(at + 2));
  }

  // First and second 16 bytes, and the last 8 in the low half of `c`.
  uint64_t operator()(__m128i a, __m128i b, __m128i c) const {
    return static_cast<uint64_t>(_mm_cvtsi128_si64(absorb(a, b, c)));
  }

  // Every bit depends on every bit of the key as by chance.
  uint64_t random(const KeyWords& key) const {
    const auto* at = reinterpret_cast<const __m128i*>(key.data());
    return random(_mm_loadu_si128(at), _mm_loadu_si128(at + 1), _mm_loadl_epi64(at + 2));
  }

  // The same of `count` keys under `mask`. A key stands in the first 40 bytes of each of the 64-byte blocks at `blocks`.
  static constexpr size_t kBlockBytes = 64;
  void each(const void* blocks, size_t count, const KeyWords& mask, uint64_t* hashes) const;
  void each_random(const void* blocks, size_t count, const KeyWords& mask, uint64_t* hashes) const;

 private:
  template <bool kRandom>
  void by_one(const void* blocks, size_t count, const KeyWords& mask, uint64_t* hashes) const;
  template <bool kRandom>
  void by_four(const void* blocks, size_t count, const KeyWords& mask, uint64_t* hashes) const;

  uint64_t random(__m128i a, __m128i b, __m128i c) const {
    __m128i state = absorb(a, b, c);
    state = _mm_aesenc_si128(state, round_key(1));
    state = _mm_aesenc_si128(state, round_key(2));
    return static_cast<uint64_t>(_mm_cvtsi128_si64(state));
  }
  __m128i absorb(__m128i a, __m128i b, __m128i c) const {
    __m128i state = _mm_xor_si128(a, round_key(0));
    state = _mm_aesenc_si128(state, round_key(1));
    state = _mm_aesenc_si128(state, b);
    state = _mm_aesenc_si128(state, round_key(2));
    state = _mm_aesenc_si128(state, c);
    state = _mm_aesenc_si128(state, round_key(3));
    return _mm_aesenc_si128(state, round_key(0));
  }
  __m128i round_key(size_t i) const {
    return _mm_load_si128(reinterpret_cast<const __m128i*>(key_.data() + 4 * i));
  }
  alignas(16) std::array<uint32_t, 16> key_;
};

}  // namespace netspectra

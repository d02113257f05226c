#include "base/keyed_hash.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <random>
#include <set>
#include <vector>

namespace netspectra {
namespace {

uint64_t hash_of(const KeyedHash& hash, uint64_t a, uint64_t b, uint64_t c) {
  return hash(_mm_set_epi64x(0, static_cast<long long>(a)), _mm_set_epi64x(0, static_cast<long long>(b)),
              _mm_set_epi64x(0, static_cast<long long>(c)));
}

TEST(KeyedHash, EveryInstanceHasItsOwnKey) {
  const KeyedHash one, two;
  EXPECT_NE(hash_of(one, 1, 2, 3), hash_of(two, 1, 2, 3));
  EXPECT_EQ(hash_of(one, 1, 2, 3), hash_of(one, 1, 2, 3));
}

// Each input bit flips each output bit half of the time: what keeps structured keys apart.
TEST(KeyedHash, EveryInputBitReachesEveryOutputBit) {
  const KeyedHash hash;
  for (int bit = 0; bit < 192; ++bit) {
    std::array<int, 64> flips{};
    for (uint64_t i = 0; i < 400; ++i) {
      uint64_t in[3] = {i, i * 3, i * 7};
      const uint64_t before = hash_of(hash, in[0], in[1], in[2]);
      in[bit / 64] ^= uint64_t{1} << bit % 64;
      const uint64_t difference = before ^ hash_of(hash, in[0], in[1], in[2]);
      for (int out = 0; out < 64; ++out) flips[out] += difference >> out & 1;
    }
    for (int out = 0; out < 64; ++out) {
      EXPECT_GT(flips[out], 120) << "input bit " << bit << ", output bit " << out;
      EXPECT_LT(flips[out], 280) << "input bit " << bit << ", output bit " << out;
    }
  }
}

// Changes of source and destination that would cancel in a hash that mixes them by XOR alone.
TEST(KeyedHash, PairsOfAddressesChosenToCancelDoNotCollide) {
  const KeyedHash hash;
  std::vector<uint64_t> hashes;
  for (uint64_t src = 0; src < 256; ++src) {
    for (uint64_t dst = 0; dst < 256; ++dst) hashes.push_back(hash_of(hash, src << 24, dst << 24, 0));
  }
  std::sort(hashes.begin(), hashes.end());
  EXPECT_EQ(std::adjacent_find(hashes.begin(), hashes.end()), hashes.end());
}

// Whatever the CPU hashes side by side, and whatever is left over: what stands behind a key must not matter.
TEST(KeyedHash, ManyKeysAtOnceHashAsOneByOne) {
  const KeyedHash hash(7);
  std::mt19937_64 random(1);
  struct alignas(KeyedHash::kBlockBytes) Block {
    KeyWords key;
    std::array<uint64_t, 3> behind;
  };
  for (const KeyWords& mask :
       {KeyWords{~0ull, ~0ull, ~0ull, ~0ull, ~0ull}, KeyWords{~0ull, ~0ull, 0, 0, 0xff00},
        KeyWords{0, 0, ~0ull, ~0ull, 0xffff'0000'0000}, KeyWords{}}) {
    for (size_t count = 0; count <= 64; ++count) {
      std::vector<Block> blocks(count);
      for (Block& block : blocks) {
        for (uint64_t& word : block.key) word = random();
        for (uint64_t& word : block.behind) word = random();
      }
      std::vector<uint64_t> plain(count + 1, 0x5eed), counted(count + 1, 0x5eed);
      hash.each(blocks.data(), count, mask, plain.data());
      hash.each_random(blocks.data(), count, mask, counted.data());
      for (size_t i = 0; i < count; ++i) {
        KeyWords masked = blocks[i].key;
        for (size_t word = 0; word < masked.size(); ++word) masked[word] &= mask[word];
        ASSERT_EQ(plain[i], hash(masked)) << i << " of " << count;
        ASSERT_EQ(counted[i], hash.random(masked)) << i << " of " << count;
      }
      ASSERT_EQ(plain[count], 0x5eed);
      ASSERT_EQ(counted[count], 0x5eed);
    }
  }
}

}  // namespace
}  // namespace netspectra

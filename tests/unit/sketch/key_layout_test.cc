#include "sketch/key_layout.h"

#include <gtest/gtest.h>

#include <random>

namespace netspectra {
namespace {

constexpr uint64_t kAll = ~uint64_t{0};
constexpr TwoValuedField kVersion{4, uint64_t{0xff} << 40, uint64_t{4} << 40, uint64_t{6} << 40};

TEST(KeyLayout, StoresOnlySelectedWords) {
  EXPECT_EQ(KeyLayout(KeyWords{kAll, kAll, kAll, kAll, kAll}).words(), 5u);
  EXPECT_EQ(KeyLayout(KeyWords{0, 0, 0, 0, 0xffff}).words(), 1u);
  EXPECT_EQ(KeyLayout(KeyWords{}).words(), 0u);
}

TEST(KeyLayout, FoldsATwoValuedFieldThatIsAllThatIsSelectedOfItsWord) {
  const KeyWords address{kAll, kAll, 0, 0, kVersion.mask};
  EXPECT_EQ(KeyLayout(address, kVersion).words(), 2u);
  EXPECT_EQ(KeyLayout(address).words(), 3u) << "without the field the word is stored";
}

TEST(KeyLayout, DoesNotFoldWhereMoreOrLessIsSelectedOfTheWord) {
  EXPECT_EQ(KeyLayout(KeyWords{kAll, kAll, 0, 0, kVersion.mask | 0xffff}, kVersion).words(), 3u);
  EXPECT_EQ(KeyLayout(KeyWords{0, 0, 0, 0, 0xffff}, kVersion).words(), 1u);
  EXPECT_EQ(KeyLayout(KeyWords{kAll, kAll, 0, 0, 0}, kVersion).words(), 2u);
}

TEST(KeyLayout, RebuildsEveryKeyExactlyUnderEveryChoiceOfWords) {
  std::mt19937_64 random(1);
  const uint64_t last_word[] = {0, kVersion.mask, kVersion.mask | 0xffff, 0xffff, kAll};
  for (unsigned choice = 0; choice < 16; ++choice) {
    for (const uint64_t last : last_word) {
      KeyWords mask{};
      for (unsigned i = 0; i < 4; ++i) mask[i] = (choice >> i & 1) != 0 ? kAll : 0;
      mask[4] = last;
      const KeyLayout layout(mask, kVersion);
      for (int i = 0; i < 20; ++i) {
        KeyWords key;
        for (uint64_t& word : key) word = random();
        key[4] = (key[4] & ~kVersion.mask) | (i % 2 != 0 ? kVersion.set : kVersion.clear);
        for (size_t w = 0; w < key.size(); ++w) key[w] &= mask[w];

        std::array<uint64_t, 6> stored;
        stored.fill(0x5a5a5a5a5a5a5a5a);
        layout.store(key, stored.data());
        EXPECT_EQ(stored[layout.words()], 0x5a5a5a5a5a5a5a5a) << "wrote past its words";
        EXPECT_EQ(layout.load(stored.data(), layout.flag(key)), key);
        EXPECT_TRUE(layout.matches(key, stored.data()));
        for (size_t w = 0; w < layout.words(); ++w) {
          std::array<uint64_t, 6> changed = stored;
          changed[w] ^= uint64_t{1} << (random() % 64);
          EXPECT_FALSE(layout.matches(key, changed.data())) << "word " << w;
        }
      }
    }
  }
}

TEST(KeyLayout, TellsKeysApartThatDifferOnlyInTheFoldedField) {
  const KeyLayout layout(KeyWords{kAll, kAll, 0, 0, kVersion.mask}, kVersion);
  const KeyWords v4{1, 2, 0, 0, kVersion.clear}, v6{1, 2, 0, 0, kVersion.set};
  EXPECT_NE(layout.flag(v4), layout.flag(v6));
}

TEST(KeyLayout, IsUnequalWhenOtherBitsAreSelectedOfTheSameWord) {
  EXPECT_EQ(KeyLayout(KeyWords{0, 0, 0, 0, 0xffff}), KeyLayout(KeyWords{0, 0, 0, 0, 0xffff}));
  EXPECT_NE(KeyLayout(KeyWords{0, 0, 0, 0, 0xffff}), KeyLayout(KeyWords{0, 0, 0, 0, 0xffff0000}));
}

}  // namespace
}  // namespace netspectra

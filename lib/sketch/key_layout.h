// Which words of a 40-byte key an estimator has to keep so that it can give the key back.
//
// Purpose: state is keys for the most part, and few tasks use all five words: a source address fills two. A
//   word of which nothing is selected is not stored. A field that only ever holds one of two values (an IP
//   version) is folded into a flag where it is all that is selected of its word: a source-address key then
//   takes 16 bytes and one bit.
// Shapes: a key that load() gives has zeros in all bits that are not selected. Two layouts are equal when the same
//   bits are selected and folded.
// Threads: immutable after construction. Errors: none. Cost: two loads and a compare for each stored word.
#pragma once

#include <emmintrin.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/keyed_hash.h"

namespace netspectra {

// A key where it stands, as in a packet: 40 bytes, aligned to anything. Borrowed.
class KeyView {
 public:
  KeyView(const KeyWords& words) : bytes_(reinterpret_cast<const std::byte*>(words.data())) {}
  explicit KeyView(const void* key) : bytes_(static_cast<const std::byte*>(key)) {}

  uint64_t operator[](size_t word) const {
    uint64_t value;
    std::memcpy(&value, bytes_ + word * sizeof(value), sizeof(value));
    return value;
  }
  // This word and the next.
  __m128i pair(size_t word) const {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes_ + word * sizeof(uint64_t)));
  }

 private:
  const std::byte* bytes_;
};

// Keys that stand at the start of one 64-byte block each, as in a burst of packets. Borrowed.
class KeyBlocks {
 public:
  explicit KeyBlocks(const void* first) : first_(static_cast<const std::byte*>(first)) {}
  KeyView operator[](size_t i) const { return KeyView(first_ + i * KeyedHash::kBlockBytes); }
  // Of its block.
  uint32_t number_at(size_t i, size_t offset) const {
    uint32_t value;
    std::memcpy(&value, first_ + i * KeyedHash::kBlockBytes + offset, sizeof(value));
    return value;
  }

 private:
  const std::byte* first_;
};

// The bits `mask` of word `word` hold either `clear` or `set`. REQUIRES: `set` has a bit that `clear` lacks.
struct TwoValuedField {
  uint32_t word;
  uint64_t mask;
  uint64_t clear;
  uint64_t set;
};

class KeyLayout {
 public:
  // `mask`: the selected bits.
  explicit constexpr KeyLayout(const KeyWords& mask) : mask_(mask) {
    for (uint32_t i = 0; i < mask.size(); ++i) {
      if (mask[i] != 0) stored_[words_++] = i;
    }
  }
  // The same, with `field` folded where nothing else is selected of its word.
  constexpr KeyLayout(const KeyWords& mask, const TwoValuedField& field)
      : KeyLayout(mask[field.word] == field.mask ? without(mask, field.word) : mask) {
    if (mask[field.word] != field.mask) return;
    mask_ = mask;
    flag_word_ = field.word;
    flag_bit_ = field.set & ~field.clear & -(field.set & ~field.clear);
    clear_ = field.clear;
    set_ = field.set;
  }

  const KeyWords& mask() const { return mask_; }
  size_t words() const { return words_; }  // stored ones
  uint32_t stored_word(size_t i) const { return stored_[i]; }

  // Of a key only what is selected is looked at. REQUIRES: a folded field holds one of its two values.
  bool flag(KeyView key) const { return (key[flag_word_] & flag_bit_) != 0; }
  void store(KeyView key, uint64_t* to) const {
    for (size_t i = 0; i < words_; ++i) to[i] = selected(key, i);
  }
  // Whether `stored` is of `key`, their flags apart. No loop: it would be vectorised, at twice the cost.
  bool matches(KeyView key, const uint64_t* stored) const {
    uint64_t difference = 0;
    if (words_ > 0) difference |= stored[0] ^ selected(key, 0);
    if (words_ > 1) difference |= stored[1] ^ selected(key, 1);
    if (words_ > 2) difference |= stored[2] ^ selected(key, 2);
    if (words_ > 3) difference |= stored[3] ^ selected(key, 3);
    if (words_ > 4) difference |= stored[4] ^ selected(key, 4);
    return difference == 0;
  }
  KeyWords load(const uint64_t* stored, bool flag) const {
    KeyWords key{};
    key[flag_word_] = flag ? set_ : clear_;  // 0 where nothing is folded
    for (size_t i = 0; i < words_; ++i) key[stored_[i]] = stored[i];
    return key;
  }

  friend bool operator==(const KeyLayout&, const KeyLayout&) = default;

 private:
  uint64_t selected(KeyView key, size_t stored) const {
    return key[stored_[stored]] & mask_[stored_[stored]];
  }
  static constexpr KeyWords without(KeyWords mask, uint32_t word) {
    mask[word] = 0;
    return mask;
  }

  KeyWords mask_;
  std::array<uint32_t, 5> stored_{};  // the words that are, in order
  uint32_t words_ = 0;
  uint32_t flag_word_ = 0;
  uint64_t flag_bit_ = 0;  // tells the two values apart; 0 = nothing is folded
  uint64_t clear_ = 0;
  uint64_t set_ = 0;
};

}  // namespace netspectra

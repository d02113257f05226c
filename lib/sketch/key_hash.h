// The hash that an estimator wants of a key. Equal ones give equal hashes of equal keys, everywhere: estimators over the
// same fields share one.
//
// Threads: immutable after construction. Cost: that of base/keyed_hash.h.
#pragma once

#include <cstdint>

#include "base/keyed_hash.h"

namespace netspectra {

class KeyHash {
 public:
  enum class Finish : uint8_t {
    kPlain,   // chooses places, and tells keys apart
    kRandom,  // every bit as by chance: what is counted with
  };
  KeyHash(uint64_t seed, Finish finish) : hash_(seed), seed_(seed), finish_(finish) {}

  uint64_t operator()(const KeyWords& key) const {
    return finish_ == Finish::kRandom ? hash_.random(key) : hash_(key);
  }
  // Of `count` keys under `mask`; see KeyedHash::each().
  void each(const void* blocks, size_t count, const KeyWords& mask, uint64_t* hashes) const {
    finish_ == Finish::kRandom ? hash_.each_random(blocks, count, mask, hashes)
                               : hash_.each(blocks, count, mask, hashes);
  }
  friend bool operator==(const KeyHash& a, const KeyHash& b) {
    return a.seed_ == b.seed_ && a.finish_ == b.finish_;
  }

 private:
  KeyedHash hash_;
  uint64_t seed_;
  Finish finish_;
};

}  // namespace netspectra

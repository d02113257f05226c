#include "task/burst.h"

#include <algorithm>

namespace netspectra {

void HashedKey::hash(std::span<const Packet> packets, uint64_t* hashes) const {
  static_assert(sizeof(Packet) == KeyedHash::kBlockBytes && offsetof(Packet, key) == 0);
  hash_.each(packets.data(), packets.size(), mask_.words(), hashes);
}

std::span<const uint64_t> Burst::hashes(const HashedKey& key) const {
  size_t at = 0;
  const size_t there = std::min(columns_, kColumns);
  while (at < there && !(*keys_[at] == key)) ++at;
  if (at == there) {
    at = columns_++ % kColumns;
    keys_[at] = &key;
    key.hash(packets_, hashes_[at].data());
  }
  return {hashes_[at].data(), packets_.size()};
}

}  // namespace netspectra

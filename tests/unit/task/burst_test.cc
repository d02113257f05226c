#include "task/burst.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace netspectra {
namespace {

std::vector<Packet> some_packets(size_t count) {
  std::mt19937_64 random(count);
  std::vector<Packet> packets(count);
  for (Packet& packet : packets) {
    FlowKey::Words words;
    std::generate(words.begin(), words.end(), random);
    packet = {};
    packet.key = FlowKey::from_words(words);
  }
  return packets;
}

KeyFields fields_of(std::initializer_list<KeyField> list) {
  KeyFields fields;
  for (const KeyField field : list) fields.add(field);
  return fields;
}

std::vector<uint64_t> expected(const std::vector<Packet>& packets, KeyFields fields, const KeyHash& hash) {
  std::vector<uint64_t> hashes;
  for (const Packet& packet : packets) hashes.push_back(hash(KeyMask(fields).apply(packet.key).words()));
  return hashes;
}

TEST(Burst, GivesTheHashOfEachPacketsMaskedKey) {
  const KeyFields fields = fields_of({KeyField::kDstIp, KeyField::kSrcPort});
  const KeyHash plain(7, KeyHash::Finish::kPlain), random(7, KeyHash::Finish::kRandom);
  const HashedKey plain_key(fields, plain), random_key(fields, random);
  for (const size_t count : {size_t{0}, size_t{1}, size_t{37}, Burst::kMaxPackets}) {
    const std::vector<Packet> packets = some_packets(count);
    const Burst burst(packets);
    EXPECT_TRUE(std::ranges::equal(burst.hashes(plain_key), expected(packets, fields, plain)));
    EXPECT_TRUE(std::ranges::equal(burst.hashes(random_key), expected(packets, fields, random)));
  }
}

TEST(Burst, MakesTheHashesOfEqualKeysOnce) {
  const std::vector<Packet> packets = some_packets(64);
  const Burst burst(packets);
  const KeyFields source = fields_of({KeyField::kSrcIp});
  const HashedKey one(source, KeyHash(1, KeyHash::Finish::kPlain)), same = one;
  EXPECT_EQ(burst.hashes(one).data(), burst.hashes(same).data());
}

TEST(Burst, KeepsApartWhatDiffersInFieldsSeedOrFinish) {
  const std::vector<Packet> packets = some_packets(64);
  const Burst burst(packets);
  const KeyFields source = fields_of({KeyField::kSrcIp});
  const HashedKey keys[] = {{source, KeyHash(1, KeyHash::Finish::kPlain)},
                            {source, KeyHash(1, KeyHash::Finish::kRandom)},
                            {source, KeyHash(2, KeyHash::Finish::kPlain)},
                            {fields_of({KeyField::kDstIp}), KeyHash(1, KeyHash::Finish::kPlain)}};
  for (const HashedKey& a : keys) {
    for (const HashedKey& b : keys) {
      EXPECT_EQ(&a == &b, std::ranges::equal(burst.hashes(a), burst.hashes(b)));
    }
  }
}

TEST(Burst, AnswersForMoreKeysThanItRemembers) {
  const std::vector<Packet> packets = some_packets(64);
  const Burst burst(packets);
  std::vector<HashedKey> keys;
  for (uint64_t seed = 0; seed < 3 * Burst::kColumns; ++seed) {
    keys.emplace_back(KeyFields::five_tuple(), KeyHash(seed, KeyHash::Finish::kPlain));
  }
  for (int round = 0; round < 2; ++round) {
    for (uint64_t seed = 0; seed < keys.size(); ++seed) {
      EXPECT_TRUE(std::ranges::equal(
          burst.hashes(keys[seed]),
          expected(packets, KeyFields::five_tuple(), KeyHash(seed, KeyHash::Finish::kPlain))));
    }
  }
}

}  // namespace
}  // namespace netspectra

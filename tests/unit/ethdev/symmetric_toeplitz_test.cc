#include "ethdev/symmetric_toeplitz.h"

#include <gtest/gtest.h>
#include <rte_thash.h>

#include <array>
#include <random>

namespace netspectra {
namespace {

uint32_t load_be32(const uint8_t* at) {
  return uint32_t{at[0]} << 24 | uint32_t{at[1]} << 16 | uint32_t{at[2]} << 8 | at[3];
}

// DPDK's bit-by-bit Toeplitz with the key that a NIC would be given.
uint32_t reference(const FlowKey& key) {
  std::array<uint8_t, 40> rss_key;
  for (size_t i = 0; i < rss_key.size(); ++i) rss_key[i] = i % 2 == 0 ? 0x6d : 0x5a;
  const size_t skip = key.ip_version == 4 ? 12 : 0;
  std::vector<uint32_t> tuple;
  for (size_t i = skip; i < 16; i += 4) tuple.push_back(load_be32(key.src_ip.data() + i));
  for (size_t i = skip; i < 16; i += 4) tuple.push_back(load_be32(key.dst_ip.data() + i));
  const auto* ports = reinterpret_cast<const uint8_t*>(&key.be_src_port);
  tuple.push_back(load_be32(ports));
  return rte_softrss(tuple.data(), static_cast<uint32_t>(tuple.size()), rss_key.data());
}

FlowKey random_key(std::mt19937& random, uint8_t version) {
  FlowKey key;
  key.ip_version = version;
  for (std::array<uint8_t, 16>* ip : {&key.src_ip, &key.dst_ip}) {
    for (uint8_t& byte : *ip) byte = static_cast<uint8_t>(random());
    if (version == 4)
      *ip = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, (*ip)[12], (*ip)[13], (*ip)[14], (*ip)[15]};
  }
  key.be_src_port = static_cast<uint16_t>(random());
  key.be_dst_port = static_cast<uint16_t>(random());
  return key;
}

TEST(SymmetricToeplitz, EqualsTheHashThatANicWouldCompute) {
  const SymmetricToeplitz hash;
  std::mt19937 random(5);
  for (int i = 0; i < 2000; ++i) {
    for (uint8_t version : {4, 6}) {
      const FlowKey key = random_key(random, version);
      ASSERT_EQ(hash(key), reference(key));
    }
  }
}

TEST(SymmetricToeplitz, IsTheSameInBothDirections) {
  const SymmetricToeplitz hash;
  std::mt19937 random(6);
  for (int i = 0; i < 2000; ++i) {
    const FlowKey key = random_key(random, i % 2 == 0 ? 4 : 6);
    FlowKey back = key;
    std::swap(back.src_ip, back.dst_ip);
    std::swap(back.be_src_port, back.be_dst_port);
    ASSERT_EQ(hash(key), hash(back));
  }
}

TEST(SymmetricToeplitz, SpreadsFlowsOverQueues) {
  const SymmetricToeplitz hash;
  std::mt19937 random(7);
  std::array<int, 4> queues{};
  for (int i = 0; i < 40000; ++i) ++queues[hash(random_key(random, 4)) % 4];
  for (int count : queues) {
    EXPECT_GT(count, 9000);
    EXPECT_LT(count, 11000);
  }
}

}  // namespace
}  // namespace netspectra

// Keys, field sets and masks.
#include "packet/flow_key.h"

#include <gtest/gtest.h>

#include <vector>

namespace netspectra {
namespace {

constexpr KeyField kAllFields[] = {KeyField::kSrcIp,   KeyField::kDstIp,    KeyField::kSrcPort,
                                   KeyField::kDstPort, KeyField::kProtocol, KeyField::kVlan};

KeyFields fields(std::initializer_list<KeyField> list) {
  KeyFields set;
  for (KeyField f : list) set.add(f);
  return set;
}

FlowKey full_key() {
  FlowKey key;
  key.src_ip.fill(0x11);
  key.dst_ip.fill(0x22);
  key.be_src_port = 0x3333;
  key.be_dst_port = 0x4444;
  key.protocol = 0x55;
  key.ip_version = 6;
  key.vlan = 0x777;
  return key;
}

TEST(FlowKey, WordsRoundTrip) { EXPECT_EQ(FlowKey::from_words(full_key().words()), full_key()); }

TEST(FlowKey, EveryFieldTellsKeysApart) {
  std::vector<FlowKey> keys(8, full_key());
  keys[1].src_ip[15] = 0;
  keys[2].dst_ip[0] = 0;
  keys[3].be_src_port = 0;
  keys[4].be_dst_port = 0;
  keys[5].protocol = 0;
  keys[6].ip_version = 4;
  keys[7].vlan = 0;
  for (size_t i = 0; i < keys.size(); ++i) {
    for (size_t j = 0; j < keys.size(); ++j) {
      EXPECT_EQ(keys[i] == keys[j], i == j);
      EXPECT_EQ((keys[i] <=> keys[j]) == 0, i == j);
    }
  }
}

TEST(FlowKey, PortsAreOrderedAsNumbers) {
  FlowKey a, b;
  a.be_src_port = 0x5000;  // 80
  b.be_src_port = 0x0001;  // 256
  EXPECT_LT(a, b);
}

TEST(FlowKey, OrderIsVersionAddressesPortsProtocolVlan) {
  // Each key is larger than the one before in one field, and smaller in every field that counts less.
  const FlowKey low;
  std::vector<FlowKey> keys(7, low);
  keys[0].vlan = 9;
  keys[1].protocol = 9;
  keys[2].be_dst_port = 9;
  keys[3].be_src_port = 9;
  keys[4].dst_ip[15] = 9;
  keys[5].src_ip[15] = 9;
  keys[6].ip_version = 6;
  for (size_t i = 1; i < keys.size(); ++i) EXPECT_LT(keys[i - 1], keys[i]) << i;
}

TEST(KeyMask, KeepsTheSelectedFieldsAndClearsTheRest) {
  for (unsigned bits = 0; bits < 1u << kKeyFieldCount; ++bits) {
    KeyFields set;
    for (KeyField f : kAllFields) {
      if (bits >> unsigned(f) & 1) set.add(f);
    }
    FlowKey expected = full_key();
    if (!set.has(KeyField::kSrcIp)) expected.src_ip = {};
    if (!set.has(KeyField::kDstIp)) expected.dst_ip = {};
    if (!set.has(KeyField::kSrcPort)) expected.be_src_port = 0;
    if (!set.has(KeyField::kDstPort)) expected.be_dst_port = 0;
    if (!set.has(KeyField::kProtocol)) expected.protocol = 0;
    if (!set.has(KeyField::kVlan)) expected.vlan = 0;
    if (!set.has(KeyField::kSrcIp) && !set.has(KeyField::kDstIp)) expected.ip_version = 0;
    EXPECT_EQ(KeyMask(set).apply(full_key()), expected) << bits;
  }
}

TEST(KeyFields, FiveTupleIsAllButTheVlan) {
  for (KeyField f : kAllFields) EXPECT_EQ(KeyFields::five_tuple().has(f), f != KeyField::kVlan);
}

TEST(KeyFields, SubsetsAreSubsets) {
  const KeyFields src = fields({KeyField::kSrcIp}), vlan = fields({KeyField::kVlan});
  EXPECT_TRUE(src.subset_of(KeyFields::five_tuple()));
  EXPECT_FALSE(vlan.subset_of(KeyFields::five_tuple()));
  EXPECT_FALSE(KeyFields::five_tuple().subset_of(src));
  EXPECT_TRUE(KeyFields().subset_of(src));
  EXPECT_TRUE(KeyFields().empty());
  EXPECT_FALSE(src.empty());
}

}  // namespace
}  // namespace netspectra

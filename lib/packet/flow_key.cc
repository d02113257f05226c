#include "packet/flow_key.h"

#include <bit>

namespace netspectra {
namespace {

constexpr uint16_t from_be(uint16_t v) {
  return std::endian::native == std::endian::little ? uint16_t(v << 8 | v >> 8) : v;
}

}  // namespace

std::strong_ordering operator<=>(const FlowKey& a, const FlowKey& b) {
  if (auto c = a.ip_version <=> b.ip_version; c != 0) return c;
  if (int c = std::memcmp(a.src_ip.data(), b.src_ip.data(), 16); c != 0) return c <=> 0;
  if (int c = std::memcmp(a.dst_ip.data(), b.dst_ip.data(), 16); c != 0) return c <=> 0;
  if (auto c = from_be(a.be_src_port) <=> from_be(b.be_src_port); c != 0) return c;
  if (auto c = from_be(a.be_dst_port) <=> from_be(b.be_dst_port); c != 0) return c;
  if (auto c = a.protocol <=> b.protocol; c != 0) return c;
  return a.vlan <=> b.vlan;
}

KeyMask::KeyMask(KeyFields fields) {
  FlowKey ones;
  if (fields.has(KeyField::kSrcIp)) ones.src_ip.fill(0xff);
  if (fields.has(KeyField::kDstIp)) ones.dst_ip.fill(0xff);
  if (fields.has(KeyField::kSrcIp) || fields.has(KeyField::kDstIp)) ones.ip_version = 0xff;
  if (fields.has(KeyField::kSrcPort)) ones.be_src_port = 0xffff;
  if (fields.has(KeyField::kDstPort)) ones.be_dst_port = 0xffff;
  if (fields.has(KeyField::kProtocol)) ones.protocol = 0xff;
  if (fields.has(KeyField::kVlan)) ones.vlan = 0xffff;
  words_ = ones.words();
}

}  // namespace netspectra

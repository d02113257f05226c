// The fields that a task can select, as one 40-byte key.
//
// Shapes: addresses are 16 bytes, IPv4 as IPv4-mapped (::ffff:a.b.c.d) with the version beside it, so a v4
//   packet never meets a v6 packet that carries a mapped address. Ports in network byte order. A key under a
//   mask has zeros in every field that is not selected; `ip_version` is selected with either address, and
//   only then.
// Threads: plain data. Cost: apply() is five ANDs, == five compares.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace netspectra {

struct alignas(8) FlowKey {
  std::array<uint8_t, 16> src_ip{};
  std::array<uint8_t, 16> dst_ip{};
  uint16_t be_src_port = 0;
  uint16_t be_dst_port = 0;
  uint8_t protocol = 0;
  uint8_t ip_version = 0;  // 4, 6, or 0 where no address is selected
  uint16_t vlan = 0;       // VLAN id of the outermost tag, host order; 0 = untagged or priority-tagged

  using Words = std::array<uint64_t, 5>;
  Words words() const {
    Words w;
    std::memcpy(w.data(), this, sizeof(w));
    return w;
  }
  static FlowKey from_words(const Words& w) {
    FlowKey key;
    std::memcpy(static_cast<void*>(&key), w.data(), sizeof(key));
    return key;
  }

  friend bool operator==(const FlowKey& a, const FlowKey& b) {
    const Words x = a.words(), y = b.words();
    return ((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]) | (x[3] ^ y[3]) | (x[4] ^ y[4])) == 0;
  }
  // The order in which records are printed where nothing else tells them apart: version, addresses, ports
  // (as numbers), protocol, VLAN.
  friend std::strong_ordering operator<=>(const FlowKey& a, const FlowKey& b);
};
static_assert(sizeof(FlowKey) == 40);

enum class KeyField : uint8_t { kSrcIp, kDstIp, kSrcPort, kDstPort, kProtocol, kVlan };
inline constexpr size_t kKeyFieldCount = 6;
inline constexpr std::array<const char*, kKeyFieldCount> kKeyFieldNames = {"src_ip",   "dst_ip",   "src_port",
                                                                           "dst_port", "protocol", "vlan"};

// A set of key fields.
class KeyFields {
 public:
  constexpr KeyFields() = default;
  static constexpr KeyFields five_tuple() {
    KeyFields fields;
    for (KeyField f :
         {KeyField::kSrcIp, KeyField::kDstIp, KeyField::kSrcPort, KeyField::kDstPort, KeyField::kProtocol}) {
      fields.add(f);
    }
    return fields;
  }
  constexpr void add(KeyField field) { bits_ |= bit(field); }
  constexpr bool has(KeyField field) const { return (bits_ & bit(field)) != 0; }
  constexpr bool empty() const { return bits_ == 0; }
  constexpr bool subset_of(KeyFields other) const { return (bits_ & ~other.bits_) == 0; }
  friend constexpr KeyFields operator|(KeyFields a, KeyFields b) {
    a.bits_ |= b.bits_;
    return a;
  }
  friend constexpr bool operator==(KeyFields, KeyFields) = default;

 private:
  static constexpr uint8_t bit(KeyField field) { return uint8_t(1u << static_cast<unsigned>(field)); }
  uint8_t bits_ = 0;
};

// The bit mask of a set of fields: all ones in the selected bytes.
class KeyMask {
 public:
  explicit KeyMask(KeyFields fields);
  FlowKey apply(const FlowKey& key) const {
    FlowKey::Words w = key.words();
    for (size_t i = 0; i < w.size(); ++i) w[i] &= words_[i];
    return FlowKey::from_words(w);
  }
  const FlowKey::Words& words() const { return words_; }

 private:
  FlowKey::Words words_;
};

}  // namespace netspectra

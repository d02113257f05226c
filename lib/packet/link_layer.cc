#include "packet/link_layer.h"

#include <cstddef>

#include "packet/bytes.h"

namespace netspectra {
namespace {

enum Ethertype : uint16_t {
  kMaxLength = 1500,  // up to here the field is an 802.3 length, and LLC follows
  kIpv4 = 0x0800,
  kIpv6 = 0x86dd,
  kVlan = 0x8100,      // 802.1Q
  kProvider = 0x88a8,  // 802.1ad
  kQinq9100 = 0x9100,  // before 802.1ad, and still on switches
  kQinq9200 = 0x9200,
  kMpls = 0x8847,
  kMplsUpstream = 0x8848,
  kPppoeSession = 0x8864,
};

enum PppProtocol : uint16_t {
  kPppIpv4 = 0x0021,
  kPppIpv6 = 0x0057,
  kPppMpls = 0x0281,
  kPppMplsUpstream = 0x0283
};

constexpr size_t kEthernetSize = 14;
constexpr size_t kCookedSize = 16;
constexpr size_t kCooked2Size = 20;
constexpr size_t kVlanSize = 4;
constexpr size_t kMplsSize = 4;
constexpr size_t kPppoeSize = 6;
constexpr size_t kSnapSize = 8;

// The walk over one frame. Each member function takes the offset of the header that it reads.
class Walk {
 public:
  Walk(const Frame& frame, IpStart& start) : data_(frame.data), size_(frame.captured), start_(start) {}

  // The payload at `offset` is announced by `type`.
  DropReason ethertype(size_t offset, uint16_t type) {
    for (;;) {
      switch (type) {
        case kIpv4:
          return ip(4, offset);
        case kIpv6:
          return ip(6, offset);
        case kVlan:
        case kProvider:
        case kQinq9100:
        case kQinq9200:
          if (++headers_ > kMaxLinkHeaders) return DropReason::kTooManyHeaders;
          if (!has(offset, kVlanSize)) return DropReason::kLinkHeaderTruncated;
          if (!tagged_) start_.vlan = load_be16(data_ + offset) & 0x0fff;
          tagged_ = true;
          type = load_be16(data_ + offset + 2);
          offset += kVlanSize;
          break;
        case kMpls:
        case kMplsUpstream:
          return mpls(offset);
        case kPppoeSession:
          if (++headers_ > kMaxLinkHeaders) return DropReason::kTooManyHeaders;
          if (!has(offset, kPppoeSize)) return DropReason::kLinkHeaderTruncated;
          return ppp(offset + kPppoeSize);
        default:
          if (type > kMaxLength) {
            start_.ethertype = type;
            return DropReason::kEthertype;
          }
          if (!is_snap(offset)) return DropReason::kLlc;
          if (++headers_ > kMaxLinkHeaders) return DropReason::kTooManyHeaders;
          type = load_be16(data_ + offset + 6);
          if (type <= kMaxLength) return DropReason::kLlc;  // a length has no meaning here
          offset += kSnapSize;
      }
    }
  }

  DropReason ppp(size_t offset) {
    if (!has(offset, 2)) return DropReason::kLinkHeaderTruncated;
    uint16_t protocol = load_be16(data_ + offset);
    if (data_[offset] & 1) {  // compressed to one byte: the upper byte of a full number is even
      protocol = data_[offset];
      offset += 1;
    } else {
      offset += 2;
    }
    switch (protocol) {
      case kPppIpv4:
        return ip(4, offset);
      case kPppIpv6:
        return ip(6, offset);
      case kPppMpls:
      case kPppMplsUpstream:
        return mpls(offset);
    }
    return DropReason::kPppProtocol;
  }

  // The version is told by the first nibble, and by nothing else.
  DropReason nibble(size_t offset, DropReason otherwise) {
    if (!has(offset, 1)) return DropReason::kLinkHeaderTruncated;
    const uint8_t version = data_[offset] >> 4;
    return version == 4 || version == 6 ? ip(version, offset) : otherwise;
  }

  // LINKTYPE_PPP: bare, with HDLC's address and control, or Cisco HDLC (unicast or broadcast) in its place.
  DropReason ppp_link() {
    if (!has(0, 2)) return DropReason::kLinkHeaderTruncated;
    if ((data_[0] == 0x0f || data_[0] == 0x8f) && data_[1] == 0) {
      return has(0, 4) ? ethertype(4, load_be16(data_ + 2)) : DropReason::kLinkHeaderTruncated;
    }
    return ppp(data_[0] == 0xff && data_[1] == 0x03 ? 2 : 0);
  }

  // LINKTYPE_NULL is in the byte order of the machine that wrote it, and families are small numbers.
  DropReason loopback(bool either_byte_order) {
    if (!has(0, 4)) return DropReason::kLinkHeaderTruncated;
    uint32_t family = load_be32(data_);
    if (either_byte_order && family > 0xffff) family = __builtin_bswap32(family);
    switch (family) {
      case 2:  // AF_INET, everywhere
        return ip(4, 4);
      case 10:  // AF_INET6: Linux
      case 23:  // Windows
      case 24:  // NetBSD, OpenBSD
      case 28:  // FreeBSD
      case 30:  // Darwin
        return ip(6, 4);
    }
    return DropReason::kAddressFamily;
  }

  // A fixed header of `size` bytes with an ethertype at `type_offset`.
  DropReason fixed(size_t size, size_t type_offset) {
    if (!has(0, size)) return DropReason::kLinkHeaderTruncated;
    return ethertype(size, load_be16(data_ + type_offset));
  }

  DropReason ip(uint8_t version, size_t offset) {
    start_.ip_version = version;
    start_.offset = uint32_t(offset);
    return DropReason::kNone;
  }

 private:
  bool has(size_t offset, size_t bytes) const { return size_ - offset >= bytes; }  // offset <= size_

  DropReason mpls(size_t offset) {
    for (;;) {
      if (++headers_ > kMaxLinkHeaders) return DropReason::kTooManyHeaders;
      if (!has(offset, kMplsSize)) return DropReason::kLinkHeaderTruncated;
      const bool bottom = data_[offset + 2] & 1;
      offset += kMplsSize;
      if (bottom) return nibble(offset, DropReason::kMplsPayload);
    }
  }

  bool is_snap(size_t offset) const {
    if (!has(offset, kSnapSize)) return false;
    const uint8_t* llc = data_ + offset;
    if (llc[0] != 0xaa || llc[1] != 0xaa || llc[2] != 0x03) return false;
    return llc[3] == 0 && llc[4] == 0 && (llc[5] == 0 || llc[5] == 0xf8);  // RFC 1042; 802.1H bridges
  }

  const uint8_t* data_;
  size_t size_;
  IpStart& start_;
  int headers_ = 0;
  bool tagged_ = false;
};

}  // namespace

DropReason find_ip(const Frame& frame, IpStart& start) {
  start = {};
  Walk walk(frame, start);
  switch (frame.link) {
    case LinkType::kEthernet:
      return walk.fixed(kEthernetSize, 12);
    case LinkType::kLinuxCooked:
      return walk.fixed(kCookedSize, 14);
    case LinkType::kLinuxCooked2:
      return walk.fixed(kCooked2Size, 0);
    case LinkType::kRaw:
    case LinkType::kRawBsd:
    case LinkType::kRawOpenBsd:
      return walk.nibble(0, DropReason::kRawPayload);
    case LinkType::kIpv4:
      return walk.ip(4, 0);
    case LinkType::kIpv6:
      return walk.ip(6, 0);
    case LinkType::kNull:
      return walk.loopback(true);
    case LinkType::kLoop:
      return walk.loopback(false);
    case LinkType::kPpp:
      return walk.ppp_link();
  }
  return DropReason::kUnsupportedLinkType;
}

}  // namespace netspectra

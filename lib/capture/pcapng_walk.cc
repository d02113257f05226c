#include "capture/pcapng_walk.h"

#include "base/time_ns.h"
#include "packet/bytes.h"

namespace netspectra {
namespace {

constexpr uint32_t kInterfaceDescription = 1;
constexpr uint32_t kObsoletePacket = 2;
constexpr uint32_t kSimplePacket = 3;
constexpr uint32_t kEnhancedPacket = 6;
constexpr size_t kBlockHeaderBytes = 8;     // type, total length
constexpr size_t kBlockOverheadBytes = 12;  // and the total length again behind the body

constexpr uint16_t kOptionEnd = 0;
constexpr uint16_t kOptionTimestampResolution = 9;
constexpr uint16_t kOptionTimestampOffset = 14;

constexpr size_t kPacketHeaderBytes = 20;

__extension__ using uint128 = unsigned __int128;

uint64_t power_of_ten(unsigned exponent) {
  uint64_t power = 1;
  while (exponent-- > 0) power *= 10;
  return power;
}

// if_tsresol: the unit is 10^-n s, or 2^-n s where the top bit is set.
void set_resolution(PcapngWalk::Interface& interface, uint8_t resolution) {
  const unsigned n = resolution & 0x7f;
  interface.divisor = interface.multiplier = 1;
  interface.shift = 0;
  if ((resolution & 0x80) != 0) {
    interface.multiplier = 1000000000;
    interface.shift = n;
  } else if (n <= 9) {
    interface.multiplier = power_of_ten(9 - n);
  } else if (n - 9 <= 19) {  // 10^19 is the largest that 64 bits hold
    interface.divisor = power_of_ten(n - 9);
  } else {
    interface.multiplier = 0;  // 2^64 of such units are less than a nanosecond
  }
}

uint64_t timestamp_ns(const PcapngWalk::Interface& interface, uint64_t value) {
  if (value < interface.plain_limit) [[likely]]
    return value * interface.multiplier;
  if (interface.divisor != 1) value /= interface.divisor;
  const uint128 since_offset = (uint128{value} * interface.multiplier) >> interface.shift;
  // Below 2^94 each, so their sum cannot overflow.
  const int128 ns = static_cast<int128>(since_offset) + int128{interface.offset_s} * 1000000000;
  return fold_time_ns(ns);
}

}  // namespace

PcapngWalk::PcapngWalk(const uint8_t* begin, size_t size)
    : begin_(begin), cursor_(begin), end_(begin + size) {
  interfaces_.reserve(16);
}

// The cursor stays, so that whoever comes back fails again.
PcapngWalk::Block PcapngWalk::fail(const char* cause) {
  fault_ = {cause, static_cast<size_t>(cursor_ - begin_)};
  return Block::kEnd;
}

PcapngWalk::Block PcapngWalk::step() {
  const uint8_t* block = cursor_;
  const size_t left = static_cast<size_t>(end_ - block);
  if (left == 0) return Block::kEnd;
  if (left < kBlockOverheadBytes) return fail("the file ends inside a block header");
  if (load<uint32_t>(block) == kPcapngSectionHeader) {
    if (left < kPcapngSectionHeaderBytes) return fail("the file ends inside a section header");
    if (const char* cause = read_section(block)) return fail(cause);
  }
  const uint32_t type = load<uint32_t>(block, swapped_);
  const uint32_t length = load<uint32_t>(block + 4, swapped_);
  if (length < kBlockOverheadBytes || length % 4 != 0) return fail("bad block length");
  if (length > left) return fail("the file ends inside a block");

  const uint8_t* body = block + kBlockHeaderBytes;
  const uint8_t* body_end = block + length - 4;
  const char* cause = nullptr;
  Block kind = Block::kOther;
  switch (type) {
    case kPcapngSectionHeader:
      if (length < kPcapngSectionHeaderBytes) cause = "bad block length of a section header";
      break;
    case kInterfaceDescription:
      cause = read_interface(body, body_end);
      break;
    case kEnhancedPacket:
    case kObsoletePacket:
      cause = read_packet(type, body, body_end);
      kind = Block::kPacket;
      break;
    case kSimplePacket:
      cause = read_simple_packet(body, body_end);
      kind = Block::kPacket;
      break;
  }
  if (cause != nullptr) return fail(cause);
  pending_ = kind == Block::kPacket;
  cursor_ = block + length;
  return kind;
}

const char* PcapngWalk::read_section(const uint8_t* block) {
  switch (load<uint32_t>(block + 8)) {
    case 0x1a2b3c4d:
      swapped_ = false;
      break;
    case 0x4d3c2b1a:
      swapped_ = true;
      break;
    default:
      return "bad byte-order magic in a pcapng section header";
  }
  const auto major = load<uint16_t>(block + 12, swapped_);
  const auto minor = load<uint16_t>(block + 14, swapped_);
  // 1.2 is written by some, and differs in nothing.
  if (major != 1 || (minor != 0 && minor != 2)) return "unsupported pcapng version";
  interfaces_.clear();
  return nullptr;
}

const char* PcapngWalk::read_interface(const uint8_t* body, const uint8_t* body_end) {
  // To pass over it would give its number, and so its packets, to the next interface.
  if (body_end - body < 8) return "bad interface description block";
  Interface interface {};
  interface.link = LinkType{load<uint16_t>(body, swapped_)};
  interface.snaplen = load<uint32_t>(body + 4, swapped_);
  for (const uint8_t* option = body + 8; body_end - option >= 4;) {
    const auto code = load<uint16_t>(option, swapped_);
    const auto length = load<uint16_t>(option + 2, swapped_);
    const uint8_t* value = option + 4;
    const ptrdiff_t value_room = body_end - value;
    if (code == kOptionEnd || length > value_room) break;
    if (code == kOptionTimestampResolution && length >= 1) set_resolution(interface, *value);
    if (code == kOptionTimestampOffset && length >= 8) interface.offset_s = load<int64_t>(value, swapped_);
    const ptrdiff_t padded = (ptrdiff_t{length} + 3) / 4 * 4;
    if (padded > value_room) break;
    option = value + padded;
  }
  if (interface.divisor == 1 && interface.shift == 0 && interface.offset_s == 0 &&
      interface.multiplier != 0) {
    interface.plain_limit = std::numeric_limits<int64_t>::max() / interface.multiplier;
  }
  interfaces_.push_back(interface);
  return nullptr;
}

const char* PcapngWalk::read_packet(uint32_t type, const uint8_t* body, const uint8_t* body_end) {
  if (body_end - body < static_cast<ptrdiff_t>(kPacketHeaderBytes)) return "bad packet block";
  const uint32_t number =
      type == kEnhancedPacket ? load<uint32_t>(body, swapped_) : load<uint16_t>(body, swapped_);
  const uint64_t high = load<uint32_t>(body + 4, swapped_);
  const uint64_t low = load<uint32_t>(body + 8, swapped_);
  const auto captured = load<uint32_t>(body + 12, swapped_);
  const auto wire_len = load<uint32_t>(body + 16, swapped_);
  const uint8_t* data = body + kPacketHeaderBytes;
  if (number >= interfaces_.size()) return "bad packet block: no such interface";
  if (captured > body_end - data) return "bad packet block: captured length beyond its end";
  if (captured > kMaxCapturedBytes) return kRecordTooLarge;
  const Interface& interface = interfaces_[number];
  record_ = {data, timestamp_ns(interface, high << 32 | low), captured, wire_len, interface.link};
  return nullptr;
}

const char* PcapngWalk::read_simple_packet(const uint8_t* body, const uint8_t* body_end) {
  if (body_end - body < 4) return "bad packet block";
  if (interfaces_.empty()) return "simple packet block before an interface";
  const Interface& interface = interfaces_.front();
  const auto wire_len = load<uint32_t>(body, swapped_);
  const uint8_t* data = body + 4;
  // It has no captured length: that follows from the snaplen, and padding is no part of the packet.
  uint32_t captured = std::min(wire_len, static_cast<uint32_t>(body_end - data));
  if (interface.snaplen != 0) captured = std::min(captured, interface.snaplen);
  if (captured > kMaxCapturedBytes) return kRecordTooLarge;
  record_ = {data, 0, captured, wire_len, interface.link};
  return nullptr;
}

}  // namespace netspectra

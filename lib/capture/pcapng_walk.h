// The walk over the blocks of a pcapng file.
//
// Shapes: sections of either byte order, one behind the other; each declares its interfaces (link type,
//   snaplen, unit and offset of its timestamps) before the packets that name them. Blocks of other types, and
//   sections' stated lengths, are passed over.
// Ownership: borrows the file's bytes; records point into them. Threads: belongs to one thread.
// Errors: the walk ends at the first block that is cut short or contradicts itself; fault() says where and
//   why.
// Cost: 5 to 10 ns a packet. Source: draft-ietf-opsawg-pcapng.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "capture/capture_file.h"

namespace netspectra {

inline constexpr uint32_t kPcapngSectionHeader = 0x0a0d0d0a;  // the same in either byte order
inline constexpr size_t kPcapngSectionHeaderBytes = 28;       // without options

// Why and where a walk ended before the end of the file. A literal, so that the walk allocates nothing.
struct WalkFault {
  const char* cause = nullptr;
  size_t at = 0;
};

inline constexpr const char* kRecordTooLarge = "corrupt record: captured length above 262144";
static_assert(kMaxCapturedBytes == 262144);

class PcapngWalk {
 public:
  struct Interface {
    LinkType link;
    uint32_t snaplen;  // 0 = unlimited
    // A timestamp in ns is value / divisor * multiplier >> shift, plus offset_s seconds: either the divisor
    // or the shift is trivial, so no ns is lost. Below plain_limit it is value * multiplier.
    uint64_t plain_limit = 0;
    uint64_t divisor = 1;
    uint64_t multiplier = 1000;
    unsigned shift = 0;
    int64_t offset_s = 0;
  };
  enum class Block : uint8_t { kPacket, kOther, kEnd };

  PcapngWalk(const uint8_t* begin, size_t size);

  // Reads one block. After kEnd always kEnd. A kPacket is in peek() until take().
  Block step();

  // The next packet, walking to it where need be; null at the end. take() goes past it.
  const CaptureRecord* peek() {
    while (!pending_) {
      if (step() == Block::kEnd) return nullptr;
    }
    return &record_;
  }
  void take() { pending_ = false; }

  const uint8_t* cursor() const { return cursor_; }                         // behind the last block read
  const std::vector<Interface>& interfaces() const { return interfaces_; }  // of the current section, so far
  const WalkFault& fault() const { return fault_; }

 private:
  Block fail(const char* cause);
  const char* read_section(const uint8_t* block);
  const char* read_interface(const uint8_t* body, const uint8_t* body_end);
  const char* read_packet(uint32_t type, const uint8_t* body, const uint8_t* body_end);
  const char* read_simple_packet(const uint8_t* body, const uint8_t* body_end);

  const uint8_t* begin_;
  const uint8_t* cursor_;
  const uint8_t* end_;
  bool swapped_ = false;
  bool pending_ = false;
  CaptureRecord record_{};
  std::vector<Interface> interfaces_;
  WalkFault fault_;
};

}  // namespace netspectra

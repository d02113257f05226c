// First bytes of now and then a packet, from a poller to the control core.
//
// Threads: one writer, one reader. A full ring takes nothing: samples are dropped, never packets.
// Cost: a copy of 128 bytes per sample; 18 KiB.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>

#include "base/cache_line.h"
#include "packet/frame.h"

namespace netspectra {

struct PacketSample {
  static constexpr uint32_t kBytes = 128;
  uint32_t captured;
  uint32_t wire_len;
  std::array<uint8_t, kBytes> bytes;

  Frame frame() const { return {bytes.data(), 0, 0, captured, wire_len, LinkType::kEthernet}; }
};

class SampleRing {
 public:
  void put(const Frame& frame) {
    const uint32_t at = written_.load(std::memory_order_relaxed);
    if (at - read_.load(std::memory_order_acquire) == kSlots) return;
    PacketSample& slot = slots_[at % kSlots];
    slot.captured = frame.captured < PacketSample::kBytes ? frame.captured : PacketSample::kBytes;
    slot.wire_len = frame.wire_len;
    std::memcpy(slot.bytes.data(), frame.data, slot.captured);
    written_.store(at + 1, std::memory_order_release);
  }

  template <class Use>
  void take_all(Use&& use) {
    const uint32_t end = written_.load(std::memory_order_acquire);
    for (uint32_t at = read_.load(std::memory_order_relaxed); at != end; ++at) {
      use(slots_[at % kSlots]);
      read_.store(at + 1, std::memory_order_release);
    }
  }

 private:
  static constexpr uint32_t kSlots = 128;
  std::array<PacketSample, kSlots> slots_;
  alignas(kCacheLine) std::atomic<uint32_t> written_{0};
  alignas(kCacheLine) std::atomic<uint32_t> read_{0};
};

}  // namespace netspectra

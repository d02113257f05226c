// Bursts of undecoded frames, hot in cache, in any mix of shapes.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "packet/frame.h"
#include "workload.h"

namespace netspectra::bench {

class FrameSource {
 public:
  // Shapes by turns.
  FrameSource(const FlowStream& stream, const std::vector<FrameShape>& shapes) : cursor_(stream) {
    for (size_t i = 0; i < kBurst; ++i) {
      const FrameShape& shape = shapes[i % shapes.size()];
      uint8_t* const bytes = bytes_[i].data();
      const uint32_t length = write_frame(shape, bytes);
      frames_[i] = {bytes, kStartNs, kStartNs, length, length, LinkType::kEthernet};
      uint8_t* const ip = bytes + kEthernetBytes + (shape.vlan ? 4 : 0);
      // Of an IPv6 address the last four bytes.
      places_[i] = shape.ipv6 ? Places{ip + 20, ip + 36, ip + 40} : Places{ip + 12, ip + 16, ip + 20};
    }
  }
  FrameSource(const FrameSource&) = delete;

  std::span<const Frame> next() {
    const uint64_t* const flows = cursor_.next_burst();
    clock_ns_ += kBurst * kPacketGapNs;
    for (size_t i = 0; i < kBurst; ++i) {
      patch(flows[i], places_[i].src_ip, places_[i].dst_ip, places_[i].ports);
      frames_[i].ts_ns = frames_[i].clock_ns = clock_ns_;
    }
    return frames_;
  }

 private:
  struct Places {
    uint8_t *src_ip, *dst_ip, *ports;
  };
  StreamCursor cursor_;
  std::array<Frame, kBurst> frames_;
  std::array<Places, kBurst> places_;
  alignas(64) std::array<std::array<uint8_t, 128>, kBurst> bytes_;
  uint64_t clock_ns_ = kStartNs;
};

}  // namespace netspectra::bench

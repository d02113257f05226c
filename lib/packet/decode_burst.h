// The frames of a burst -> Packets, and what a ledger wants to know of them.
//
// Purpose: all that the poll loop does with every single frame, in a loop that does nothing else.
// Shapes: at most kMaxFrames frames. The packets of those that decode() accepts stand side by side, in their order; the
//   others are named.
// Algorithm: decode() frame by frame. Where the CPU has AVX-512 (found out while the program is loaded), TCP and UDP
//   over IPv4 are put together in a register: two shuffles move the header bytes to where a Packet has them, one store
//   writes it. Tests and a fuzzer hold that to what decode() gives.
// Threads: pure functions. Errors: the refusals.
// Cost: 1.8 ns a frame with AVX-512, 2.7 without (AMD EPYC, frames in cache; TCP over IPv4); IPv6 and VLAN tags 4 to 5.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "packet/decode.h"
#include "packet/frame.h"
#include "packet/packet.h"

namespace netspectra {

inline constexpr size_t kMaxFrames = 64;

// What is to be said of a burst beside its packets.
struct BurstFacts {
  struct Refused {
    uint32_t frame;  // its index
    Verdict verdict;
  };
  size_t packets = 0;
  uint64_t wire_bytes = 0;                                  // of all frames
  uint64_t first_ns = UINT64_MAX, last_ns = 0;              // their smallest and largest times
  uint64_t first_clock_ns = UINT64_MAX, last_clock_ns = 0;  // ... and clocks
  size_t refused_count = 0;
  std::array<Refused, kMaxFrames> refused;  // in their order
};

// REQUIRES: room for as many packets as there are frames; fresh facts.
void decode_burst(std::span<const Frame> frames, Packet* packets, BurstFacts& facts);
// The same on any CPU.
void decode_burst_by_one(std::span<const Frame> frames, Packet* packets, BurstFacts& facts);

}  // namespace netspectra

#include "packet/decode_burst.h"

#include <immintrin.h>

#include <algorithm>
#include <cstddef>

namespace netspectra {
namespace {

const bool kHaveAvx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                         __builtin_cpu_supports("avx512vl");

// False where the frame is refused.
inline bool noted(size_t i, Verdict verdict, BurstFacts& facts) {
  if (verdict.reason == DropReason::kNone) [[likely]]
    return true;
  facts.refused[facts.refused_count++] = {static_cast<uint32_t>(i), verdict};
  return false;
}

// By IP protocol, for TCP and UDP: the greatest total length of an IPv4 packet without all that is read of it, and which bytes
// of its Packet are written. Of the others every packet is too short.
constexpr uint64_t bytes(size_t at, size_t count) { return ((uint64_t{1} << count) - 1) << at; }
constexpr uint64_t kUdpBytes = bytes(offsetof(FlowKey, src_ip) + 12, 4) |
                               bytes(offsetof(FlowKey, dst_ip) + 12, 4) |
                               bytes(offsetof(FlowKey, be_src_port), 5) | bytes(offsetof(Packet, tos), 1) |
                               bytes(offsetof(Packet, ts_ns), 8) | bytes(offsetof(Packet, len_bytes), 4);
constexpr uint64_t kTcpBytes = kUdpBytes | bytes(offsetof(Packet, tcp_flags), 1);
constexpr uint32_t kEthernetSize = 14, kVlanSize = 4, kIpv4Size = 20, kPortsSize = 4;
constexpr uint32_t kTcpFlagsEnd = kTcpFlagsOffset + 1;
template <typename T>
constexpr std::array<T, 256> by_protocol(T tcp, T udp, T other) {
  std::array<T, 256> table;
  table.fill(other);
  table[ip_protocol::kTcp] = tcp;
  table[ip_protocol::kUdp] = udp;
  return table;
}
constexpr auto kTooShort =
    by_protocol<uint16_t>(kIpv4Size + kTcpFlagsEnd - 1, kIpv4Size + kPortsSize - 1, 0xffff);
constexpr auto kWritten = by_protocol<uint64_t>(kTcpBytes, kUdpBytes, 0);

// TCP and UDP over IPv4 without options or fragments.
//
// In a register: bytes 0 to 31 of a frame, and 16 to 47, of which the last has TCP's flags. The frame's byte 2 i is in word i
// of the first half and in word 8 + i of the second. From word 32 on: the Frame itself, which knows time and length.
struct Ipv4Vectors {
  alignas(64) std::array<uint8_t, 64> wanted{};  // in those bits that are compared
  alignas(64) std::array<uint8_t, 64> compared{};
  alignas(64) std::array<uint16_t, 32> words{};  // a word of a Packet, or one near it, from which word
  alignas(64) std::array<uint8_t, 64> places{};  // a byte of a Packet, from which byte of its 16
  alignas(64) std::array<uint8_t, 64> constants{};

  constexpr Ipv4Vectors() {
    const auto want = [this](size_t byte, uint8_t value, uint8_t bits) {
      wanted[byte] = value;
      compared[byte] = bits;
    };
    want(12, 0x08, 0xff), want(13, 0x00, 0xff), want(14, 0x45, 0xff);
    want(20, 0, 0x3f), want(21, 0, 0xff);  // no fragment; DF may be set
    words[6] = 13, words[7] = 14;          // source
    words[14] = 15, words[15] = 24;        // destination
    words[16] = 25, words[17] = 26;        // ports
    words[18] = 11;                        // TTL, protocol
    words[28] = 31, words[29] = 7;         // data offset, flags; version and IHL, TOS
    const auto from_frame = [this](size_t to, size_t from, size_t size) {
      for (size_t i = 0; i < size / 2; ++i) words[to / 2 + i] = static_cast<uint16_t>(32 + from / 2 + i);
    };
    from_frame(offsetof(Packet, ts_ns), offsetof(Frame, ts_ns), sizeof(Packet::ts_ns));
    from_frame(offsetof(Packet, len_bytes), offsetof(Frame, wire_len), sizeof(Packet::len_bytes));
    for (uint8_t i = 0; i < 64; ++i) places[i] = i % 16;
    places[offsetof(Packet, key.protocol)] = 37 % 16;
    places[offsetof(Packet, tcp_flags)] = 57 % 16;
    places[offsetof(Packet, tos)] = 59 % 16;
    for (size_t i : {10, 11, 26, 27}) constants[i] = 0xff;
    constants[offsetof(Packet, key.ip_version)] = 4;
  }
};
constexpr Ipv4Vectors kIpv4;

// GCC 12 takes the undefined operands inside its AVX-512 intrinsics for mistakes (its bug 105593).
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

struct Registers {
  __m512i wanted, compared, words, places, constants;
};

[[gnu::target("avx512f,avx512bw,avx512vl")]] inline __m512i halves_at(const uint8_t* at) {
  const auto half = [at](size_t from) { return reinterpret_cast<const __m256i*>(at + from); };
  return _mm512_inserti64x4(_mm512_castsi256_si512(_mm256_loadu_si256(half(0))), _mm256_loadu_si256(half(16)),
                            1);
}

[[gnu::target("avx512f,avx512bw,avx512vl")]] inline bool as_wanted(__m512i halves, const Registers& ipv4) {
  constexpr int kDifferenceInCompared = 0x28;  // (a ^ b) & c
  const __m512i difference =
      _mm512_ternarylogic_epi32(halves, ipv4.wanted, ipv4.compared, kDifferenceInCompared);
  return _mm512_test_epi8_mask(difference, difference) == 0;
}

// What decode_common() does. A VLAN tag is looked for where the frame without one is none of these.
[[gnu::target("avx512f,avx512bw,avx512vl")]] inline bool put_together(const Frame& frame, __m256i of_frame,
                                                                      const Registers& ipv4, Packet& packet) {
  if (frame.link != LinkType::kEthernet ||
      frame.captured < kEthernetSize + kVlanSize + kIpv4Size + kTcpFlagsEnd) [[unlikely]]
    return false;
  const uint8_t* at = frame.data;
  uint16_t vlan = 0;
  __m512i halves = halves_at(at);
  if (!as_wanted(halves, ipv4)) {
    if (load<uint16_t>(at + kEthernetSize - 2) == to_be16(0x8100)) {
      vlan = load_be16(at + kEthernetSize) & 0x0fff;
      at += kVlanSize;
      halves = halves_at(at);
    }
    if (!as_wanted(halves, ipv4)) return decode_common_ipv6(frame, at + kEthernetSize, vlan, packet);
  }
  const uint8_t* const ip = at + kEthernetSize;
  const size_t protocol = ip[9];
  if (load_be16(ip + 2) <= kTooShort[protocol]) return false;
  const __m512i placed = _mm512_permutex2var_epi16(halves, ipv4.words, _mm512_castsi256_si512(of_frame));
  _mm512_store_si512(
      &packet,
      _mm512_or_si512(_mm512_maskz_shuffle_epi8(kWritten[protocol], placed, ipv4.places), ipv4.constants));
  if (vlan != 0) [[unlikely]]
    packet.key.vlan = vlan;
  return true;
}

// Packets of refused frames are taken out.
void close_gaps(size_t frames, Packet* packets, BurstFacts& facts) {
  facts.packets = facts.refused[0].frame;
  for (size_t i = facts.packets, gap = 0; i < frames; ++i) {
    if (gap < facts.refused_count && facts.refused[gap].frame == i) {
      ++gap;
    } else {
      packets[facts.packets++] = packets[i];
    }
  }
}

[[gnu::target("avx512f,avx512bw,avx512vl")]] void by_vectors(std::span<const Frame> frames, Packet* packets,
                                                             BurstFacts& facts) {
  const Registers ipv4{_mm512_load_si512(kIpv4.wanted.data()), _mm512_load_si512(kIpv4.compared.data()),
                       _mm512_load_si512(kIpv4.words.data()), _mm512_load_si512(kIpv4.places.data()),
                       _mm512_load_si512(kIpv4.constants.data())};
  // Of the frames' first four words.
  static_assert(offsetof(Frame, ts_ns) == 8 && offsetof(Frame, clock_ns) == 16 &&
                offsetof(Frame, wire_len) == 28);
  __m256i smallest = _mm256_set1_epi64x(-1), largest = _mm256_setzero_si256(), sums = _mm256_setzero_si256();
  // No call in this loop: it would cost the constants their registers.
  std::array<uint32_t, kMaxFrames> others;
  size_t other_count = 0;
  for (size_t i = 0; i < frames.size(); ++i) {
    const __m256i of_frame = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(&frames[i]));
    smallest = _mm256_min_epu64(smallest, of_frame);
    largest = _mm256_max_epu64(largest, of_frame);
    sums = _mm256_add_epi64(sums, _mm256_srli_epi64(of_frame, 32));
    if (!put_together(frames[i], of_frame, ipv4, packets[i]))
      others[other_count++] = static_cast<uint32_t>(i);
  }
  facts.wire_bytes = static_cast<uint64_t>(_mm256_extract_epi64(sums, 3));
  facts.first_ns = static_cast<uint64_t>(_mm256_extract_epi64(smallest, 1));
  facts.last_ns = static_cast<uint64_t>(_mm256_extract_epi64(largest, 1));
  facts.first_clock_ns = static_cast<uint64_t>(_mm256_extract_epi64(smallest, 2));
  facts.last_clock_ns = static_cast<uint64_t>(_mm256_extract_epi64(largest, 2));

  for (size_t at = 0; at < other_count; ++at) {
    const size_t i = others[at];
    noted(i, decode_general(frames[i], packets[i]), facts);
  }
  facts.packets = frames.size();
  if (facts.refused_count != 0) [[unlikely]]
    close_gaps(frames.size(), packets, facts);
}
#pragma GCC diagnostic pop

}  // namespace

void decode_burst_by_one(std::span<const Frame> frames, Packet* packets, BurstFacts& facts) {
  size_t count = 0;
  for (size_t i = 0; i < frames.size(); ++i) {
    const Frame& frame = frames[i];
    facts.wire_bytes += frame.wire_len;
    facts.first_ns = std::min(facts.first_ns, frame.ts_ns);
    facts.last_ns = std::max(facts.last_ns, frame.ts_ns);
    facts.first_clock_ns = std::min(facts.first_clock_ns, frame.clock_ns);
    facts.last_clock_ns = std::max(facts.last_clock_ns, frame.clock_ns);
    count += noted(i, decode(frame, packets[count]), facts);
  }
  facts.packets = count;
}

void decode_burst(std::span<const Frame> frames, Packet* packets, BurstFacts& facts) {
  kHaveAvx512 ? by_vectors(frames, packets, facts) : decode_burst_by_one(frames, packets, facts);
}

}  // namespace netspectra

#include "packet/decode_burst.h"

#include <immintrin.h>

#include <algorithm>
#include <cstddef>

namespace netspectra {
namespace {

const bool kHaveAvx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                         __builtin_cpu_supports("avx512vl");

// False where the frame is refused.
inline bool decode_one(std::span<const Frame> frames, size_t i, Packet& packet, BurstFacts& facts) {
  const Verdict verdict = decode(frames[i], packet);
  if (verdict.reason == DropReason::kNone) [[likely]]
    return true;
  facts.refused[facts.refused_count++] = {static_cast<uint32_t>(i), verdict};
  return false;
}

// By IP protocol, for TCP and UDP: the least total length of an IPv4 packet with what is read of it, and which bytes of its
// Packet come from the headers. Of the others no packet is long enough.
constexpr uint64_t bytes(size_t at, size_t count) { return ((uint64_t{1} << count) - 1) << at; }
constexpr uint64_t kUdpBytes = bytes(offsetof(FlowKey, src_ip) + 12, 4) |
                               bytes(offsetof(FlowKey, dst_ip) + 12, 4) |
                               bytes(offsetof(FlowKey, be_src_port), 5) | bytes(offsetof(Packet, tos), 1);
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
constexpr auto kLeastLength =
    by_protocol<uint32_t>(kIpv4Size + kTcpFlagsEnd, kIpv4Size + kPortsSize, 0x10000);
constexpr auto kFromHeaders = by_protocol<uint64_t>(kTcpBytes, kUdpBytes, 0);

// GCC 12 takes the undefined operands inside its AVX-512 intrinsics for mistakes (its bug 105593).
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

// TCP and UDP over IPv4 without options or fragments.
//
// In a register: bytes 0 to 31 of a frame, and 16 to 47, of which the last has TCP's flags. The frame's byte 2 i is in word i
// of the first half and in word 8 + i of the second.
struct Ipv4Vectors {
  alignas(64) std::array<uint8_t, 64> wanted{};  // at `compared`
  alignas(64) std::array<uint16_t, 32> words{};  // a word of a Packet, or one near it, from which word
  alignas(64) std::array<uint8_t, 64> places{};  // a byte of a Packet, from which byte of its 16
  alignas(64) std::array<uint8_t, 64> constants{};
  uint64_t compared = 0;

  constexpr Ipv4Vectors() {
    const auto want = [this](size_t byte, uint8_t value) {
      wanted[byte] = value;
      compared |= uint64_t{1} << byte;
    };
    want(12, 0x08), want(13, 0x00), want(14, 0x45);
    want(21, 0);  // the fragment offset's lower byte; its upper one is tested by itself, for DF may be set
    words[6] = 13, words[7] = 14;    // source
    words[14] = 15, words[15] = 24;  // destination
    words[16] = 25, words[17] = 26;  // ports
    words[18] = 11;                  // TTL, protocol
    words[28] = 31, words[29] = 7;   // data offset, flags; version and IHL, TOS
    for (uint8_t i = 0; i < 64; ++i) places[i] = i % 16;
    places[offsetof(Packet, key.protocol)] = 37 % 16;
    places[offsetof(Packet, tcp_flags)] = 57 % 16;
    places[offsetof(Packet, tos)] = 59 % 16;
    for (size_t i : {10, 11, 26, 27}) constants[i] = 0xff;
    constants[offsetof(Packet, key.ip_version)] = 4;
  }
};
constexpr Ipv4Vectors kIpv4;

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

[[gnu::target("avx512f,avx512bw,avx512vl,movbe")]] void by_vectors(std::span<const Frame> frames,
                                                                   Packet* packets, BurstFacts& facts) {
  const __m512i wanted = _mm512_load_si512(kIpv4.wanted.data()),
                words = _mm512_load_si512(kIpv4.words.data()),
                places = _mm512_load_si512(kIpv4.places.data()),
                constants = _mm512_load_si512(kIpv4.constants.data());
  const uint32_t* const least_length = kLeastLength.data();
  const uint64_t* const from_headers = kFromHeaders.data();
  // Of the frames' first four words.
  static_assert(offsetof(Frame, ts_ns) == 8 && offsetof(Frame, clock_ns) == 16 &&
                offsetof(Frame, wire_len) == 28);
  __m256i smallest = _mm256_set1_epi64x(-1), largest = _mm256_setzero_si256(), sums = _mm256_setzero_si256();
  // No call in this loop: it would cost the constants their registers.
  std::array<uint32_t, kMaxFrames> others;
  size_t other_count = 0;
  for (size_t i = 0; i < frames.size(); ++i) {
    const Frame& frame = frames[i];
    const __m256i of_frame = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(&frame));
    smallest = _mm256_min_epu64(smallest, of_frame);
    largest = _mm256_max_epu64(largest, of_frame);
    sums = _mm256_add_epi64(sums, _mm256_srli_epi64(of_frame, 32));

    const uint8_t* at = frame.data;
    if (frame.link != LinkType::kEthernet ||
        frame.captured < kEthernetSize + kVlanSize + kIpv4Size + kTcpFlagsEnd) [[unlikely]] {
      others[other_count++] = static_cast<uint32_t>(i);
      continue;
    }
    uint16_t vlan = 0;
    if (load<uint16_t>(at + kEthernetSize - 2) == to_be16(0x8100)) {
      vlan = load_be16(at + kEthernetSize) & 0x0fff;
      at += kVlanSize;
    }
    const __m512i halves =
        _mm512_inserti64x4(_mm512_castsi256_si512(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(at))),
                           _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at + 16)), 1);
    const uint8_t* const ip = at + kEthernetSize;
    const size_t protocol = ip[9];
    if (_mm512_mask_cmpneq_epi8_mask(kIpv4.compared, halves, wanted) != 0 || (ip[6] & 0x3f) != 0 ||
        load_be16(ip + 2) < least_length[protocol]) {
      others[other_count++] = static_cast<uint32_t>(i);
      continue;
    }
    const __m512i placed = _mm512_permutexvar_epi16(words, halves);
    __m512i whole =
        _mm512_or_si512(_mm512_maskz_shuffle_epi8(from_headers[protocol], placed, places), constants);
    whole =
        _mm512_mask_set1_epi64(whole, 1 << offsetof(Packet, ts_ns) / 8, static_cast<int64_t>(frame.ts_ns));
    whole =
        _mm512_mask_set1_epi32(whole, 1 << offsetof(Packet, len_bytes) / 4, static_cast<int>(frame.wire_len));
    _mm512_store_si512(&packets[i], whole);
    if (vlan != 0) [[unlikely]]
      packets[i].key.vlan = vlan;
  }
  facts.wire_bytes = static_cast<uint64_t>(_mm256_extract_epi64(sums, 3));
  facts.first_ns = static_cast<uint64_t>(_mm256_extract_epi64(smallest, 1));
  facts.last_ns = static_cast<uint64_t>(_mm256_extract_epi64(largest, 1));
  facts.first_clock_ns = static_cast<uint64_t>(_mm256_extract_epi64(smallest, 2));
  facts.last_clock_ns = static_cast<uint64_t>(_mm256_extract_epi64(largest, 2));

  for (size_t at = 0; at < other_count; ++at) decode_one(frames, others[at], packets[others[at]], facts);
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
    count += decode_one(frames, i, packets[count], facts);
  }
  facts.packets = count;
}

void decode_burst(std::span<const Frame> frames, Packet* packets, BurstFacts& facts) {
  kHaveAvx512 ? by_vectors(frames, packets, facts) : decode_burst_by_one(frames, packets, facts);
}

}  // namespace netspectra

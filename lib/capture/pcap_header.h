// The 24-byte header of a pcap file, and what it says about the records behind it.
//
// Shapes: record headers are 16 bytes (seconds, fraction, captured length, wire length), or 24 in Kuznetzov's
//   variant, whose last 8 bytes hold nothing that is measured.
// Threads: pure function. Errors: none; the caller judges version and link type.
// Source: draft-ietf-opsawg-pcap; libpcap's sf-pcap.c for what was written before there was a draft.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "packet/bytes.h"

namespace netspectra {

inline constexpr size_t kPcapHeaderBytes = 24;
inline constexpr size_t kPcapRecordHeaderBytes = 16;
inline constexpr size_t kKuznetzovRecordHeaderBytes = 24;

struct PcapHeader {
  bool swapped = false;
  size_t record_header_bytes = kPcapRecordHeaderBytes;
  uint32_t ns_per_fraction = 1000;
  uint16_t version_major = 0;
  uint16_t version_minor = 0;
  uint32_t link = 0;

  // What this reader knows of: the two lengths of a record came the other way round before version 2.3, and
  // in some files that say 2.3.
  bool version_is_supported() const { return version_major == 2 && version_minor <= 4; }
  bool lengths_are_reversed(uint32_t captured, uint32_t wire_len) const {
    return version_minor < 3 || (version_minor == 3 && captured > wire_len);
  }
};

// Empty where the magic number is not pcap's. With fewer than kPcapHeaderBytes, only the fields that follow
// from the magic number are set. REQUIRES: size >= 4.
inline std::optional<PcapHeader> parse_pcap_header(const uint8_t* bytes, size_t size) {
  PcapHeader header;
  switch (load<uint32_t>(bytes)) {
    case 0xd4c3b2a1:
      header.swapped = true;
      [[fallthrough]];
    case 0xa1b2c3d4:
      break;
    case 0x4d3cb2a1:
      header.swapped = true;
      [[fallthrough]];
    case 0xa1b23c4d:
      header.ns_per_fraction = 1;
      break;
    case 0x34cdb2a1:
      header.swapped = true;
      [[fallthrough]];
    case 0xa1b2cd34:
      header.record_header_bytes = kKuznetzovRecordHeaderBytes;
      break;
    default:
      return std::nullopt;
  }
  if (size >= kPcapHeaderBytes) {
    header.version_major = load<uint16_t>(bytes + 4, header.swapped);
    header.version_minor = load<uint16_t>(bytes + 6, header.swapped);
    // The upper six bits tell the length of a frame check sequence.
    header.link = load<uint32_t>(bytes + 20, header.swapped) & 0x03ffffff;
  }
  return header;
}

}  // namespace netspectra

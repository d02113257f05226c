// Why a received frame is not in any flow record.
//
// Purpose: every frame is either counted as IP, or refused under exactly one of these names. The names are
//   part of the output (the summary's "malformed" object, the tables, the logs): append, never rename.
// Threads: constants only.
// Source: docs/measurement.md, "Counted as IP" and "Link layer".
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace netspectra {

enum class DropReason : uint8_t {
  kNone,  // counted as IP
  // Malformed: the frame announced IP, but its header cannot be read or contradicts itself.
  kIpv4HeaderTruncated,  // fewer bytes captured than the header's own length
  kIpv4BadVersion,       // announced as IPv4, version nibble is not 4
  kIpv4BadIhl,           // IHL below 5
  kIpv4BadTotalLength,   // total length neither 0 (TSO) nor at least the header's length
  kIpv6HeaderTruncated,  // fewer than 40 bytes captured
  kIpv6BadVersion,       // announced as IPv6, version nibble is not 6
  // Not IP: the link layer carries something else.
  kLinkHeaderTruncated,  // the frame ends inside its link-layer headers
  kEthertype,            // an ethertype that carries no IP; counted by ethertype in the ledger
  kLlc,                  // 802.2 LLC other than SNAP with OUI 0 or 0000f8 (STP, IS-IS, ...)
  kMplsPayload,          // below the bottom of the MPLS stack is neither nibble 4 nor 6
  kPppProtocol,          // a PPP protocol that carries no IP (LCP, IPCP, PAP, ...)
  kAddressFamily,        // BSD loopback with another address family
  kRawPayload,           // raw-IP link type, first nibble neither 4 nor 6
  kTooManyHeaders,       // more nested link-layer headers than any network has (kMaxLinkHeaders)
  kUnsupportedLinkType,  // an interface of a link type that is not measured
};

inline constexpr size_t kDropReasonCount = static_cast<size_t>(DropReason::kUnsupportedLinkType) + 1;

inline constexpr std::array<const char*, kDropReasonCount> kDropReasonNames = {
    "none",
    "ipv4_header_truncated",
    "ipv4_bad_version",
    "ipv4_bad_ihl",
    "ipv4_bad_total_length",
    "ipv6_header_truncated",
    "ipv6_bad_version",
    "link_header_truncated",
    "ethertype",
    "llc",
    "mpls_payload",
    "ppp_protocol",
    "address_family",
    "raw_payload",
    "too_many_headers",
    "unsupported_link_type",
};

constexpr const char* drop_reason_name(DropReason reason) {
  return kDropReasonNames[static_cast<size_t>(reason)];
}

constexpr bool is_malformed(DropReason reason) {
  return reason >= DropReason::kIpv4HeaderTruncated && reason <= DropReason::kIpv6BadVersion;
}

constexpr bool is_not_ip(DropReason reason) { return reason >= DropReason::kLinkHeaderTruncated; }

}  // namespace netspectra

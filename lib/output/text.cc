#include "output/text.h"

#include "base/time_ns.h"

namespace netspectra {
namespace {

char* put_ipv4(char* p, const uint8_t* octets) {
  for (int i = 0; i < 4; ++i) {
    if (i != 0) *p++ = '.';
    p = put_number(p, octets[i]);
  }
  return p;
}

struct Run {
  int begin = -1;
  int length = 0;
};

// The longest run of at least two zero groups; of equal ones the first (RFC 5952, 4.2).
Run longest_zero_run(const std::array<uint16_t, 8>& groups) {
  Run best, run;
  for (int i = 0; i < 8; ++i) {
    if (groups[i] != 0) {
      run = {};
      continue;
    }
    if (run.length == 0) run.begin = i;
    ++run.length;
    if (run.length >= 2 && run.length > best.length) best = run;
  }
  return best;
}

char* put_ipv6(char* p, const std::array<uint8_t, 16>& ip) {
  std::array<uint16_t, 8> groups;
  for (size_t i = 0; i < 8; ++i) groups[i] = uint16_t(ip[2 * i] << 8 | ip[2 * i + 1]);
  const Run zeros = longest_zero_run(groups);
  // IPv4-compatible (::/96) and IPv4-mapped (::ffff:0:0/96) addresses end in dotted quads, as in inet_ntop.
  const bool dotted = zeros.begin == 0 && (zeros.length == 6 || (zeros.length == 5 && groups[5] == 0xffff));
  for (int i = 0; i < 8; ++i) {
    if (i == zeros.begin) {
      p = put_text(p, "::");
      i += zeros.length - 1;
      continue;
    }
    if (i != 0 && p[-1] != ':') *p++ = ':';
    if (dotted && i == 6) return put_ipv4(p, ip.data() + 12);
    p = std::to_chars(p, p + 4, groups[i], 16).ptr;
  }
  return p;
}

}  // namespace

char* put_address(char* p, const std::array<uint8_t, 16>& ip, uint8_t ip_version) {
  return ip_version == 4 ? put_ipv4(p, ip.data() + 12) : put_ipv6(p, ip);
}

char* put_time(char* p, uint64_t time_ns) {
  if (!is_far_time(time_ns)) return put_number(p, time_ns);
  // Above 2^64: in two halves of decimal digits.
  constexpr uint64_t kHalf = 1000000000000;
  const int128 whole = unfold_time_ns(time_ns);
  p = put_number(p, static_cast<uint64_t>(whole / kHalf));
  auto rest = static_cast<uint64_t>(whole % kHalf);
  for (int digit = 11; digit >= 0; --digit, rest /= 10) p[digit] = static_cast<char>('0' + rest % 10);
  return p + 12;
}

}  // namespace netspectra

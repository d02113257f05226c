// Numbers and addresses -> characters, fast.
//
// Shapes: each put_*() writes at `p`, without a terminating zero, and returns the place behind the last
//   character. The caller provides the room: kMaxNumberText or kMaxAddressText.
// Addresses: as glibc's inet_ntop prints them (RFC 5952: lower case, the longest run of zero groups as "::").
// Threads: no state. Errors: none. Cost: a number about 5 ns, an address 10 to 30 ns.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace netspectra {

inline constexpr size_t kMaxNumberText = 20;   // 2^64 - 1
inline constexpr size_t kMaxTimeText = 23;     // 2^64 us in ns
inline constexpr size_t kMaxAddressText = 45;  // eight groups of four, or six of them and an IPv4 address

inline char* put_text(char* p, std::string_view text) { return std::copy(text.begin(), text.end(), p); }

inline char* put_number(char* p, uint64_t value) { return std::to_chars(p, p + kMaxNumberText, value).ptr; }

// Nanoseconds since the Unix epoch; a far time (base/time_ns.h) with all its digits.
char* put_time(char* p, uint64_t time_ns);

// `ip_version` 4: the last four bytes; else all sixteen.
char* put_address(char* p, const std::array<uint8_t, 16>& ip, uint8_t ip_version);

}  // namespace netspectra

// Quantities as people write and read them: durations, counts, byte sizes, rates, times.
//
// Shapes: parse_*() takes a whole decimal number directly followed by its unit ("10s", "250k", "64Ki"), and
//   nothing else: no sign, no spaces, no fraction but a share's. format_*() and human_*() give ASCII; human_*()
//   round to a fixed number of decimals, so that a right-aligned column has its decimal points in line.
// Errors: InvalidArgument, with a phrase that is made to follow the value: "needs a unit (...)".
// Threads: no state. Cost: for set-up and for tables that people read, not for the data path.
// Source: SI prefixes (BIPM), binary prefixes (IEC 80000-13), ISO 8601.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace netspectra {

// "10s", "500ms" -> nanoseconds. Units: ns, us, ms, s, m, h, d; a number without one is an error.
absl::StatusOr<uint64_t> parse_duration(const std::string& text);
// "4096", "250k", "1M", "64Ki". Units: none, k or K, M, G (decimal), Ki, Mi, Gi (binary).
absl::StatusOr<uint64_t> parse_count(const std::string& text);
// "0.1%" -> 1000 millionths of the whole; at most four decimals. 0 where it is no share above 0 and up to 100 %.
uint32_t parse_share_ppm(const std::string& text);

std::string format_count(uint64_t count);                   // 1234567 -> "1,234,567"
std::string human_count(uint64_t count);                    // "999", "1.23 M"
std::string human_bytes(uint64_t bytes);                    // "999 B", "1.2 GB"; decimal
std::string human_bits_per_second(double bits_per_second);  // "999 bit/s", "9.87 Gbit/s"
std::string format_duration_ns(uint64_t duration_ns);       // "250 ns", "12.3 s", "2 h 03 min", "5 d 07 h"
std::string format_time_ns(uint64_t time_ns);               // "2026-01-02 03:04:05.678901234Z", UTC
std::string exact_duration_ns(uint64_t duration_ns);        // "90s", "1500ms": parse_duration() reads it back

}  // namespace netspectra

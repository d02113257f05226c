// Times as 64-bit nanoseconds since the Unix epoch, and the few that do not fit.
//
// Purpose: pcapng counts 64 bits of the interface's own unit, most often microseconds; 2^64 us is 584,942
//   years. Such times exist: a writer that meant "505 s before the first" writes 2^64 us - 505 s. They are
//   kept to the nanosecond and in their order, and printed as the file has them.
// Shapes: below 2^63 (year 2262) the time itself; from 2^63 on, 2^64 us less what is missing to it, the last
//   292 years before 2^64 us. What lies between becomes 2^63 - 1; before 1970 becomes 0.
// Threads: pure functions.
// Source: draft-ietf-opsawg-pcapng, Enhanced Packet Block, "Timestamp".
#pragma once

#include <cstdint>

namespace netspectra {

__extension__ using int128 = __int128;

inline constexpr uint64_t kFarTime = uint64_t{1} << 63;              // the first that stands for a far one
inline constexpr int128 kPcapngTimesEnd = (int128{1} << 64) * 1000;  // 2^64 us, in ns

constexpr bool is_far_time(uint64_t time_ns) { return time_ns >= kFarTime; }

constexpr uint64_t fold_time_ns(int128 time_ns) {
  if (time_ns < 0) return 0;
  if (time_ns < int128{kFarTime}) return static_cast<uint64_t>(time_ns);
  const int128 missing = kPcapngTimesEnd - time_ns;
  if (missing > 0 && missing <= int128{kFarTime}) return 0 - static_cast<uint64_t>(missing);
  return kFarTime - 1;
}

constexpr int128 unfold_time_ns(uint64_t time_ns) {
  return is_far_time(time_ns) ? kPcapngTimesEnd - int128{0 - time_ns} : int128{time_ns};
}

}  // namespace netspectra

// A running counter as wall-clock time: TSC or NIC ticks to nanoseconds since the Unix epoch.
//
// Purpose: ClockModel is told now and then what both clocks show, and gives the line that stands for the time until it
//   is told again. Small errors are steered away by the line's slope within about a second, so its time has no steps;
//   when the wall clock was set forward the line jumps with it, when it was set back the line goes on, slower by at
//   most kSteer, until the wall clock has caught up: time never goes back.
//   PublishedLine carries the line from the control core to pollers, without a lock.
// Threads: ClockModel: one. PublishedLine: one writer, any readers.
// Cost: at() 1 ns; refresh() one load while nothing changed.
// Source: the scheme of NTP's clock discipline (RFC 5905) without its filters; seqlock after Boehm, "Can seqlocks get
//   along with programming language memory models?" (2012).
#pragma once

#include <atomic>
#include <cstdint>

#include "base/cache_line.h"
#include "base/time_ns.h"

namespace netspectra {

struct ClockLine {
  uint64_t ticks = 0;
  uint64_t wall_ns = 0;
  uint64_t ns_per_tick_q32 = 0;  // 2^32 = 1 ns per tick

  // Also for ticks shortly before the line's own.
  uint64_t at(uint64_t when) const {
    const auto distance = static_cast<int64_t>(when - ticks);
    return wall_ns + static_cast<uint64_t>(static_cast<int64_t>(int128{distance} * ns_per_tick_q32 >> 32));
  }
};

class ClockModel {
 public:
  static constexpr double kSteer = 1.0 / 16;         // largest steering of the rate
  static constexpr uint64_t kStepNs = 100'000'000;   // a difference above it is a step of the wall clock
  static constexpr uint64_t kLeastNs = 100'000'000;  // between two observations that are made use of

  // hz: the counter's rate as far as it is known; 0 = found from the first two observations.
  ClockModel(uint64_t hz, uint64_t ticks, uint64_t wall_ns);
  // Returns how far the wall clock is ahead (behind: negative) where that is a step, else 0.
  int64_t observe(uint64_t ticks, uint64_t wall_ns);
  bool known() const { return rate_ > 0; }
  const ClockLine& line() const { return line_; }

 private:
  double rate_;               // ns per tick, unsteered
  uint64_t ticks_, wall_ns_;  // last observation
  bool measured_ = false;     // rate_ comes from observations
  ClockLine line_;
};

class PublishedLine {
 public:
  void publish(const ClockLine& line);
  // Copies the line into `line` if it is newer than `version`.
  void refresh(ClockLine& line, uint32_t& version) const {
    const uint32_t now = version_.load(std::memory_order_acquire);
    if (now != version) [[unlikely]]
      read(line, version);
  }

 private:
  void read(ClockLine& line, uint32_t& version) const;

  alignas(kCacheLine) std::atomic<uint32_t> version_{0};  // odd while it is written
  std::atomic<uint64_t> ticks_{0}, wall_ns_{0}, ns_per_tick_q32_{0};
};

}  // namespace netspectra

#include "ethdev/clock_model.h"

#include <algorithm>
#include <cstdlib>

namespace netspectra {
namespace {

constexpr double kQ32 = 4294967296.0;
constexpr double kHorizonNs = 1e9;   // within which an error is steered away
constexpr double kMostDrift = 1e-3;  // of crystals: far less
constexpr double kSmoothing = 0.25;  // weight of the newest rate

}  // namespace

ClockModel::ClockModel(uint64_t hz, uint64_t ticks, uint64_t wall_ns)
    : rate_(hz == 0 ? 0 : 1e9 / static_cast<double>(hz)), ticks_(ticks), wall_ns_(wall_ns) {
  line_ = {ticks, wall_ns, static_cast<uint64_t>(rate_ * kQ32)};
}

int64_t ClockModel::observe(uint64_t ticks, uint64_t wall_ns) {
  const auto elapsed_ticks = static_cast<double>(static_cast<int64_t>(ticks - ticks_));
  const auto elapsed_ns = static_cast<double>(static_cast<int64_t>(wall_ns - wall_ns_));
  if (elapsed_ticks <= 0) {  // the counter began anew
    *this = ClockModel(rate_ > 0 ? static_cast<uint64_t>(1e9 / rate_) : 0, ticks,
                       std::max(wall_ns, line_.wall_ns));
    return 0;
  }
  if (!known()) {
    if (elapsed_ns < double{kLeastNs}) return 0;
    rate_ = elapsed_ns / elapsed_ticks;
    line_ = {ticks, wall_ns, static_cast<uint64_t>(rate_ * kQ32)};
    ticks_ = ticks;
    wall_ns_ = wall_ns;
    measured_ = true;
    return 0;
  }
  const double expected_ns = elapsed_ticks * rate_;
  if (expected_ns < double{kLeastNs}) return 0;

  // A step of the wall clock, however small, says nothing about the rate.
  const double drift_ns = elapsed_ns - expected_ns;
  const bool stepped = std::abs(drift_ns) > double{kStepNs};
  if (std::abs(drift_ns) < kMostDrift * expected_ns) {
    const double newest = elapsed_ns / elapsed_ticks;
    rate_ = measured_ ? rate_ + (newest - rate_) * kSmoothing : newest;
    measured_ = true;
  }
  ticks_ = ticks;
  wall_ns_ = wall_ns;

  const uint64_t shown_ns = line_.at(ticks);
  const auto ahead_ns = static_cast<int64_t>(wall_ns - shown_ns);  // of what is shown
  line_ = {ticks, shown_ns, 0};
  double steer = 0;
  if (ahead_ns > static_cast<int64_t>(kStepNs)) {
    line_.wall_ns = wall_ns;
  } else {
    // Not faster than the observations come, or it would swing.
    steer =
        std::clamp(static_cast<double>(ahead_ns) / std::max(kHorizonNs, 2 * expected_ns), -kSteer, kSteer);
  }
  line_.ns_per_tick_q32 = static_cast<uint64_t>(rate_ * (1 + steer) * kQ32);
  return stepped ? static_cast<int64_t>(drift_ns) : 0;
}

void PublishedLine::publish(const ClockLine& line) {
  const uint32_t version = version_.load(std::memory_order_relaxed);
  version_.store(version + 1, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_release);
  ticks_.store(line.ticks, std::memory_order_relaxed);
  wall_ns_.store(line.wall_ns, std::memory_order_relaxed);
  ns_per_tick_q32_.store(line.ns_per_tick_q32, std::memory_order_relaxed);
  version_.store(version + 2, std::memory_order_release);
}

void PublishedLine::read(ClockLine& line, uint32_t& version) const {
  for (;;) {
    const uint32_t before = version_.load(std::memory_order_acquire);
    const ClockLine copy = {ticks_.load(std::memory_order_relaxed), wall_ns_.load(std::memory_order_relaxed),
                            ns_per_tick_q32_.load(std::memory_order_relaxed)};
    std::atomic_thread_fence(std::memory_order_acquire);
    if (before % 2 == 0 && version_.load(std::memory_order_relaxed) == before) {
      line = copy;
      version = before;
      return;
    }
  }
}

}  // namespace netspectra

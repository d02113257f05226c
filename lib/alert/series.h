// One rule's state for one probe: which keys are over the threshold, since when, and what is usual.
//
// Purpose: samples of an epoch in, changes out. The clock is that of the epochs: what arrives late, or all at once after
//   a pause, ends up where it would have had it come in time.
// Semantics (docs/alerts.md, "When an alert fires and clears"):
//   - An epoch is late when a newer one of its probe has been judged. A late one can fire a rule without `for`, and does
//     nothing else: it neither clears nor is learned from. One that is ahead of any right clock is not late and makes
//     none late: else a clock that was wrong for a moment would silence the probe until that time has come.
//   - Of an incomplete epoch the sum is a lower bound: it can fire, and neither clears nor is learned from. Amendments
//     add to what the epoch had, of the last kOpenEpochs that are incomplete, and of their `max_keys` largest keys.
// Threads: one. Ownership: owns its state; the rule is given with each call.
// Errors: none. Cost: O(keys tracked + keys over the threshold) hash look-ups; a sort of the latter.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>

#include "alert/alert.h"
#include "alert/alert_config.h"
#include "alert/baseline.h"
#include "alert/samples.h"

namespace netspectra {

inline constexpr uint64_t kNever = UINT64_MAX;

// What is known of a key.
struct TrackedKey {
  enum class State : uint8_t { kIdle, kPending, kFiring };  // idle: has a baseline only
  State state = State::kIdle;
  bool announced = false;          // firing: it was said, or would have been had there been a receiver
  uint32_t repeats = 0;            // how often again
  uint64_t since_ns = kNever;      // start of the first epoch over the threshold
  uint64_t last_over_ns = kNever;  // end of the last one
  uint64_t below_ns = kNever;      // firing: start of the first epoch below, of those that are to clear it
  uint64_t said_ns = 0;            // wall clock
  double value = 0;
  double threshold = 0;
  Baseline baseline;

  bool idle() const { return state == State::kIdle; }
  bool firing() const { return state == State::kFiring; }
};

// What an epoch is, beside its samples.
struct EpochMoment {
  uint64_t run = 0;
  uint64_t start_ns = 0;
  uint64_t period_ns = 0;
  bool complete = true;
  uint64_t latest_ns = kNever;  // that an epoch may end at, where its clock and ours are right
  uint64_t end_ns() const { return start_ns + period_ns; }
  bool ahead() const { return end_ns() > latest_ns; }
};

class Series {
 public:
  static constexpr size_t kOpenEpochs = 8;

  // An incomplete epoch, which amendments may add to.
  struct OpenEpoch {
    uint64_t run = 0;
    uint64_t start_ns = 0;
    Samples samples;
  };
  enum class Change : uint8_t { kFired, kStillFiring, kCleared };
  using OnChange = std::function<void(Change, const FlowKey&, TrackedKey&)>;

  // `on_change`: the keys that were tracked before, then new ones; of each the largest first.
  // Returns the keys that are over the threshold and have found no room.
  uint64_t judge(const AlertRule& rule, const EpochMoment& epoch, Samples samples, const OnChange& on_change);

  KeyFields fields;
  uint64_t newest_ns = 0;  // start of the newest epoch that was judged, but for those ahead
  bool judged = false;     // whether there is one
  std::map<FlowKey, TrackedKey> keys;
  std::deque<OpenEpoch> open;

 private:
  struct Judged;
  // Whether the key's alert was over after the epoch: what comes late of it is no news.
  bool is_told(const FlowKey& key, const EpochMoment& epoch) const;
  void note_cleared(const FlowKey& key, const EpochMoment& epoch, size_t most);
  std::map<FlowKey, uint64_t> cleared_;  // end of the epoch that cleared it; of this process's life
  void add_amendments(const AlertRule& rule, const EpochMoment& epoch, Samples& samples);
  uint64_t admit(const AlertRule& rule, const Judged& now, const Samples& samples, const OnChange& on_change);
};

}  // namespace netspectra

// Alert rules over merged epochs: which alerts there are, and what there is to tell of them.
//
// Purpose: epochs in, events out; the state survives a restart. Delivery is the courier's (alert/courier.h);
//   AlertDesk (alert/alert_desk.h) is both together.
// Clocks: everything about epochs goes by the epochs' own time. The wall clock (`now_ns`, ns since the Unix epoch) is for
//   silence and repeats, and tells which epochs are ahead (alert/series.h): those that end more than kMostAheadNs after
//   it. Silence counts the time that the engine has listened: between two tick()s at most 10 s, so neither a pause of the
//   intake nor a clock that jumps raises it, and after a start it begins anew.
// Threads: one. Ownership: owns rules and state.
// Errors: open(): the state file is there and cannot be read, or its folder cannot be written, named. A state file that
//   is broken is set aside (renamed to FILE.broken), which take_notes() says, and the state is empty.
// Bounds: of each rule and probe `max_keys` keys, of each message 20; kMaxProbes probes; a probe that has been silent for
//   kForgetAfterNs is forgotten.
// Cost: on_epoch(): each rule passes once over its task's records: docs/alerts.md, "Cost". tick(): O(probes x silence
//   rules + keys of rules that repeat). save(): O(state), about 250 bytes a key, and an fsync.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "alert/alert.h"
#include "alert/alert_config.h"
#include "alert/alert_message.h"
#include "alert/saved_alerts.h"
#include "alert/series.h"
#include "merge/epoch_result.h"

namespace netspectra {

class AlertEngine {
 public:
  static constexpr size_t kMaxProbes = 10'000;
  static constexpr uint64_t kMostAheadNs = 60'000'000'000;  // clocks that nobody sets drift so far
  static constexpr uint64_t kForgetAfterNs = 7 * 86'400'000'000'000ull;

  struct Counters {
    uint64_t epochs = 0;  // and amendments that were judged
    uint64_t events = 0;
    uint64_t untracked_keys = 0;  // over a threshold, and no room for them
  };

  // Restores the state.
  static absl::StatusOr<std::unique_ptr<AlertEngine>> open(AlertConfig config, uint64_t now_ns);

  // After an epoch, or an amendment, was stored.
  std::vector<AlertEvent> on_epoch(const EpochResult& epoch, uint64_t now_ns);
  // About every second while epochs are taken.
  std::vector<AlertEvent> tick(uint64_t now_ns);

  // `undelivered`: messages to be found by take_undelivered() after a restart.
  absl::Status save(const std::vector<AlertMessage>& undelivered);
  // Whether something has changed since it was saved.
  bool changed() const { return changed_; }
  std::vector<AlertMessage> take_undelivered() { return std::exchange(undelivered_, {}); }

  std::vector<ActiveAlert> alerts() const;                                     // pending and firing
  std::vector<std::string> take_notes() { return std::exchange(notes_, {}); }  // for the log, each said once
  const Counters& counters() const { return counters_; }
  const AlertConfig& config() const { return config_; }

 private:
  struct RuleState {
    const AlertRule* rule;
    SeriesByProbe series;
  };
  using Change = Series::Change;

  explicit AlertEngine(AlertConfig config, uint64_t now_ns);
  absl::Status restore();
  void adopt(SavedAlerts saved);
  void end_rule(const SavedAlerts::Rule& saved, const char* why);
  void note_once(const std::string& note);
  bool hear(const ProbeName& name);
  bool muted(const AlertRule& rule, const ProbeName& name, uint64_t at_ns) const;
  void judge(RuleState& state, const ProbeName& name, const EpochResult& epoch, uint64_t now_ns,
             std::vector<AlertEvent>& events);
  void end_silence(RuleState& state, const ProbeName& name, uint64_t now_ns, std::vector<AlertEvent>& events);
  void look_for_silence(RuleState& state, uint64_t now_ns, std::vector<AlertEvent>& events);
  void repeat(RuleState& state, uint64_t now_ns, std::vector<AlertEvent>& events);
  void forget_probes(uint64_t now_ns, std::vector<AlertEvent>& events);
  std::vector<AlertEvent> done(std::vector<AlertEvent> events);

  const AlertConfig config_;
  std::vector<RuleState> rules_;
  std::map<ProbeName, uint64_t> heard_;  // on the clock of listened_ns_
  uint64_t listened_ns_ = 0;
  uint64_t last_tick_ns_;
  bool changed_ = false;
  std::vector<AlertEvent> waiting_;  // of rules that are gone: told with the next tick
  std::vector<AlertMessage> undelivered_;
  std::vector<std::string> notes_;
  std::set<std::string> noted_;
  Counters counters_;
};

}  // namespace netspectra

#include "alert/alert_engine.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "absl/strings/str_cat.h"

namespace netspectra {
namespace {

constexpr uint64_t kLongestTickNs = 10'000'000'000;
constexpr double kNsPerSecond = 1e9;

bool concerns(const AlertRule& rule, const ProbeName& name) {
  return matches_pattern(rule.site, name.first) && matches_pattern(rule.probe, name.second);
}

bool is_pattern(const std::string& text) { return text.find('*') != std::string::npos; }

ActiveAlert alert_of(const AlertRule& rule, const ProbeName& name, KeyFields fields, const FlowKey& key,
                     const TrackedKey& tracked, AlertState state) {
  return {.rule = rule.name,
          .site = name.first,
          .probe = name.second,
          .metric = rule.metric,
          .per_second = rule.per_second,
          .fields = fields,
          .key = key,
          .state = state,
          .since_ns = tracked.since_ns,
          .value = tracked.value,
          .threshold = tracked.threshold,
          .severity = rule.severity};
}

AlertEvent event_of(const AlertRule& rule, ActiveAlert alert, uint64_t at_ns) {
  AlertEvent event;
  event.alert = std::move(alert);
  event.at_ns = at_ns;
  event.group = rule.group;
  event.receivers = rule.receivers;
  return event;
}

absl::Status can_be_written(const std::string& path) {
  std::string folder = std::filesystem::path(path).parent_path().string();
  if (folder.empty()) folder = ".";
  if (::access(folder.c_str(), W_OK | X_OK) == 0) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, absl::StrCat("alerts: state ", path, ": ", folder));
}

}  // namespace

AlertEngine::AlertEngine(AlertConfig config, uint64_t now_ns)
    : config_(std::move(config)), last_tick_ns_(now_ns) {
  for (const AlertRule& rule : config_.rules) {
    rules_.push_back({&rule, {}});
    // A probe that is named is expected, also where it has never been heard.
    if (rule.metric == AlertMetric::kSilence && !is_pattern(rule.site) && !is_pattern(rule.probe)) {
      hear({rule.site, rule.probe});
    }
  }
}

absl::StatusOr<std::unique_ptr<AlertEngine>> AlertEngine::open(AlertConfig config, uint64_t now_ns) {
  if (absl::Status status = can_be_written(config.state_file); !status.ok()) return status;
  std::unique_ptr<AlertEngine> engine(new AlertEngine(std::move(config), now_ns));
  if (absl::Status status = engine->restore(); !status.ok()) return status;
  return engine;
}

absl::Status AlertEngine::restore() {
  const std::string& path = config_.state_file;
  const absl::StatusOr<std::string> text = read_file(path);
  if (absl::IsNotFound(text.status())) return absl::OkStatus();
  if (!text.ok()) {
    return absl::Status(text.status().code(),
                        absl::StrCat("alerts: state ", std::string(text.status().message())));
  }
  absl::StatusOr<SavedAlerts> saved = read_saved_alerts(*text);
  if (saved.ok()) {
    adopt(*std::move(saved));
    return absl::OkStatus();
  }
  const std::string aside = path + ".broken";
  if (std::rename(path.c_str(), aside.c_str()) != 0) {
    return absl::ErrnoToStatus(errno,
                               absl::StrCat("alerts: state ", path, ": broken, and cannot be set aside"));
  }
  note_once(absl::StrCat("alerts: state ", path, ": broken (", std::string(saved.status().message()),
                         "); set aside as ", aside, ", and begun anew: what is firing is told again"));
  return absl::OkStatus();
}

void AlertEngine::adopt(SavedAlerts saved) {
  for (const ProbeName& name : saved.probes) hear(name);
  undelivered_ = std::move(saved.messages);
  for (SavedAlerts::Rule& rule : saved.rules) {
    const auto now = std::find_if(rules_.begin(), rules_.end(),
                                  [&](const RuleState& r) { return r.rule->name == rule.rule.name; });
    if (now == rules_.end()) {
      end_rule(rule, "the rule was removed");
    } else if (fingerprint(*now->rule) != rule.fingerprint) {
      end_rule(rule, "the rule was changed");
    } else {
      now->series = std::move(rule.series);
    }
  }
}

// What it had said is taken back, to those it was said to.
void AlertEngine::end_rule(const SavedAlerts::Rule& saved, const char* why) {
  for (const auto& [name, series] : saved.series) {
    for (const auto& [key, tracked] : series.keys) {
      if (!tracked.firing() || !tracked.announced) continue;
      AlertEvent event =
          event_of(saved.rule, alert_of(saved.rule, name, series.fields, key, tracked, AlertState::kResolved),
                   last_tick_ns_);
      event.note = why;
      waiting_.push_back(std::move(event));
    }
  }
}

void AlertEngine::note_once(const std::string& note) {
  constexpr size_t kMostNotes = 1000;
  if (noted_.size() < kMostNotes && noted_.insert(note).second) notes_.push_back(note);
}

// False where there are too many.
bool AlertEngine::hear(const ProbeName& name) {
  if (heard_.size() >= kMaxProbes && !heard_.contains(name)) {
    note_once(
        absl::StrCat("alerts: more than ", kMaxProbes, " probes: rules are not applied to further ones"));
    return false;
  }
  heard_[name] = listened_ns_;
  return true;
}

bool AlertEngine::muted(const AlertRule& rule, const ProbeName& name, uint64_t at_ns) const {
  return std::any_of(config_.mutes.begin(), config_.mutes.end(), [&](const AlertMute& mute) {
    return at_ns >= mute.from_ns && at_ns < mute.to_ns && matches_pattern(mute.rule, rule.name) &&
           matches_pattern(mute.site, name.first) && matches_pattern(mute.probe, name.second);
  });
}

std::vector<AlertEvent> AlertEngine::done(std::vector<AlertEvent> events) {
  counters_.events += events.size();
  if (!events.empty()) changed_ = true;
  return events;
}

std::vector<AlertEvent> AlertEngine::on_epoch(const EpochResult& epoch, uint64_t now_ns) {
  std::vector<AlertEvent> events;
  const ProbeName name(epoch.origin.site, epoch.origin.probe);
  if (!hear(name)) return events;
  ++counters_.epochs;
  changed_ = true;
  for (RuleState& state : rules_) {
    if (!concerns(*state.rule, name)) continue;
    if (state.rule->metric == AlertMetric::kSilence) {
      end_silence(state, name, now_ns, events);
    } else {
      judge(state, name, epoch, now_ns, events);
    }
  }
  return done(std::move(events));
}

void AlertEngine::judge(RuleState& state, const ProbeName& name, const EpochResult& epoch, uint64_t now_ns,
                        std::vector<AlertEvent>& events) {
  const AlertRule& rule = *state.rule;
  if (rule.per_second && epoch.period_ns == 0) return;
  absl::StatusOr<Samples> samples = sample(rule, epoch);
  if (!samples.ok()) {
    // Of an incomplete epoch, the task may be what is missing.
    if (epoch.origin.complete()) {
      note_once(absl::StrCat("alerts: rule ", rule.name, " does not apply to ", name.first, "/", name.second,
                             ": ", std::string(samples.status().message())));
    }
    return;
  }
  Series& series = state.series[name];
  const size_t before = events.size();
  const EpochMoment moment{epoch.origin.run, epoch.start_ns, epoch.period_ns, epoch.origin.complete(),
                           now_ns + kMostAheadNs};
  if (moment.ahead()) {
    note_once(absl::StrCat("alerts: ", name.first, "/", name.second, ": its epochs end more than ",
                           kMostAheadNs / 1'000'000'000,
                           " s ahead of this machine's clock: set right which is wrong; "
                           "until then none of them counts as late"));
  }
  const bool quiet = muted(rule, name, epoch.start_ns);
  const uint64_t untracked = series.judge(
      rule, moment, *std::move(samples), [&](Change change, const FlowKey& key, TrackedKey& tracked) {
        const bool cleared = change == Change::kCleared;
        // What nobody was told of needs no end; what was muted when it fired is told when the mute is over.
        if (cleared ? !tracked.announced : tracked.announced || quiet) return;
        if (!cleared) {
          tracked.announced = true;
          tracked.said_ns = now_ns;
        }
        const AlertState to = cleared ? AlertState::kResolved : AlertState::kFiring;
        events.push_back(
            event_of(rule, alert_of(rule, name, series.fields, key, tracked, to), epoch.start_ns));
      });
  for (size_t i = before; i < events.size(); ++i) {
    if (events[i].alert.state == AlertState::kFiring) events[i].untracked = untracked;
  }
  counters_.untracked_keys += untracked;
  if (untracked != 0) {
    note_once(absl::StrCat("alerts: rule ", rule.name, ": more than ", rule.max_keys, " keys (max_keys) of ",
                           name.first, "/", name.second, " are over the threshold: the largest are kept"));
  }
}

void AlertEngine::end_silence(RuleState& state, const ProbeName& name, uint64_t now_ns,
                              std::vector<AlertEvent>& events) {
  const auto series = state.series.find(name);
  if (series == state.series.end()) return;
  for (const auto& [key, tracked] : series->second.keys) {
    if (!tracked.announced) continue;
    events.push_back(
        event_of(*state.rule, alert_of(*state.rule, name, {}, key, tracked, AlertState::kResolved), now_ns));
  }
  state.series.erase(series);
}

std::vector<AlertEvent> AlertEngine::tick(uint64_t now_ns) {
  if (now_ns > last_tick_ns_) listened_ns_ += std::min(now_ns - last_tick_ns_, kLongestTickNs);
  last_tick_ns_ = now_ns;
  std::vector<AlertEvent> events = std::exchange(waiting_, {});
  for (RuleState& state : rules_) {
    if (state.rule->metric == AlertMetric::kSilence) look_for_silence(state, now_ns, events);
    if (state.rule->repeat_ns != 0) repeat(state, now_ns, events);
  }
  forget_probes(now_ns, events);
  return done(std::move(events));
}

void AlertEngine::look_for_silence(RuleState& state, uint64_t now_ns, std::vector<AlertEvent>& events) {
  const AlertRule& rule = *state.rule;
  for (const auto& [name, heard_ns] : heard_) {
    if (!concerns(rule, name)) continue;
    const uint64_t silent_ns = listened_ns_ - heard_ns;
    const auto known = state.series.find(name);
    if (known == state.series.end() && silent_ns < rule.for_ns) continue;
    TrackedKey& tracked = state.series[name].keys[FlowKey{}];
    if (!tracked.firing()) {
      tracked.state = TrackedKey::State::kFiring;
      tracked.since_ns = now_ns - std::min(now_ns, silent_ns);
      changed_ = true;
    }
    tracked.threshold = static_cast<double>(rule.for_ns) / kNsPerSecond;
    tracked.value = static_cast<double>((now_ns - std::min(now_ns, tracked.since_ns)) / 1'000'000'000);
    if (tracked.announced || muted(rule, name, now_ns)) continue;
    tracked.announced = true;
    tracked.said_ns = now_ns;
    events.push_back(
        event_of(rule, alert_of(rule, name, {}, FlowKey{}, tracked, AlertState::kFiring), now_ns));
  }
}

void AlertEngine::repeat(RuleState& state, uint64_t now_ns, std::vector<AlertEvent>& events) {
  const AlertRule& rule = *state.rule;
  for (auto& [name, series] : state.series) {
    const bool quiet = muted(rule, name, now_ns);
    for (auto& [key, tracked] : series.keys) {
      if (quiet || !tracked.firing() || !tracked.announced) continue;
      if (now_ns < tracked.said_ns || now_ns - tracked.said_ns < rule.repeat_ns) continue;
      tracked.said_ns = now_ns;
      ++tracked.repeats;
      AlertEvent event =
          event_of(rule, alert_of(rule, name, series.fields, key, tracked, AlertState::kFiring), now_ns);
      event.repeat = tracked.repeats;
      events.push_back(std::move(event));
    }
  }
}

void AlertEngine::forget_probes(uint64_t now_ns, std::vector<AlertEvent>& events) {
  for (auto probe = heard_.begin(); probe != heard_.end();) {
    const ProbeName& name = probe->first;
    if (listened_ns_ - probe->second < kForgetAfterNs) {
      ++probe;
      continue;
    }
    for (RuleState& state : rules_) {
      const auto series = state.series.find(name);
      if (series == state.series.end()) continue;
      for (const auto& [key, tracked] : series->second.keys) {
        if (!tracked.firing() || !tracked.announced) continue;
        AlertEvent event = event_of(
            *state.rule,
            alert_of(*state.rule, name, series->second.fields, key, tracked, AlertState::kResolved), now_ns);
        event.note = "nothing has come from the probe for 7 days: it is forgotten";
        events.push_back(std::move(event));
      }
      state.series.erase(series);
    }
    changed_ = true;
    probe = heard_.erase(probe);
  }
}

absl::Status AlertEngine::save(const std::vector<AlertMessage>& undelivered) {
  StateText text;
  for (const auto& [name, heard_ns] : heard_) save_probe(text, name);
  for (const RuleState& state : rules_) save_rule(text, *state.rule, state.series);
  for (const AlertMessage& message : undelivered) save_message(text, message);
  const absl::Status status = replace_file(config_.state_file, text.finish());
  if (status.ok()) changed_ = false;
  return status;
}

std::vector<ActiveAlert> AlertEngine::alerts() const {
  std::vector<ActiveAlert> all;
  for (const RuleState& state : rules_) {
    for (const auto& [name, series] : state.series) {
      for (const auto& [key, tracked] : series.keys) {
        if (tracked.idle()) continue;
        const AlertState shown = tracked.firing() ? AlertState::kFiring : AlertState::kPending;
        all.push_back(alert_of(*state.rule, name, series.fields, key, tracked, shown));
      }
    }
  }
  return all;
}

}  // namespace netspectra

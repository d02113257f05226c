#include "alert/series.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace netspectra {

// The epoch at hand, as the steps of its keys need it.
struct Series::Judged {
  const AlertRule& rule;
  const EpochMoment& epoch;
  bool late = false;
  uint64_t baseline_epochs = 0;

  bool over(TrackedKey& key, double value) const {
    if (!rule.rise) {
      key.threshold = rule.above;
      return value > rule.above;
    }
    if (key.baseline.learned < baseline_epochs) return false;
    const double usual = rule.rise->factor * key.baseline.mean;
    key.threshold = std::max(usual, rule.rise->at_least);
    return value > usual && value >= rule.rise->at_least;
  }

  // Whether what is missing from it is missing from the value, too.
  bool decisive() const { return !late && (epoch.complete || rule.metric == AlertMetric::kIncomplete); }

  void step(const FlowKey& name, TrackedKey& key, double value, const OnChange& on_change) const {
    const bool is_over = over(key, value);
    if (!late || is_over) key.value = value;
    if (key.firing()) {
      step_firing(name, key, value, is_over, on_change);
    } else if (is_over) {
      rise(name, key, on_change);
    } else if (decisive()) {
      key.state = TrackedKey::State::kIdle;
      if (rule.rise) key.baseline.learn(value, baseline_epochs);
    }
  }

  void rise(const FlowKey& name, TrackedKey& key, const OnChange& on_change) const {
    if (late && rule.for_ns != 0) return;
    const bool goes_on =
        key.state == TrackedKey::State::kPending && key.since_ns <= epoch.start_ns &&
        (epoch.start_ns <= key.last_over_ns || epoch.start_ns - key.last_over_ns <= rule.for_ns);
    if (!goes_on) key.since_ns = epoch.start_ns;
    key.state = TrackedKey::State::kPending;
    key.last_over_ns = epoch.end_ns();
    if (epoch.end_ns() - key.since_ns < rule.for_ns) return;
    key.state = TrackedKey::State::kFiring;
    key.below_ns = kNever;
    key.announced = false;
    key.repeats = 0;
    on_change(Change::kFired, name, key);
  }

  void step_firing(const FlowKey& name, TrackedKey& key, double value, bool is_over,
                   const OnChange& on_change) const {
    if (late) return;
    const bool below = rule.clear_below ? value < *rule.clear_below : !is_over;
    if (!below) {
      key.below_ns = kNever;
      return on_change(Change::kStillFiring, name, key);
    }
    if (!decisive()) return;
    key.below_ns = std::min(key.below_ns, epoch.start_ns);  // it may be of an epoch that was ahead
    if (epoch.end_ns() - key.below_ns < rule.clear_for_ns) return on_change(Change::kStillFiring, name, key);
    on_change(Change::kCleared, name, key);
    key.state = TrackedKey::State::kIdle;
    key.since_ns = key.below_ns = key.last_over_ns = kNever;
    if (rule.rise) key.baseline.learn(value, baseline_epochs);
  }
};

bool Series::is_told(const FlowKey& key, const EpochMoment& epoch) const {
  const auto cleared = cleared_.find(key);
  return cleared != cleared_.end() && epoch.end_ns() <= cleared->second;
}

void Series::note_cleared(const FlowKey& key, const EpochMoment& epoch, size_t most) {
  cleared_[key] = std::min(epoch.end_ns(), epoch.latest_ns);
  if (cleared_.size() <= most) return;
  // All of the oldest epoch at once: one by one would be a search each.
  uint64_t oldest_ns = kNever;
  for (const auto& [name, end_ns] : cleared_) oldest_ns = std::min(oldest_ns, end_ns);
  std::erase_if(cleared_, [&](const auto& one) { return one.second == oldest_ns; });
}

// The samples of the whole epoch, as far as it has come.
void Series::add_amendments(const AlertRule& rule, const EpochMoment& epoch, Samples& samples) {
  const auto is_same = [&](const OpenEpoch& o) { return o.run == epoch.run && o.start_ns == epoch.start_ns; };
  const auto known = std::find_if(open.begin(), open.end(), is_same);
  if (known != open.end()) {
    known->samples.merge(samples, rule.metric);
    samples = std::move(known->samples);
    open.erase(known);
  }
  if (epoch.complete) return;
  Samples kept = samples;
  kept.keep_largest(rule.max_keys);
  open.push_back({epoch.run, epoch.start_ns, std::move(kept)});
  if (open.size() > kOpenEpochs) open.pop_front();
}

uint64_t Series::judge(const AlertRule& rule, const EpochMoment& epoch, Samples samples,
                       const OnChange& on_change) {
  add_amendments(rule, epoch, samples);
  if (newest_ns > epoch.latest_ns) newest_ns = 0;  // by a clock of ours that was ahead, and is no more
  Judged now{rule, epoch, judged && epoch.start_ns < newest_ns, 0};
  if (rule.rise) {
    now.baseline_epochs = Baseline::epochs(*rule.rise, epoch.period_ns);
    if (now.baseline_epochs == 0) return 0;
  }
  judged = true;
  if (!epoch.ahead()) newest_ns = std::max(newest_ns, epoch.start_ns);
  fields = samples.fields;

  std::vector<std::pair<double, FlowKey>> order;
  order.reserve(keys.size());
  for (const auto& [key, tracked] : keys) {
    const auto amount = samples.amounts.find(key);
    const bool there = amount != samples.amounts.end();
    order.emplace_back(there ? samples.value_of(amount->second, rule, epoch.period_ns) : 0, key);
    if (there) samples.amounts.erase(amount);  // what is left is new
  }
  std::stable_sort(order.begin(), order.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  for (const auto& [value, key] : order) {
    const auto tracked = keys.find(key);
    if (now.late && is_told(key, epoch)) continue;
    const bool fired = tracked->second.firing();
    now.step(key, tracked->second, value, on_change);
    if (fired && tracked->second.idle()) note_cleared(key, epoch, rule.max_keys);
    if (!rule.rise && tracked->second.idle()) keys.erase(tracked);
  }
  return admit(rule, now, samples, on_change);
}

// Keys that are not tracked: of a threshold those that are over it; of a rise all, to learn what is usual.
uint64_t Series::admit(const AlertRule& rule, const Judged& now, const Samples& samples,
                       const OnChange& on_change) {
  if (rule.rise ? !now.decisive() : now.late && rule.for_ns != 0) return 0;
  std::vector<std::pair<double, FlowKey>> fresh;
  for (const auto& [key, amount] : samples.amounts) {
    const double value = samples.value_of(amount, rule, now.epoch.period_ns);
    if (now.late && is_told(key, now.epoch)) continue;
    if (rule.rise || value > rule.above) fresh.emplace_back(value, key);
  }
  const auto larger = [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  };
  size_t room = rule.max_keys - std::min<size_t>(rule.max_keys, keys.size());
  const size_t looked_at = std::min<size_t>(fresh.size(), rule.max_keys);
  std::partial_sort(fresh.begin(), fresh.begin() + static_cast<ptrdiff_t>(looked_at), fresh.end(), larger);

  std::vector<std::pair<double, FlowKey>> usual;  // of a rise, when it is full: the smallest makes room
  if (rule.rise && fresh.size() > room) {
    for (const auto& [key, tracked] : keys) {
      if (tracked.idle()) usual.emplace_back(tracked.baseline.mean, key);
    }
    std::sort(usual.begin(), usual.end(), larger);
  }
  for (size_t i = 0; i < looked_at; ++i) {
    const auto& [value, key] = fresh[i];
    if (room == 0 && !usual.empty() && usual.back().first < value) {
      keys.erase(usual.back().second);
      usual.pop_back();
      ++room;
    }
    if (room == 0) return rule.rise ? 0 : fresh.size() - i;
    --room;
    now.step(key, keys[key], value, on_change);
  }
  return rule.rise ? 0 : fresh.size() - looked_at;
}

}  // namespace netspectra

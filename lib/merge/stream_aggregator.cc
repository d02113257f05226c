#include "merge/stream_aggregator.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/units.h"
#include "merge/epoch_merger.h"

namespace netspectra {
namespace {

constexpr size_t kRememberedFinished = 4096;
constexpr size_t kRememberedProbes = 4096;
// What is known of an unfinished epoch, and chunks that are of no use alone, are kept for so many graces.
constexpr uint64_t kLateGraces = 10;
constexpr uint64_t kLooksPerGrace = 20;

// "SITE/PROBE" of netspectra.v1.SITE.PROBE.snapshot.TASK; "" where it is no such subject.
std::string sender_of(const std::string& subject) {
  const std::vector<std::string> tokens = absl::StrSplit(subject, '.');
  const bool known =
      tokens.size() == 6 && tokens[0] == "netspectra" && tokens[1] == "v1" && tokens[4] == "snapshot";
  return known ? absl::StrCat(tokens[2], "/", tokens[3]) : "";
}

}  // namespace

StreamAggregator::Intake StreamAggregator::refuse(const std::string& probe, const std::string& what,
                                                  uint64_t now_ns) {
  ++counters_.refused;
  complaints_.add(probe, absl::StrCat("a message is refused: ", what), now_ns);
  return Intake::kRefused;
}

absl::StatusOr<StreamAggregator::Intake> StreamAggregator::add(const std::string& subject,
                                                               std::span<const uint8_t> bytes,
                                                               uint64_t ticket, uint64_t now_ns) {
  ++counters_.messages;
  const std::string sender = sender_of(subject);
  absl::StatusOr<Snapshot> snapshot = decode_snapshot(bytes);
  if (!snapshot.ok()) {
    return refuse(sender.empty() ? "on " + subject : sender, std::string(snapshot.status().message()),
                  now_ns);
  }
  const SnapshotHeader& header = snapshot->header;
  // Who may publish on whose subject is for NATS to decide; what is in the message must not get around that.
  if (sender != absl::StrCat(header.site, "/", header.probe)) {
    return refuse(sender.empty() ? "on " + subject : sender,
                  absl::StrCat("it says it is from ", header.site, "/", header.probe), now_ns);
  }
  const EpochId id{header.site, header.probe, header.run, header.epoch_start_ns};
  if (finished_.contains(id)) {
    ++counters_.repeats;
    return Intake::kStored;
  }
  const absl::StatusOr<EpochIntake*> found = epoch_of(id, *snapshot);
  if (!found.ok()) {
    --counters_.messages;
    return found.status();
  }
  if (*found == nullptr) {
    ++counters_.repeats;
    return Intake::kStored;
  }
  EpochIntake& epoch = **found;
  note_extension(probe_of({header.site, header.probe}), header);
  const uint64_t before_bytes = epoch.held_bytes();
  const absl::StatusOr<EpochIntake::Added> added = epoch.add(*std::move(snapshot), ticket);
  account(id, before_bytes, epoch.held_bytes());
  if (!added.ok()) return refuse(sender, std::string(added.status().message()), now_ns);
  if (*added == EpochIntake::Added::kNew) {
    epoch.last_news_ns = now_ns;
    note_completion(id, epoch);
    return Intake::kHeld;
  }
  ++counters_.repeats;
  return *added == EpochIntake::Added::kRepeatOfHeld ? Intake::kHeld : Intake::kStored;
}

// Null where all of it is stored.
absl::StatusOr<EpochIntake*> StreamAggregator::epoch_of(const EpochId& id, const Snapshot& snapshot) {
  if (const auto at = epochs_.find(id); at != epochs_.end()) return &at->second;
  const SnapshotHeader& header = snapshot.header;
  EpochOrigin asked;
  asked.site = header.site;
  asked.probe = header.probe;
  asked.run = header.run;
  const absl::StatusOr<std::vector<EpochOrigin>> stored = find_stored_(asked, header.epoch_start_ns);
  if (!stored.ok()) return stored.status();
  if (std::any_of(stored->begin(), stored->end(), [](const EpochOrigin& o) { return o.complete(); })) {
    remember_finished(id);
    return nullptr;
  }
  Probe& probe = probe_of({header.site, header.probe});
  EpochIntake& epoch =
      epochs_.try_emplace(id, snapshot, plan_of(probe, snapshot.tasks), *stored).first->second;
  account(id, 0, epoch.held_bytes());
  if (probe.run == header.run) {
    for (const auto& [worker, span] : probe.extended) {
      if (epoch.start_ns() > span.first && epoch.start_ns() < span.second) epoch.excuse(worker);
    }
  }
  return &epoch;
}

// Mostly the same as the probe's last: its epochs then share it.
std::shared_ptr<const TaskPlan> StreamAggregator::plan_of(Probe& probe,
                                                          const std::vector<TaskConfig>& tasks) const {
  if (probe.plan == nullptr || !same_tasks(probe.plan->tasks, tasks)) {
    probe.plan = std::make_shared<TaskPlan>(plan_tasks(tasks));
  }
  return probe.plan;
}

StreamAggregator::Probe& StreamAggregator::probe_of(const ProbeId& id) {
  if (probes_.size() > kRememberedProbes) {
    std::erase_if(probes_,
                  [&](const auto& entry) { return entry.second.held_bytes == 0 && entry.first != id; });
  }
  return probes_[id];
}

void StreamAggregator::note_extension(Probe& probe, const SnapshotHeader& header) {
  if (header.run > probe.run) {
    probe.run = header.run;
    probe.extended.clear();
  }
  if (header.run != probe.run || header.period_ns == 0 ||
      header.epoch_end_ns <= header.epoch_start_ns + header.period_ns)
    return;
  const std::pair<uint64_t, uint64_t> span{header.epoch_start_ns, header.epoch_end_ns};
  if (std::exchange(probe.extended[header.worker], span) == span) return;
  for (auto at = epochs_.upper_bound({header.site, header.probe, header.run, span.first});
       at != epochs_.end() && at->first < EpochId{header.site, header.probe, header.run, span.second}; ++at) {
    at->second.excuse(header.worker);
    note_completion(at->first, at->second);
  }
}

void StreamAggregator::note_completion(const EpochId& id, EpochIntake& epoch) {
  if (epoch.queued || !epoch.complete()) return;
  epoch.queued = true;
  complete_.push_back(id);
}

void StreamAggregator::account(const EpochId& id, uint64_t before_bytes, uint64_t after_bytes) {
  held_bytes_ += after_bytes - before_bytes;
  probes_[{std::get<0>(id), std::get<1>(id)}].held_bytes += after_bytes - before_bytes;
}

std::optional<CollectedEpoch> StreamAggregator::next(uint64_t now_ns) {
  while (!complete_.empty()) {
    const auto at = epochs_.find(complete_.front());
    complete_.pop_front();
    if (at != epochs_.end()) return give_out(at);
  }
  if (held_bytes_ > config_.memory_limit_bytes) return make_room(now_ns);
  if (now_ns < next_look_ns_) return std::nullopt;
  for (auto at = epochs_.begin(); at != epochs_.end();) {
    const uint64_t quiet_ns = now_ns - std::min(now_ns, at->second.last_news_ns);
    const auto here = at++;
    if (quiet_ns >= config_.grace_ns && here->second.has_news()) return give_out(here);
    if (quiet_ns >= kLateGraces * config_.grace_ns) give_up(here);
  }
  next_look_ns_ = now_ns + config_.grace_ns / kLooksPerGrace;
  return std::nullopt;
}

std::optional<CollectedEpoch> StreamAggregator::next_unfinished() {
  auto oldest = epochs_.end();
  for (auto at = epochs_.begin(); at != epochs_.end(); ++at) {
    if (!at->second.has_news()) continue;
    if (oldest == epochs_.end() || at->second.start_ns() < oldest->second.start_ns()) oldest = at;
  }
  if (oldest == epochs_.end()) return std::nullopt;
  return give_out(oldest);
}

CollectedEpoch StreamAggregator::give_out(Epochs::iterator at) {
  const uint64_t before_bytes = at->second.held_bytes();
  CollectedEpoch collected = at->second.give_out();
  account(at->first, before_bytes, at->second.held_bytes());
  at->second.queued = false;
  if (collected.origin.complete()) {
    remember_finished(at->first);
    forget(at);
  }
  return collected;
}

// The oldest epoch of the probe that holds the most.
std::optional<CollectedEpoch> StreamAggregator::make_room(uint64_t now_ns) {
  while (held_bytes_ > config_.memory_limit_bytes) {
    const auto fattest = std::max_element(probes_.begin(), probes_.end(), [](const auto& a, const auto& b) {
      return a.second.held_bytes < b.second.held_bytes;
    });
    const auto at = epochs_.lower_bound({fattest->first.first, fattest->first.second, 0, 0});
    if (at == epochs_.end()) return std::nullopt;
    if (at->second.has_news()) {
      complaints_.add(absl::StrCat(fattest->first.first, "/", fattest->first.second),
                      absl::StrCat("an epoch is stored unfinished, since memory is short: it holds ",
                                   human_bytes(fattest->second.held_bytes), " of ",
                                   human_bytes(config_.memory_limit_bytes)),
                      now_ns);
      return give_out(at);
    }
    give_up(at);
  }
  return std::nullopt;
}

// What is held of no use is let go, and so is what is known of the epoch: the store knows it, too.
void StreamAggregator::give_up(Epochs::iterator at) {
  const uint64_t before_bytes = at->second.held_bytes();
  const std::vector<uint64_t> tickets = at->second.give_up();
  given_up_.insert(given_up_.end(), tickets.begin(), tickets.end());
  account(at->first, before_bytes, at->second.held_bytes());
  forget(at);
}

void StreamAggregator::forget(Epochs::iterator at) {
  account(at->first, at->second.held_bytes(), 0);
  epochs_.erase(at);
}

void StreamAggregator::remember_finished(const EpochId& id) {
  if (!finished_.insert(id).second) return;
  finished_order_.push_back(id);
  if (finished_order_.size() <= kRememberedFinished) return;
  finished_.erase(finished_order_.front());
  finished_order_.pop_front();
}

EpochResult merge_epochs(std::vector<CollectedEpoch> epochs) {
  EpochParts parts;
  FlowCounters total;
  std::map<std::string, uint64_t> other_drops;
  for (CollectedEpoch& epoch : epochs) {
    for (EpochPart& part : epoch.parts) parts.add(std::move(part));
    total.merge(epoch.total);
    for (const auto& [reason, packets] : epoch.other_drops) other_drops[reason] += packets;
  }
  parts.total = total;
  const CollectedEpoch& first = epochs.front();
  EpochResult result = merge_parts(*first.plan, std::move(parts), 0);
  result.origin = first.origin;
  result.start_ns = first.start_ns;
  result.period_ns = first.period_ns;
  result.other_drops = std::move(other_drops);
  return result;
}

}  // namespace netspectra

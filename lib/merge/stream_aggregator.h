// The engine's intake: snapshots in any order, some late, some twice, some never -> epochs to be stored, each chunk once.
//
// Purpose: collects the chunks of every (site, probe, run, epoch) from all workers and tasks. An epoch is complete when
//   every chunk of every worker's measured and fallback tasks is there; it is given out then, or, saying what is missing,
//   after `grace` without news of it, or when memory is short. What comes later is given out as an amendment: a delta.
// Once only: a chunk is named by (site, probe, run, epoch, worker, task, chunk). What of an epoch is stored already is
//   asked of the store when the first message of it comes, so neither a restart nor a redelivery counts anything twice.
//   docs/engine.md, "Exactly once".
// Tickets: what the caller knows a message by. They come back with the epoch that the message went into: it may be
//   acknowledged once that is stored.
// Bounds: memory, by giving out epochs unfinished: the oldest of the probe that holds the most, so that a probe that
//   floods harms its own epochs only. Messages that are refused are named in complaints, a line per probe and 10 s.
// Threads: one thread. Times: any monotonic clock's nanoseconds, the same in all calls.
// Errors: add() fails only where the store cannot be asked; the message is then not taken.
// Cost: decode_snapshot() and a few lookups a message; the merge is merge_epochs()'s.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "merge/complaints.h"
#include "merge/epoch_intake.h"
#include "merge/epoch_result.h"
#include "wire/snapshot.h"

namespace netspectra {

struct AggregatorConfig {
  uint64_t grace_ns = 30'000'000'000;
  uint64_t memory_limit_bytes = 512 << 20;  // of what waits to be given out
};

class StreamAggregator {
 public:
  // What of this epoch is stored: Store::find().
  using FindStored =
      std::function<absl::StatusOr<std::vector<EpochOrigin>>(const EpochOrigin& epoch, uint64_t start_ns)>;
  enum class Intake : uint8_t {
    kHeld,     // its ticket comes back with an epoch
    kStored,   // a repeat of what is stored: to be acknowledged
    kRefused,  // never of any use: to be acknowledged; a complaint tells
  };
  struct Counters {
    uint64_t messages = 0;
    uint64_t repeats = 0;
    uint64_t refused = 0;
  };

  StreamAggregator(const AggregatorConfig& config, FindStored find_stored)
      : config_(config), find_stored_(std::move(find_stored)) {}

  absl::StatusOr<Intake> add(const std::string& subject, std::span<const uint8_t> bytes, uint64_t ticket,
                             uint64_t now_ns);

  // The next epoch to store: one that is complete, that nothing more has come of for the grace, or that memory is
  // needed of. It counts as stored from now on.
  std::optional<CollectedEpoch> next(uint64_t now_ns);
  // At the end, where nothing is delivered again: the next of those that are not complete, the oldest first.
  std::optional<CollectedEpoch> next_unfinished();
  // Of messages that nothing will come of any more: to be acknowledged.
  std::vector<uint64_t> take_given_up() { return std::exchange(given_up_, {}); }
  std::vector<std::string> take_complaints(uint64_t now_ns) { return complaints_.take(now_ns); }

  uint64_t held_bytes() const { return held_bytes_; }
  const Counters& counters() const { return counters_; }

 private:
  using ProbeId = std::pair<std::string, std::string>;                       // site, probe
  using EpochId = std::tuple<std::string, std::string, uint64_t, uint64_t>;  // ..., run, start
  using Epochs = std::map<EpochId, EpochIntake>;
  struct Probe {
    uint64_t held_bytes = 0;
    uint64_t run = 0;                      // the newest
    std::shared_ptr<const TaskPlan> plan;  // the last
    // By worker: the last epoch that went on past its end. The worker has none of its own in that time.
    std::map<uint32_t, std::pair<uint64_t, uint64_t>> extended;
  };

  Intake refuse(const std::string& probe, const std::string& what, uint64_t now_ns);
  absl::StatusOr<EpochIntake*> epoch_of(const EpochId& id, const Snapshot& snapshot);
  std::shared_ptr<const TaskPlan> plan_of(Probe& probe, const std::vector<TaskConfig>& tasks) const;
  Probe& probe_of(const ProbeId& id);
  void note_extension(Probe& probe, const SnapshotHeader& header);
  void note_completion(const EpochId& id, EpochIntake& epoch);
  void account(const EpochId& id, uint64_t before_bytes, uint64_t after_bytes);
  CollectedEpoch give_out(Epochs::iterator at);
  std::optional<CollectedEpoch> make_room(uint64_t now_ns);
  void give_up(Epochs::iterator at);
  void forget(Epochs::iterator at);
  void remember_finished(const EpochId& id);

  const AggregatorConfig config_;
  const FindStored find_stored_;
  Epochs epochs_;
  std::map<ProbeId, Probe> probes_;
  std::deque<EpochId> complete_;  // in epochs_, to be given out
  // The last that are wholly stored: spares asking for each of their repeats.
  std::set<EpochId> finished_;
  std::deque<EpochId> finished_order_;
  std::vector<uint64_t> given_up_;
  Complaints complaints_;
  Counters counters_;
  uint64_t held_bytes_ = 0;
  uint64_t next_look_ns_ = 0;
};

// One result out of what one probe sent, or, with their plans and periods the same, several.
EpochResult merge_epochs(std::vector<CollectedEpoch> epochs);

}  // namespace netspectra

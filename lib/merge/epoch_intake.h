// What has come of one epoch of one run of a probe, what of it is stored, and what is missing.
//
// Purpose: the books of the StreamAggregator for one epoch: every chunk is expected, held, or stored.
// Shapes: pieces are what one worker measured for one task. An exact task's chunks are of use one by one; an
//   estimator's state only once all its chunks are there, so they are held until then, also beyond an amendment.
//   Ledger and source of a worker go with the first of its chunks that is given out; overflow and fault of a piece too.
// Threads: one thread. Ownership: owns the chunks until they are given out. Cost: maps; some hundred bytes a chunk.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "merge/epoch_result.h"
#include "task/epoch_part.h"
#include "task/task_plan.h"
#include "wire/snapshot.h"

namespace netspectra {

// Parts of one epoch that are to be stored together, and the messages that they came with.
struct CollectedEpoch {
  EpochOrigin origin;
  uint64_t start_ns = 0;
  uint64_t period_ns = 0;
  std::shared_ptr<const TaskPlan> plan;
  std::vector<EpochPart> parts;  // one per worker that something new is known of
  std::map<std::string, uint64_t> other_drops;
  FlowCounters
      total;  // IP packets and bytes of the epoch as far as known, those of earlier amendments included
  std::vector<uint64_t> tickets;
};

bool same_tasks(const std::vector<TaskConfig>& a, const std::vector<TaskConfig>& b);

class EpochIntake {
 public:
  enum class Added : uint8_t { kNew, kRepeatOfHeld, kRepeatOfStored };

  // `stored`: what the store has of it.
  EpochIntake(const Snapshot& first, std::shared_ptr<const TaskPlan> plan,
              const std::vector<EpochOrigin>& stored);

  // InvalidArgument where it cannot be of the same measurement as what came before.
  absl::StatusOr<Added> add(Snapshot&& snapshot, uint64_t ticket);
  // The worker has no epoch of its own in this time: an earlier one went on.
  void excuse(uint32_t worker);

  // Everything that is expected is held or stored.
  bool complete() const;
  // Something is held that can be given out.
  bool has_news() const;
  CollectedEpoch give_out();
  // Of chunks that are of no use alone and will not be waited for any longer.
  std::vector<uint64_t> give_up();

  uint64_t start_ns() const { return first_.epoch_start_ns; }
  uint32_t workers() const { return first_.workers; }
  uint64_t held_bytes() const { return held_bytes_; }

  // When something new has last come of it; kept by the aggregator.
  uint64_t last_news_ns = 0;
  bool queued = false;

 private:
  struct Chunk {
    std::vector<FlowRecord> records;
    std::vector<std::byte> state;
    std::vector<uint64_t> tickets;
    uint64_t bytes = 0;
  };
  struct Piece {
    uint32_t chunks = 0;  // 0 = not known
    std::set<uint32_t> stored;
    std::map<uint32_t, Chunk> held;
    FlowCounters overflow;
    std::string fault;
    bool whole() const { return chunks != 0 && stored.size() + held.size() == chunks; }
  };
  struct Worker {
    Ledger ledger;
    SourceStats source;
    std::map<std::string, uint64_t> other_drops;
    uint64_t end_ns = 0;
    bool known = false;  // its ledger, of this process's life
    bool stored = false;
    std::map<uint32_t, Piece> pieces;  // by task
  };

  void read_stored(const std::string& holds);
  absl::Status check(const Snapshot& snapshot) const;
  bool is_exact(uint32_t task) const { return plan_->tasks[task].kind == TaskKind::kExact; }
  bool has_news(uint32_t task, const Piece& piece) const;
  TaskPart take(uint32_t task, Piece& piece, CollectedEpoch& collected);
  void take_worker(uint32_t index, Worker& worker, CollectedEpoch& collected);
  void fill_in_missing(EpochOrigin& origin) const;
  std::string holds() const;

  const SnapshotHeader first_;  // of the first snapshot that came
  const std::shared_ptr<const TaskPlan> plan_;
  std::vector<uint32_t> expected_tasks_;  // of each worker: indices into plan_->tasks
  std::map<uint32_t, Worker> workers_;
  std::set<uint32_t> excused_;
  uint64_t whole_pieces_ = 0;
  uint32_t next_amendment_ = 0;
  uint64_t held_bytes_ = 0;
};

}  // namespace netspectra

// Snapshots as bytes: what one worker measured for one task in one epoch, in chunks that stand for themselves.
//
// Purpose: encode_part() turns a sealed part into FlatBuffers messages of at most kMaxChunkBytes; decode_snapshot()
//   verifies one and gives it back. Every chunk carries the whole header, so each can be judged, counted and merged
//   by itself, in any order.
// Shapes: docs/wire.md, proto/snapshot.fbs. For every task that the worker runs, measured ones and then fallback ones,
//   at least one chunk, also where nothing was measured: so that a receiver can tell nothing from missing.
// Threads: no state. Ownership: a decoded Snapshot owns its data.
// Errors: decode_snapshot() refuses whatever does not verify, with the reason; no input makes it crash or allocate
//   more than a small multiple of the input's size.
// Cost: encoding copies each record once: docs/wire.md, "Cost".
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/ledger.h"
#include "base/source_stats.h"
#include "task/epoch_part.h"
#include "task/task_plan.h"

namespace netspectra {

inline constexpr size_t kMaxChunkBytes = 512 << 10;

struct SnapshotHeader {
  std::string site;
  std::string probe;
  uint64_t run = 0;  // the start of the probe's process, ns since the Unix epoch: larger is later
  uint64_t epoch_start_ns = 0;
  uint64_t epoch_end_ns = 0;  // exclusive; more than a period after the start where the epoch was extended
  uint64_t period_ns = 0;
  uint32_t worker = 0;  // 0 .. workers - 1
  uint32_t workers = 1;
  std::string port;  // what the worker polls, as configured
  uint32_t queue = 0;
  Ledger ledger;
  // Of the frames in ledger.rx_packets, those refused for a reason that this program has no name for, by its name: from
  // a newer probe. The ledger is balanced with them.
  std::map<std::string, uint64_t> other_drops;
  SourceStats source;
};

// One chunk, decoded.
struct Snapshot {
  SnapshotHeader header;
  std::vector<TaskConfig> tasks;  // all that the probe was configured with: plan_tasks() gives its plan
  uint32_t task = 0;              // index into `tasks` of the one that this is of
  uint32_t chunk = 0;             // 0 .. chunks - 1
  uint32_t chunks = 1;
  std::string fault;                // not "": this of the task's measurement could not be handed over
  FlowCounters overflow;            // exact tasks; the same in every chunk
  std::vector<FlowRecord> records;  // exact tasks: this chunk's
  std::vector<std::byte>
      state;  // estimators: this chunk's piece of Estimate::save(); empty in all = nothing measured
};

struct EncodedChunk {
  const std::string& task;  // its name
  uint32_t chunk;
  std::span<const uint8_t> bytes;  // valid during the call
};

// REQUIRES: `part` is of `plan`. InvalidArgument where no reader would take the header or the tasks (docs/wire.md,
// "What is refused"); then nothing is emitted.
absl::Status encode_part(const SnapshotHeader& header, const TaskPlan& plan, const EpochPart& part,
                         const std::function<void(const EncodedChunk&)>& emit);

absl::StatusOr<Snapshot> decode_snapshot(std::span<const uint8_t> bytes);

}  // namespace netspectra

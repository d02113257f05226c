// Several parts of one epoch from one worker -> one.
//
// Purpose: a worker that reads one capture file after another seals an epoch more than once. Whoever names a part by
//   epoch and worker (a snapshot's id does) wants it once: parts are held until their epoch can get no more of them.
//   A worker that had no packets in an epoch seals none: where the number of workers is given, it gets an empty part, so
//   that whoever receives the parts can tell nothing from missing.
// Threads: one thread. Ownership: keeps the parts until they are emitted. Cost: a move where there is nothing to join.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <utility>

#include "task/epoch_part.h"

namespace netspectra {

class PartJoiner {
 public:
  explicit PartJoiner(uint32_t workers = 0) : workers_(workers) {}

  void add(EpochPart part);
  // Emits what belongs to epochs that start before `watermark_ns`, by epoch and worker.
  void emit_before(uint64_t watermark_ns, const std::function<void(EpochPart)>& on_part);

 private:
  void fill_in_before(uint64_t watermark_ns);

  const uint32_t workers_;
  std::map<std::pair<uint64_t, uint32_t>, EpochPart> held_;  // by start and worker
};

}  // namespace netspectra

// Several parts of one epoch from one worker -> one.
//
// Purpose: a worker that reads one capture file after another seals an epoch more than once. Whoever names a part by
//   epoch and worker (a snapshot's id does) wants it once: parts are held until their epoch can get no more of them.
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
  void add(EpochPart part);
  // Emits what belongs to epochs that start before `watermark_ns`, by epoch and worker.
  void emit_before(uint64_t watermark_ns, const std::function<void(EpochPart)>& on_part);

 private:
  std::map<std::pair<uint64_t, uint32_t>, EpochPart> held_;  // by start and worker
};

}  // namespace netspectra

// "files:DIR": a folder per epoch, a JSON Lines file per task.
//
// Purpose: results that need no database: sorted by time in a plain `ls`, read by anything that reads JSON.
// Shapes: docs/store.md. DIR/<epoch start, 20 digits>/<task>.jsonl: the task's rows, and its ledger as
//   the last line. Of a probe's epoch the folder is <start>.<site>.<probe>.<run>.<amendment>.
// Atomicity: an epoch is written into DIR/.partial-<pid>-<n>, synced to the disk, and renamed as a whole: a folder
//   with an epoch's name holds all tasks of that epoch, whole. An epoch that is there is never replaced.
// Threads, errors: store.h.
// Cost: about 0.15 us a row, and one fsync per task and two per epoch.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "store/store.h"

namespace netspectra {

// Creates `dir` where it is missing (not its parents).
absl::StatusOr<std::unique_ptr<Store>> open_files_store(const std::string& dir);

}  // namespace netspectra

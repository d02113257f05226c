// "sqlite:PATH": all that is measured, in one database file, for one machine.
//
// Purpose: the store that needs no set-up, and that any SQLite can read while it is written.
// Shapes: docs/store.md. "PATH?retention=7d&partition=1d": rows are kept for a week after they were stored, and go a
//   day's at a time. Without a retention nothing ever goes.
// Atomicity: an epoch's books, rows and roll-ups are one transaction: all there, through a SIGKILL or a power failure,
//   when put() has returned, or none. An epoch (site, probe, run, start, amendment) that is there is left as it is and
//   put() succeeds: it has been delivered again. Where the run is 0, nobody can tell a repeat from another measurement
//   of the same time: put() fails, nothing is overwritten. So every program names its run (EpochOrigin::run).
// Threads, errors: store.h. One process writes at a time; another one's epoch is waited for (5 s).
// Cost: about 1.5 us a record, 80 bytes; two fsyncs an epoch. Memory: SQLite's cache of 64 MiB.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "base/system_clock.h"
#include "store/store.h"

namespace netspectra {

struct SqliteOptions {
  std::string path;
  uint64_t retention_ns = 0;  // 0: rows are kept for ever, all in one partition
  uint64_t partition_ns = 0;  // at most the retention, at least a hundredth of it
};

// What follows "sqlite:".
absl::StatusOr<SqliteOptions> parse_sqlite_url(const std::string& rest);

absl::StatusOr<std::unique_ptr<Store>> open_sqlite_store(const SqliteOptions& options,
                                                         SystemClock clock = system_clock_ns);

}  // namespace netspectra

// "clickhouse://user@host:port/database": the store of a fleet.
//
// Purpose: any number of engines write into one server, and a plain SUM over its views is right.
// Shapes: docs/store.md.
// Atomicity: ClickHouse has no transactions over tables. Each attempt to store an epoch has a random number,
//   which stands in all of its rows. The rows go first; then one row of `epochs`, with the whole ledger,
//   commits them: a block of one insert is there whole or not at all. Rows whose attempt is not in `epochs`
//   do not count. Where the outcome of a commit is not known and the epoch is put again, `epochs` may have
//   two rows of it: readers take the one with the smallest attempt. So put() may be repeated at any time, by
//   any engine. Rows of attempts that failed stay until their day is dropped.
//   An epoch that is there is left as it is and put() succeeds; where the run is 0 it fails: sqlite_store.h.
// Threads, errors: store.h, clickhouse_client.h. Several engines may write at once.
// Cost: one to five inserts an epoch; docs/store.md has figures. Memory: 1 MB.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "base/system_clock.h"
#include "store/clickhouse_url.h"
#include "store/store.h"

namespace netspectra {

absl::StatusOr<std::unique_ptr<Store>> open_clickhouse_store(const ClickHouseOptions& options,
                                                             SystemClock clock = system_clock_ns);

}  // namespace netspectra

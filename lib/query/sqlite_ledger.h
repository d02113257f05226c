// The books of a scope: what was lost, by probe and in all.
//
// Purpose: QuerySource's probes() and ledger() over a SQLite store.
// Shapes: source.h. Sums that do not fit in 64 bits stay at 2^64 - 1.
// Threads: one thread. Errors: SqliteScope's. Cost: 10 us an epoch.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "query/source.h"
#include "query/sqlite_scope.h"

namespace netspectra {

// Of each probe, by site and name; the figures of one task are 0.
absl::StatusOr<std::vector<ProbeBooks>> read_sqlite_probes(const SqliteScope& scope);
// `task`: "" = none.
absl::StatusOr<LedgerSums> read_sqlite_ledger(const SqliteScope& scope, const std::string& task);

}  // namespace netspectra

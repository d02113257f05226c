// What was lost and what is missing, out of `epochs`.
//
// Shapes: source.h. Threads: one thread. Errors: the client's; NotFound: no such task.
// Cost: the server adds up about 2 million epochs/s; probes() also brings each epoch's time here, to find
//   gaps.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "query/source.h"
#include "store/clickhouse_client.h"

namespace netspectra {

absl::StatusOr<std::vector<ProbeBooks>> read_clickhouse_probes(ClickHouseClient& client,
                                                               const QueryScope& scope);
absl::StatusOr<LedgerSums> read_clickhouse_ledger(ClickHouseClient& client, const QueryScope& scope,
                                                  const std::string& task);

}  // namespace netspectra

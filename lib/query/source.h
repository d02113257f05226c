// A store that is asked.
//
// Purpose: the reading side of a store (lib/store has the writing side), one interface for every kind. What is asked is
//   answered from what was committed, also while it is written.
// Threads: one thread for each object; any number of objects at once. Ownership: owns its connection.
// Errors: InvalidArgument: the question is wrong (a field that the task has not), naming it; NotFound: no such task;
//   DeadlineExceeded; Unavailable: the store cannot be reached; else what the store says, with its name.
// Cost: see the kinds.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "flow/flow_record.h"
#include "query/query.h"
#include "task/task_config.h"
#include "task/task_result.h"

namespace netspectra {

// A task as it was configured. One that was configured otherwise later is another one, of the same name.
struct StoredTask {
  TaskConfig config;
  std::string derived_from;  // the exact task whose records it is computed from; "" = measured itself
  uint64_t first_start_ns = 0;
  uint64_t last_start_ns = 0;
  uint64_t epochs = 0;
  uint64_t rows = 0;
};

// What was lost and what is missing, summed over a scope. The names are those of the API.
struct LedgerSums {
  uint64_t epochs = 0;  // of one probe each; amendments are parts of theirs
  uint64_t first_start_ns = 0, last_end_ns = 0;
  uint64_t rx_packets = 0, rx_bytes = 0, ip_packets = 0, ip_bytes = 0;
  uint64_t not_ip = 0, malformed = 0, other_drops = 0, filtered_out = 0, late_packets = 0;
  uint64_t nic_missed = 0, no_mbuf = 0, nic_errors = 0, kernel_dropped = 0;
  uint64_t missing_snapshots = 0;  // after the last amendment of each epoch
  uint64_t incomplete_epochs = 0;
  uint64_t epoch_overruns = 0;
  uint64_t faults = 0;          // parts that could not be handed over or merged, and read errors of captures
  uint64_t expired_epochs = 0;  // whose rows are gone, by the retention: not in any answer's rows
  std::map<std::string, uint64_t> malformed_by;  // by reason
  // Of one task, where one was asked for:
  uint64_t counted_packets = 0;  // exact: in its records; else ip_packets
  uint64_t overflow_packets = 0, overflow_bytes = 0;
  friend bool operator==(const LedgerSums&, const LedgerSums&) = default;
};

struct ProbeBooks {
  std::string site, probe;
  uint64_t run = 0;             // the newest
  uint64_t runs = 0;            // how many there are in the scope
  uint64_t last_start_ns = 0;   // of the newest epoch
  uint64_t period_ns = 0;       // likewise
  uint64_t last_stored_ns = 0;  // wall clock, when it was stored
  uint64_t gaps = 0;    // places where no epoch follows the one before it, within runs and between them
  uint64_t gap_ns = 0;  // how long these are together
  LedgerSums ledger;
};

struct AggregateRow {
  uint64_t start_ns = 0;  // of the bucket; 0 without one
  FlowRecord record;      // key: the fields of `by`, the others 0
};

// A stored row, of the kind that its task has: others stay empty.
struct StoredRow {
  uint64_t start_ns = 0, period_ns = 0;
  std::string site, probe;
  FlowKey key;
  FlowCounters counters;                        // exact; packets and bytes of heavy_hitters, too
  uint64_t error_packets = 0, error_bytes = 0;  // heavy_hitters
  uint64_t spread = 0;                          // super_spreader
};

// What an estimator left behind in one epoch (or amendment). Without a state, it follows from the exact records.
struct StoredEstimate {
  uint64_t start_ns = 0;
  std::string site, probe;
  uint64_t ip_packets = 0, ip_bytes = 0;  // all that it was given
  uint64_t cardinality = 0, threshold = 0;
  double standard_error = 0;
  std::span<const std::byte> state;  // of Estimate::save(); valid during the call
};

class QuerySource {
 public:
  using Clock = std::chrono::steady_clock;
  virtual ~QuerySource() = default;

  // Of all calls that follow: what takes longer fails with DeadlineExceeded.
  virtual void set_deadline(Clock::time_point deadline) = 0;

  // What the scope holds, by name, then by time.
  virtual absl::StatusOr<std::vector<StoredTask>> tasks(const QueryScope& scope) = 0;
  virtual absl::StatusOr<std::vector<ProbeBooks>> probes(const QueryScope& scope) = 0;
  // `task`: "" = none.
  virtual absl::StatusOr<LedgerSums> ledger(const QueryScope& scope, const std::string& task) = 0;
  // The first `limit` multiples of `bucket_ns` from which on, for so long, any epochs start; in order.
  virtual absl::StatusOr<std::vector<uint64_t>> buckets(const QueryScope& scope, uint64_t bucket_ns,
                                                        uint64_t limit) = 0;
  // Rows with the same rank stand in the order of their keys (FlowKey's).
  virtual absl::Status aggregate(const AggregateQuery& query,
                                 const std::function<void(const AggregateRow&)>& on_row) = 0;
  virtual absl::Status records(const RecordsQuery& query,
                               const std::function<void(const StoredRow&)>& on_row) = 0;
  // In the order of time. A status of the visitor's ends the walk.
  virtual absl::Status estimates(const QueryScope& scope, const std::string& task,
                                 const std::function<absl::Status(const StoredEstimate&)>& on_estimate) = 0;
};

// "sqlite:PATH[?...]", "clickhouse://...", as open_store(). files: is written only: Unimplemented.
absl::StatusOr<std::unique_ptr<QuerySource>> open_query_source(const std::string& url);

}  // namespace netspectra

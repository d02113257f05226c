// What a rule's metric is in one epoch: a value for each key.
//
// Purpose: the parts of a value that add up over the amendments of an epoch (`amounts`, `whole`), from which value()
//   makes the number that the threshold is compared with.
// Units: those of the metric. Estimates count with what is certain of them (a heavy hitter's packets less its error).
// Threads: plain data; pure functions. Ownership: owns its keys.
// Errors: NotFound: the epoch has no such task; FailedPrecondition: the task cannot give such a metric. Both are phrases
//   that follow the rule's and the probe's name.
// Cost: one pass over the task's records, 6 to 100 ns each (docs/alerts.md, "Cost"); a hash table of the keys that
//   satisfy `where`. The table's hash is keyed: keys come from the network.
#pragma once

#include <cstdint>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "alert/alert_config.h"
#include "base/keyed_hash.h"
#include "merge/epoch_result.h"
#include "packet/flow_key.h"

namespace netspectra {

struct FlowKeyHash {
  size_t operator()(const FlowKey& key) const { return hash(key.words()); }
  KeyedHash hash;
};
using KeyAmounts = absl::flat_hash_map<FlowKey, double, FlowKeyHash>;

struct Samples {
  KeyFields fields;    // of the keys; empty: one amount, under the empty key
  KeyAmounts amounts;  // a key that is not here has 0
  double whole = 0;    // share, lost_share: what the amounts are parts of

  double value_of(double amount, const AlertRule& rule, uint64_t period_ns) const;
  // Of the same epoch.
  void merge(const Samples& amendment, AlertMetric metric);
  // Keeps the `count` largest amounts.
  void keep_largest(size_t count);
};

// Not of silence, which no epoch shows.
absl::StatusOr<Samples> sample(const AlertRule& rule, const EpochResult& epoch);

}  // namespace netspectra

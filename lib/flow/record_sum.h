// Records added up by key: for merging parts and for deriving coarser tasks.
//
// Purpose: the records of several parts (or of a finer key) -> one record per key under a mask.
// Algorithm: the records are dealt out by their key's hash to partitions that fit in a core's cache; each
//   partition is then added up in a small open-addressing table (a radix-partitioned hash aggregation).
//   Sums, minima, maxima and ORs only: the result does not depend on the order, up to its own order, which is
//   unspecified.
// Threads: one. Errors: none.
// Cost: docs/benchmarks.md, "control core"; 16 bytes a record of scratch memory. Keys come from the network, so
//   the hash is keyed.
// Source: Manegold, Boncz, Kersten, "Optimizing main-memory join on modern hardware" (2002).
#pragma once

#include <span>
#include <vector>

#include "flow/flow_record.h"
#include "packet/flow_key.h"

namespace netspectra {

std::vector<FlowRecord> sum_records(std::span<const std::span<const FlowRecord>> parts, KeyFields fields);

// One part.
std::vector<FlowRecord> sum_records(std::span<const FlowRecord> records, KeyFields fields);

}  // namespace netspectra

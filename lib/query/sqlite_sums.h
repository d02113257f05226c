// Rows added up by key as they come, bucket by bucket.
//
// Purpose: the groups of an aggregate. Rows come one at a time and are many more than their sums.
// Algorithm: a table of positions with linear probing, at most half full, over the sums themselves.
// Shapes: FlowCounters::merge's sums, minima, maxima and ORs, but a sum that does not fit in 64 bits stays at 2^64 - 1.
// Threads: one. Errors: none. Keys come from the network, so the hash is keyed.
// Cost: 15 ns a row while the sums fit in the cache, 100 ns where there are millions; 100 bytes a sum.
#pragma once

#include <cstdint>
#include <vector>

#include "base/keyed_hash.h"
#include "query/source.h"

namespace netspectra {

class SqliteSums {
 public:
  // What is added from here on belongs to another bucket.
  void begin_bucket(uint64_t start_ns);
  void add(const FlowKey& key, const FlowCounters& counters);
  // The sums of all buckets. They may be left out, or moved, until the next bucket begins.
  std::vector<AggregateRow>& rows() { return rows_; }

 private:
  void grow();
  size_t slot_of(const FlowKey& key) const;  // its own, or the free one that it would have

  const KeyedHash hash_;
  uint64_t start_ns_ = 0;
  size_t begin_ = 0;  // of this bucket's rows
  std::vector<AggregateRow> rows_;
  std::vector<uint32_t> slots_;  // 1 + a row's place in its bucket; 0 = free
};

}  // namespace netspectra

// What the benchmarks' fixtures are checked against before they are timed: exact counting, the slow way.
//
// Errors: every check returns what is wrong, or an empty string.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "flow/flow_record.h"
#include "merge/epoch_result.h"
#include "packet/packet.h"
#include "workload.h"

namespace netspectra::bench {

// So many packets of a stream, from its start, are checked.
inline constexpr uint64_t kCheckedPackets = 1 << 19;

class Reference {
 public:
  // The checked packets of the stream.
  explicit Reference(const FlowStream& stream);
  // With the most packets.
  FlowKey largest() const;
  std::string check(const std::vector<FlowRecord>& records) const;
  // Exact records, certified bounds, and estimates within five standard errors.
  std::string check(const EpochResult& result) const;

 private:
  using Flows = std::map<FlowKey, FlowCounters>;
  static std::string compare(const std::vector<FlowRecord>& records, const Flows& expected);
  Flows under(KeyFields fields) const;
  std::string check(const TaskResult& result) const;

  Flows flows_;  // by the five-tuple
};

// Shared, and kept.
const Reference& reference(const Traffic& traffic);

}  // namespace netspectra::bench

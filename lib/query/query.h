// What is asked of a store: typed, checked, without a trace of the text that it came from.
//
// Purpose: HTTP parameters and alert rules become these; sources turn them into SQL of their own. Nothing here holds a
//   string of the asker's but names of tasks, sites and probes, which are compared, never spliced.
// Shapes and units: times are nanoseconds since the Unix epoch; an epoch belongs to the time at which it starts. Ports
//   and numbers in host order.
// Threads: plain data.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "packet/flow_key.h"

namespace netspectra {

// Epochs that start in [from_ns, to_ns).
struct QueryScope {
  uint64_t from_ns = 0;
  uint64_t to_ns = UINT64_MAX;
  std::string site;   // "" = all
  std::string probe;  // "" = all
};

// What a condition can be about: a key field, or a record's TCP flags (the OR over its packets).
enum class ConditionField : uint8_t { kSrcIp, kDstIp, kSrcPort, kDstPort, kProtocol, kVlan, kTcpFlags };

struct NumberRange {
  uint32_t first = 0;
  uint32_t last = 0;  // included
  friend bool operator==(const NumberRange&, const NumberRange&) = default;
};

struct AddressRange {
  uint8_t ip_version = 4;
  std::array<uint8_t, 16> first{};  // as in FlowKey: IPv4 as IPv4-mapped
  std::array<uint8_t, 16> last{};   // included
  friend bool operator==(const AddressRange&, const AddressRange&) = default;
};

// True where the field lies in any of the ranges (of the kind that the field has), or, negated, in none.
struct Condition {
  ConditionField field = ConditionField::kSrcIp;
  bool negated = false;
  std::vector<NumberRange> numbers;
  std::vector<AddressRange> addresses;
  friend bool operator==(const Condition&, const Condition&) = default;
};

enum class OrderBy : uint8_t { kBytes, kPackets, kTime };  // the largest first; kTime: the earliest first

// Sums of an exact task's records, by `by` and by bucket.
struct AggregateQuery {
  QueryScope scope;
  std::string task;
  KeyFields by;                  // a subset of the task's fields; empty: one row
  std::vector<Condition> where;  // all of them; over the task's fields
  OrderBy order = OrderBy::kBytes;
  uint64_t limit = 0;      // rows; 0 = all
  uint64_t offset = 0;     // rows passed over first
  uint64_t bucket_ns = 0;  // 0 = one for the whole time
  // Different keys and buckets that are added up at a time: beyond it ResourceExhausted. About 200 bytes each.
  uint64_t max_sums = 5'000'000;
  // Only epochs in which this estimator was computed from `task`'s records alone; "" = all.
  std::string exactly_known_to;
};

// Rows as they are stored, of any kind of task that has keys, in the order of time, then of key.
struct RecordsQuery {
  QueryScope scope;
  std::string task;
  std::vector<Condition> where;
  uint64_t limit = 0;
  uint64_t offset = 0;
  // Of one time that are held to find the first of them: beyond it ResourceExhausted. About 200 bytes each. A server that
  // puts rows in order has a limit of its own.
  uint64_t max_rows = 5'000'000;
};

}  // namespace netspectra

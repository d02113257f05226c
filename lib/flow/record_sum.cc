#include "flow/record_sum.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "base/keyed_hash.h"

namespace netspectra {
namespace {

constexpr size_t kPartitionRecords = 1024;  // on average: their table and their result are 90 KB
constexpr size_t kMaxPartitions = 4096;     // as many write streams as the second-level TLB has room for
constexpr size_t kAhead = 16;

struct Hashed {
  uint64_t hash;
  const FlowRecord* record;
};

// All records in the order of their partition, which the hash's upper bits tell.
std::vector<Hashed> partitioned(std::span<const std::span<const FlowRecord>> parts, const KeyMask& mask,
                                size_t total, unsigned shift, std::vector<size_t>& ends) {
  const KeyedHash hash;
  std::vector<uint64_t> hashes;
  hashes.reserve(total);
  for (std::span<const FlowRecord> part : parts) {
    for (const FlowRecord& record : part) {
      hashes.push_back(hash(mask.apply(record.key).words()));
      ++ends[hashes.back() >> shift];
    }
  }
  size_t begin = 0;
  for (size_t& end : ends) begin += std::exchange(end, begin);
  std::vector<Hashed> sorted(total);
  const uint64_t* next = hashes.data();
  for (std::span<const FlowRecord> part : parts) {
    for (const FlowRecord& record : part) {
      sorted[ends[*next >> shift]++] = {*next, &record};
      ++next;
    }
  }
  return sorted;
}

// Appends the sums of one partition's records to `sums`. `slots` is scratch: positions in `sums`, 0 = empty.
void sum_partition(std::span<const Hashed> partition, const KeyMask& mask, std::vector<uint32_t>& slots,
                   std::vector<FlowRecord>& sums) {
  const size_t size = std::bit_ceil(partition.size() * 2);
  slots.assign(size, 0);
  const size_t base = sums.size() - 1;  // a slot holds position - base, which is never 0
  for (size_t i = 0; i < partition.size(); ++i) {
    if (i + kAhead < partition.size()) {
      const auto* ahead = reinterpret_cast<const std::byte*>(partition[i + kAhead].record);
      __builtin_prefetch(ahead);
      __builtin_prefetch(ahead + sizeof(FlowRecord) - 1);
    }
    const FlowRecord& record = *partition[i].record;
    const FlowKey key = mask.apply(record.key);
    size_t at = partition[i].hash & (size - 1);
    while (slots[at] != 0 && !(sums[base + slots[at]].key == key)) at = (at + 1) & (size - 1);
    if (slots[at] == 0) {
      sums.push_back({key, record.counters});
      slots[at] = static_cast<uint32_t>(sums.size() - 1 - base);
    } else {
      sums[base + slots[at]].counters.merge(record.counters);
    }
  }
}

}  // namespace

std::vector<FlowRecord> sum_records(std::span<const std::span<const FlowRecord>> parts, KeyFields fields) {
  const KeyMask mask(fields);
  size_t total = 0;
  for (std::span<const FlowRecord> part : parts) total += part.size();
  const size_t partitions =
      std::clamp(std::bit_ceil(total / kPartitionRecords + 1), size_t{2}, kMaxPartitions);
  const auto shift = static_cast<unsigned>(64 - std::countr_zero(partitions));
  std::vector<size_t> ends(partitions);
  const std::vector<Hashed> sorted = partitioned(parts, mask, total, shift, ends);

  std::vector<FlowRecord> sums;
  sums.reserve(total);  // address space: pages are taken as they are written
  std::vector<uint32_t> slots;
  size_t begin = 0;
  for (size_t end : ends) {
    sum_partition(std::span(sorted).subspan(begin, end - begin), mask, slots, sums);
    begin = end;
  }
  return sums;
}

std::vector<FlowRecord> sum_records(std::span<const FlowRecord> records, KeyFields fields) {
  return sum_records(std::span(&records, 1), fields);
}

}  // namespace netspectra

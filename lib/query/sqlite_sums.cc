#include "query/sqlite_sums.h"

#include "base/saturating_sum.h"

namespace netspectra {
namespace {

constexpr size_t kLeastSlots = 1024;

}  // namespace

void SqliteSums::begin_bucket(uint64_t start_ns) {
  start_ns_ = start_ns;
  begin_ = rows_.size();
  slots_.assign(kLeastSlots, 0);
}

size_t SqliteSums::slot_of(const FlowKey& key) const {
  const size_t mask = slots_.size() - 1;
  size_t slot = hash_(key.words()) & mask;
  while (slots_[slot] != 0 && !(rows_[begin_ + slots_[slot] - 1].record.key == key)) slot = (slot + 1) & mask;
  return slot;
}

void SqliteSums::add(const FlowKey& key, const FlowCounters& counters) {
  const size_t slot = slot_of(key);
  if (slots_[slot] != 0) {
    FlowCounters& sum = rows_[begin_ + slots_[slot] - 1].record.counters;
    const uint64_t packets = saturating_sum(sum.packets, counters.packets);
    const uint64_t bytes = saturating_sum(sum.bytes, counters.bytes);
    sum.merge(counters);
    sum.packets = packets;
    sum.bytes = bytes;
    return;
  }
  rows_.push_back({start_ns_, {key, counters}});
  slots_[slot] = static_cast<uint32_t>(rows_.size() - begin_);
  if ((rows_.size() - begin_) * 2 > slots_.size()) grow();
}

void SqliteSums::grow() {
  slots_.assign(slots_.size() * 2, 0);
  for (size_t i = begin_; i < rows_.size(); ++i) {
    slots_[slot_of(rows_[i].record.key)] = static_cast<uint32_t>(i - begin_ + 1);
  }
}

}  // namespace netspectra

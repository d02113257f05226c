#include "task/record_bytes.h"

#include <cstring>

namespace netspectra {

void write_records(std::span<const FlowRecord> records, std::byte* to) {
  constexpr size_t kTail = offsetof(FlowRecord, counters) + offsetof(FlowCounters, tcp_flags);
  for (const FlowRecord& record : records) {
    std::memcpy(to, &record, kTail);
    // Padding holds whatever was in memory before: not for strangers.
    const uint64_t tail = record.counters.tcp_flags;
    std::memcpy(to + kTail, &tail, sizeof(tail));
    to += kRecordBytes;
  }
}

absl::StatusOr<std::vector<FlowRecord>> read_records(std::span<const std::byte> bytes, KeyFields fields) {
  if (bytes.size() % kRecordBytes != 0) return absl::InvalidArgumentError("a record is cut short");
  std::vector<FlowRecord> records(bytes.size() / kRecordBytes);
  if (!records.empty()) std::memcpy(static_cast<void*>(records.data()), bytes.data(), bytes.size());
  const KeyCheck key(fields);
  for (const FlowRecord& record : records) {
    if (!key.fits(record.key)) {
      return absl::InvalidArgumentError("a record's key has other fields than the task");
    }
    if (record.counters.packets == 0) return absl::InvalidArgumentError("a record has no packets");
    if (record.counters.first_seen_ns > record.counters.last_seen_ns) {
      return absl::InvalidArgumentError("a record was last seen before it was first seen");
    }
  }
  return records;
}

}  // namespace netspectra

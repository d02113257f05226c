// Flow records as bytes that leave the process, and whether records from outside are such as a task makes.
//
// Shapes: docs/wire.md, "Records": 80 bytes each, as a FlowRecord lies in memory on a little-endian machine, with zeros
//   where it has padding. Aligned to anything.
// Threads: no state.
// Errors: what a record may not be, for people.
// Cost: copying at the speed of memory; checking 2 ns a record.
#pragma once

#include <bit>
#include <cstddef>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "flow/flow_record.h"
#include "packet/flow_key.h"

namespace netspectra {

inline constexpr size_t kRecordBytes = 80;

static_assert(std::endian::native == std::endian::little);
static_assert(sizeof(FlowRecord) == kRecordBytes && offsetof(FlowRecord, counters) == 40);
static_assert(offsetof(FlowKey, dst_ip) == 16 && offsetof(FlowKey, be_src_port) == 32 &&
              offsetof(FlowKey, be_dst_port) == 34 && offsetof(FlowKey, protocol) == 36 &&
              offsetof(FlowKey, ip_version) == 37 && offsetof(FlowKey, vlan) == 38);
static_assert(offsetof(FlowCounters, bytes) == 8 && offsetof(FlowCounters, first_seen_ns) == 16 &&
              offsetof(FlowCounters, last_seen_ns) == 24 && offsetof(FlowCounters, tcp_flags) == 32);

// REQUIRES: room for records.size() * kRecordBytes.
void write_records(std::span<const FlowRecord> records, std::byte* to);
// InvalidArgument unless the bytes are whole records, each with packets, sane times and a key under the task's mask.
absl::StatusOr<std::vector<FlowRecord>> read_records(std::span<const std::byte> bytes, KeyFields fields);

// Whether a task over these fields can have made the key: nothing else is set, and an address has its version.
class KeyCheck {
 public:
  explicit KeyCheck(KeyFields fields)
      : mask_(KeyMask(fields).words()),
        has_address_(fields.has(KeyField::kSrcIp) || fields.has(KeyField::kDstIp)) {}
  bool fits(const FlowKey& key) const {
    const FlowKey::Words words = key.words();
    uint64_t outside = 0;
    for (size_t i = 0; i < words.size(); ++i) outside |= words[i] & ~mask_[i];
    return outside == 0 && (!has_address_ || key.ip_version == 4 || key.ip_version == 6);
  }

 private:
  FlowKey::Words mask_;
  bool has_address_;
};

}  // namespace netspectra

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "task/record_bytes.h"
#include "wire/snapshot.h"
#include "wire/snapshot_check.h"
#include "wire/snapshot_generated.h"

namespace netspectra {
namespace {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;

static_assert(sizeof(wire::Record) == kRecordBytes);
constexpr size_t kAlignment = 64;  // more than all that is aligned in a message, added up

wire::Field bits_of(KeyFields fields) {
  uint32_t bits = 0;
  for (size_t i = 0; i < kKeyFieldCount; ++i) {
    bits |= static_cast<uint32_t>(fields.has(static_cast<KeyField>(i))) << i;
  }
  return static_cast<wire::Field>(bits);
}

Offset<wire::Ledger> write_ledger(FlatBufferBuilder& builder, const SnapshotHeader& header) {
  const Ledger& ledger = header.ledger;
  std::vector<Offset<wire::DropCount>> dropped;
  for (size_t i = 0; i < kDropReasonCount; ++i) {
    if (ledger.dropped[i] == 0) continue;
    dropped.push_back(wire::CreateDropCountDirect(builder, kDropReasonNames[i], ledger.dropped[i],
                                                  is_not_ip(static_cast<DropReason>(i))));
  }
  std::vector<wire::EthertypeCount> ethertypes;
  for (const EthertypeCounts::Slot& slot : ledger.ethertypes.slots()) {
    if (slot.packets != 0) ethertypes.emplace_back(slot.packets, slot.ethertype);
  }
  return wire::CreateLedgerDirect(builder, ledger.rx_packets, ledger.rx_bytes, ledger.filtered_out,
                                  ledger.late_packets, ledger.ip_packets, ledger.ip_bytes,
                                  ledger.first_seen_ns, ledger.last_seen_ns, &dropped, &ethertypes,
                                  ledger.ethertypes.other());
}

Offset<wire::Source> write_source(FlatBufferBuilder& builder, const SourceStats& source) {
  const auto polls = builder.CreateVector(source.polls.data(), source.polls.size());
  return wire::CreateSource(builder, source.received, source.nic_missed, source.no_mbuf, source.nic_errors,
                            source.kernel_dropped, source.epoch_overruns, source.busy_ns, source.total_ns,
                            polls);
}

Offset<wire::Header> write_header(FlatBufferBuilder& builder, const SnapshotHeader& header,
                                  const std::vector<TaskConfig>& configs) {
  std::vector<Offset<wire::Task>> tasks;
  for (const TaskConfig& task : configs) {
    tasks.push_back(wire::CreateTaskDirect(builder, task.name.c_str(), static_cast<wire::Kind>(task.kind),
                                           bits_of(task.fields), bits_of(task.elements), task.capacity,
                                           task.threshold.count, task.threshold.share_ppm,
                                           static_cast<wire::Rank>(task.by), task.memory_bytes, task.seed));
  }
  const auto ledger = write_ledger(builder, header);
  const auto source = write_source(builder, header.source);
  return wire::CreateHeaderDirect(builder, header.site.c_str(), header.probe.c_str(), header.run,
                                  header.epoch_start_ns, header.epoch_end_ns, header.period_ns, header.worker,
                                  header.workers, header.port.c_str(), header.queue, ledger, source, &tasks);
}

wire::Record as_record(const FlowCounters& counters) {
  std::byte bytes[kRecordBytes];
  const FlowRecord record = {{}, counters};
  write_records({&record, 1}, bytes);
  wire::Record written;
  std::memcpy(static_cast<void*>(&written), bytes, sizeof(bytes));
  return written;
}

// One worker's epoch, task after task, into the same buffer.
class Encoder {
 public:
  Encoder(const SnapshotHeader& header, const std::vector<TaskConfig>& tasks,
          const std::function<void(const EncodedChunk&)>& emit)
      : header_(header), tasks_(tasks), emit_(emit) {}

  // How much of a message is left for records or state. A fault's text apart, all chunks have the same rest.
  absl::Status measure() {
    write(0, {}, 0, 1, {}, {});
    const size_t rest = builder_.GetSize() + kMaxFaultBytes + sizeof(wire::Record) + kAlignment;
    if (rest + kMaxChunkBytes / 2 > kMaxChunkBytes) {
      return absl::InvalidArgumentError(
          absl::StrCat("the header takes ", rest, " bytes: too many tasks, or too long names"));
    }
    room_ = kMaxChunkBytes - rest;
    return absl::OkStatus();
  }

  void encode(size_t task, const TaskPart& part) {
    std::vector<std::byte> state;
    if (part.estimate != nullptr) state = part.estimate->save();
    const size_t at_once = room_ / kRecordBytes;
    const size_t chunks = std::max(
        {(part.records.size() + at_once - 1) / at_once, (state.size() + room_ - 1) / room_, size_t{1}});
    for (size_t chunk = 0; chunk < chunks; ++chunk) {
      write(task, part, chunk, chunks, piece<FlowRecord>(part.records, chunk, at_once),
            piece<std::byte>(state, chunk, room_));
      emit_({tasks_[task].name,
             static_cast<uint32_t>(chunk),
             {builder_.GetBufferPointer(), builder_.GetSize()}});
    }
  }

 private:
  template <typename T>
  static std::span<const T> piece(const std::vector<T>& all, size_t index, size_t size) {
    const std::span<const T> whole = all;
    const size_t first = std::min(index * size, whole.size());
    return whole.subspan(first, std::min(size, whole.size() - first));
  }

  void write(size_t task, const TaskPart& part, size_t chunk, size_t chunks,
             std::span<const FlowRecord> records, std::span<const std::byte> state) {
    builder_.Clear();
    // The bulk first: a buffer grows downwards, so it comes last in the message.
    Offset<flatbuffers::Vector<const wire::Record*>> record_bytes;
    if (!records.empty()) {
      wire::Record* to = nullptr;
      record_bytes = builder_.CreateUninitializedVectorOfStructs<wire::Record>(records.size(), &to);
      write_records(records, reinterpret_cast<std::byte*>(to));
    }
    Offset<flatbuffers::Vector<uint8_t>> state_bytes;
    if (!state.empty()) {
      state_bytes = builder_.CreateVector(reinterpret_cast<const uint8_t*>(state.data()), state.size());
    }
    Offset<flatbuffers::String> fault;
    if (!part.status.ok()) {
      fault = builder_.CreateString(std::string(part.status.message()).substr(0, kMaxFaultBytes));
    }
    const wire::Record overflow = as_record(part.overflow);
    const auto header = write_header(builder_, header_, tasks_);
    builder_.Finish(
        wire::CreateSnapshot(builder_, kSnapshotVersion, header, static_cast<uint32_t>(task),
                             static_cast<uint32_t>(chunk), static_cast<uint32_t>(chunks), fault,
                             part.overflow.packets != 0 ? &overflow : nullptr, record_bytes, state_bytes),
        wire::SnapshotIdentifier());
  }

  const SnapshotHeader& header_;
  const std::vector<TaskConfig>& tasks_;
  const std::function<void(const EncodedChunk&)>& emit_;
  FlatBufferBuilder builder_{kMaxChunkBytes};
  size_t room_ = 0;
};

}  // namespace

absl::Status encode_part(const SnapshotHeader& header, const TaskPlan& plan, const EpochPart& part,
                         const std::function<void(const EncodedChunk&)>& emit) {
  absl::Status status = check_header(header);
  status.Update(check_tasks(plan.tasks));
  if (!status.ok()) return status;
  Encoder encoder(header, plan.tasks, emit);
  if (absl::Status measured = encoder.measure(); !measured.ok()) return measured;
  for (size_t i = 0; i < plan.measured.size(); ++i) encoder.encode(plan.measured[i], part.measured[i]);
  for (size_t i = 0; i < plan.fallback.size(); ++i) encoder.encode(plan.fallback[i], part.fallback[i]);
  return absl::OkStatus();
}

}  // namespace netspectra

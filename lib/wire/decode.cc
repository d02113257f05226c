#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "task/record_bytes.h"
#include "wire/snapshot.h"
#include "wire/snapshot_check.h"
#include "wire/snapshot_generated.h"

namespace netspectra {
namespace {

// A message is five tables deep; what later versions add may be deeper.
constexpr flatbuffers::uoffset_t kMaxDepth = 16, kMaxTables = 4096;
constexpr size_t kAlignment = 8;

absl::Status refuse(const std::string& why) { return absl::InvalidArgumentError(why); }

absl::StatusOr<KeyFields> fields_of(wire::Field field) {
  const auto bits = static_cast<uint32_t>(field);
  if (bits >> kKeyFieldCount != 0) return refuse("a key field that this program does not know");
  KeyFields fields;
  for (size_t i = 0; i < kKeyFieldCount; ++i) {
    if ((bits >> i & 1) != 0) fields.add(static_cast<KeyField>(i));
  }
  return fields;
}

absl::StatusOr<TaskConfig> read_task(const wire::Task& task) {
  const auto kind = static_cast<uint8_t>(task.kind());
  if (kind >= kTaskKindCount) return refuse("a task of a kind that this program does not know");
  if (task.by() > wire::Rank_MAX) return refuse("a task that ranks by what this program does not know");
  const absl::StatusOr<KeyFields> fields = fields_of(task.fields()), elements = fields_of(task.elements());
  if (!fields.ok()) return fields.status();
  if (!elements.ok()) return elements.status();
  return TaskConfig{.name = task.name()->str(),
                    .kind = static_cast<TaskKind>(kind),
                    .fields = *fields,
                    .elements = *elements,
                    .capacity = task.capacity(),
                    .threshold = {task.threshold_count(), task.threshold_share_ppm()},
                    .by = static_cast<RankBy>(task.by()),
                    .memory_bytes = task.memory_bytes(),
                    .seed = task.seed()};
}

absl::Status read_tasks(const wire::Header& header, std::vector<TaskConfig>& tasks) {
  if (header.tasks()->size() > kMaxTasks) return refuse("too many tasks");
  for (const wire::Task* task : *header.tasks()) {
    absl::StatusOr<TaskConfig> config = read_task(*task);
    if (!config.ok()) return config.status();
    tasks.push_back(*std::move(config));
  }
  return check_tasks(tasks);
}

// The verifier does not look at where a vector's elements of 8 bytes lie: a hostile message may have them anywhere.
template <typename T, typename Vector>
T element(const Vector& vector, size_t index) {
  T value;
  std::memcpy(static_cast<void*>(&value), vector.Data() + index * sizeof(T), sizeof(T));
  return value;
}

void read_ledger(const wire::Ledger& from, SnapshotHeader& header) {
  Ledger& ledger = header.ledger;
  ledger.rx_packets = from.rx_packets();
  ledger.rx_bytes = from.rx_bytes();
  ledger.filtered_out = from.filtered_out();
  ledger.late_packets = from.late_packets();
  ledger.ip_packets = from.ip_packets();
  ledger.ip_bytes = from.ip_bytes();
  ledger.first_seen_ns = from.first_seen_ns();
  ledger.last_seen_ns = from.last_seen_ns();
  if (from.dropped() != nullptr) {
    for (const wire::DropCount* drop : *from.dropped()) {
      const std::string reason = drop->reason()->str();
      const auto known = std::find(kDropReasonNames.begin() + 1, kDropReasonNames.end(), reason);
      uint64_t& count = known != kDropReasonNames.end()
                            ? ledger.dropped[static_cast<size_t>(known - kDropReasonNames.begin())]
                            : header.other_drops[reason];
      count += drop->packets();
    }
  }
  if (from.ethertypes() != nullptr) {
    for (uint32_t i = 0; i < from.ethertypes()->size(); ++i) {
      const auto count = element<wire::EthertypeCount>(*from.ethertypes(), i);
      if (count.packets() != 0) ledger.ethertypes.count(count.ethertype(), count.packets());
    }
  }
  ledger.ethertypes.count_other(from.other_ethertypes());
}

SourceStats read_source(const wire::Source& from) {
  SourceStats source;
  source.received = from.received();
  source.nic_missed = from.nic_missed();
  source.no_mbuf = from.no_mbuf();
  source.nic_errors = from.nic_errors();
  source.kernel_dropped = from.kernel_dropped();
  source.epoch_overruns = from.epoch_overruns();
  source.busy_ns = from.busy_ns();
  source.total_ns = from.total_ns();
  if (from.polls() != nullptr) {
    const size_t fills = std::min<size_t>(from.polls()->size(), source.polls.size());
    for (size_t i = 0; i < fills; ++i) source.polls[i] = element<uint64_t>(*from.polls(), i);
  }
  return source;
}

absl::Status read_header(const wire::Header& from, SnapshotHeader& header) {
  header.site = from.site()->str();
  header.probe = from.probe()->str();
  header.run = from.run();
  header.epoch_start_ns = from.epoch_start_ns();
  header.epoch_end_ns = from.epoch_end_ns();
  header.period_ns = from.period_ns();
  header.worker = from.worker();
  header.workers = from.workers();
  header.port = from.port()->str();
  header.queue = from.queue();
  read_ledger(*from.ledger(), header);
  header.source = read_source(*from.source());
  return check_header(header);
}

// Which chunk of what: of a task that workers measure, and of no other.
absl::Status read_place(const wire::Snapshot& message, Snapshot& snapshot) {
  snapshot.task = message.task();
  snapshot.chunk = message.chunk();
  snapshot.chunks = message.chunks();
  if (snapshot.task >= snapshot.tasks.size()) {
    return refuse(absl::StrCat("task ", snapshot.task, " of ", snapshot.tasks.size()));
  }
  if (snapshot.chunks > kMaxChunks || snapshot.chunk >= snapshot.chunks) {
    return refuse(absl::StrCat("chunk ", snapshot.chunk, " of ", snapshot.chunks));
  }
  const TaskPlan plan = plan_tasks(snapshot.tasks);
  if (plan.tasks[snapshot.task].kind == TaskKind::kExact && plan.derived(snapshot.task)) {
    return refuse(absl::StrCat("task ", plan.tasks[snapshot.task].name, " is not measured but derived"));
  }
  return absl::OkStatus();
}

template <typename Vector>
std::span<const std::byte> bytes_of(const Vector* vector, size_t element_bytes) {
  if (vector == nullptr) return {};
  return {reinterpret_cast<const std::byte*>(vector->Data()), vector->size() * element_bytes};
}

absl::Status read_content(const wire::Snapshot& message, Snapshot& snapshot) {
  const TaskConfig& task = snapshot.tasks[snapshot.task];
  if (message.fault() != nullptr) snapshot.fault = message.fault()->str();
  if (!is_clean(snapshot.fault, kMaxFaultBytes)) return refuse("the fault is too long or not text");
  const auto records = bytes_of(message.records(), kRecordBytes);
  const auto state = bytes_of(message.state(), 1);
  if (task.kind == TaskKind::kExact) {
    if (!state.empty()) return refuse(absl::StrCat("exact task ", task.name, " has an estimator's state"));
    absl::StatusOr<std::vector<FlowRecord>> read = read_records(records, task.fields);
    if (!read.ok()) return read.status();
    snapshot.records = *std::move(read);
    if (message.overflow() == nullptr) return absl::OkStatus();
    // Under a key of no fields.
    read = read_records(std::as_bytes(std::span(message.overflow(), 1)), {});
    if (!read.ok()) return refuse(absl::StrCat("overflow: ", read.status().message()));
    snapshot.overflow = read->front().counters;
    return absl::OkStatus();
  }
  if (!records.empty() || message.overflow() != nullptr) {
    return refuse(absl::StrCat("estimator task ", task.name, " has records"));
  }
  snapshot.state.assign(state.begin(), state.end());
  return absl::OkStatus();
}

absl::StatusOr<Snapshot> decode_aligned(std::span<const uint8_t> bytes) {
  flatbuffers::Verifier verifier(bytes.data(), bytes.size(), kMaxDepth, kMaxTables);
  if (!wire::VerifySnapshotBuffer(verifier)) return refuse("not a snapshot, or a damaged one");
  const wire::Snapshot& message = *wire::GetSnapshot(bytes.data());
  if (message.version() != kSnapshotVersion) {
    return refuse(absl::StrCat("a snapshot of version ", message.version(), "; this program knows version ",
                               kSnapshotVersion));
  }
  Snapshot snapshot;
  absl::Status status = read_header(*message.header(), snapshot.header);
  if (status.ok()) status = read_tasks(*message.header(), snapshot.tasks);
  if (status.ok()) status = read_place(message, snapshot);
  if (status.ok()) status = read_content(message, snapshot);
  if (!status.ok()) return status;
  return snapshot;
}

}  // namespace

absl::StatusOr<Snapshot> decode_snapshot(std::span<const uint8_t> bytes) {
  if (bytes.size() > kMaxChunkBytes) {
    return refuse(absl::StrCat(bytes.size(), " bytes: a snapshot has at most ", kMaxChunkBytes));
  }
  if (reinterpret_cast<uintptr_t>(bytes.data()) % kAlignment == 0) return decode_aligned(bytes);
  std::vector<uint64_t> aligned((bytes.size() + sizeof(uint64_t) - 1) / sizeof(uint64_t));
  if (!bytes.empty()) std::memcpy(aligned.data(), bytes.data(), bytes.size());
  return decode_aligned({reinterpret_cast<const uint8_t*>(aligned.data()), bytes.size()});
}

}  // namespace netspectra

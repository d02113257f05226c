#include "snapshot_printer.h"

#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "output/json_line.h"
#include "output/json_rows.h"
#include "output/json_text.h"
#include "output/rows.h"
#include "task/task.h"
#include "task/task_words.h"
#include "telemetry/label_text.h"

namespace netspectra {
namespace {

// States of estimators whose chunks have not all come: of more than that, the oldest are given up.
constexpr size_t kMaxPendingBytes = 256 << 20;
// Of a part, beside its state: one without any counts as well.
constexpr size_t kPartBytes = 4096;

size_t cost_of(const Snapshot& part) { return kPartBytes + part.state.size(); }

void append_count(std::string& line, const char* name, uint64_t value) {
  absl::StrAppend(&line, ",\"", name, "\":", value);
}

std::string header_line(const Snapshot& snapshot) {
  const SnapshotHeader& header = snapshot.header;
  std::string line = "{\"type\":\"snapshot\",\"site\":";
  append_json_string(line, header.site);
  line += ",\"probe\":";
  append_json_string(line, header.probe);
  append_count(line, "run", header.run);
  append_count(line, "epoch_start_ns", header.epoch_start_ns);
  append_count(line, "epoch_end_ns", header.epoch_end_ns);
  append_count(line, "worker", header.worker);
  append_count(line, "workers", header.workers);
  line += ",\"port\":";
  append_json_string(line, header.port);
  append_count(line, "queue", header.queue);
  line += ",\"task\":";
  append_json_string(line, snapshot.tasks[snapshot.task].name);
  line += ",\"kind\":";
  append_json_string(line, kind_name(snapshot.tasks[snapshot.task].kind));
  append_count(line, "chunk", snapshot.chunk);
  append_count(line, "chunks", snapshot.chunks);
  append_count(line, "rx_packets", header.ledger.rx_packets);
  append_count(line, "rx_bytes", header.ledger.rx_bytes);
  append_count(line, "ip_packets", header.ledger.ip_packets);
  append_count(line, "not_ip", header.ledger.not_ip());
  line += ",\"malformed\":";
  append_malformed(line, header.ledger);
  header.source.each_loss([&](const char* name, uint64_t packets) { append_count(line, name, packets); });
  append_count(line, "epoch_overruns", header.source.epoch_overruns);
  append_count(line, "records", snapshot.records.size());
  append_count(line, "state_bytes", snapshot.state.size());
  append_count(line, "overflow_packets", snapshot.overflow.packets);
  if (!snapshot.fault.empty()) {
    line += ",\"fault\":";
    append_json_string(line, snapshot.fault);
  }
  line += "}\n";
  return line;
}

// A task may be called "health", too: its subject has one word more.
bool is_health(const std::string& subject) {
  return absl::EndsWith(subject, ".health") && !absl::StrContains(subject, ".snapshot.");
}

}  // namespace

absl::Status SnapshotPrinter::print(const std::string& subject, const std::vector<uint8_t>& bytes) {
  if (is_health(subject)) return print_health(subject, bytes);
  absl::StatusOr<Snapshot> snapshot = decode_snapshot(bytes);
  if (!snapshot.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a message on ", label_text(subject), " is no snapshot: ", std::string(snapshot.status().message())));
  }
  sink_.append(header_line(*snapshot));
  if (snapshot->tasks[snapshot->task].kind != TaskKind::kExact) return collect(*std::move(snapshot));
  print_records(*std::move(snapshot));
  return absl::OkStatus();
}

// A line of JSON already, if a probe made it; but anybody may publish.
absl::Status SnapshotPrinter::print_health(const std::string& subject, const std::vector<uint8_t>& bytes) {
  std::string line(bytes.begin(), bytes.end());
  if (!is_json_line(line)) {
    constexpr size_t kShown = 60;
    return absl::InvalidArgumentError(absl::StrCat(
        "a message on ", label_text(subject), " is no line of JSON: ", label_text(line.substr(0, kShown))));
  }
  line += '\n';
  sink_.append(line);
  return absl::OkStatus();
}

void SnapshotPrinter::print_rows(const TaskResult& result, uint64_t epoch_start_ns) {
  append_rows(JsonRows(*result.task, epoch_start_ns), result, 0, sink_);
}

void SnapshotPrinter::print_records(Snapshot snapshot) {
  TaskResult result;
  result.task = &snapshot.tasks[snapshot.task];
  result.records = std::move(snapshot.records);
  if (snapshot.chunk == 0) result.overflow = snapshot.overflow;  // which every chunk repeats
  print_rows(result, snapshot.header.epoch_start_ns);
}

absl::Status SnapshotPrinter::collect(Snapshot snapshot) {
  const SnapshotHeader& header = snapshot.header;
  const Key key{header.epoch_start_ns, header.run, header.site, header.probe, header.worker, snapshot.task};
  const uint32_t chunk = snapshot.chunk, chunks = snapshot.chunks;
  std::map<uint32_t, Snapshot>& parts = pending_[key];
  const auto [at, is_new] = parts.try_emplace(chunk, std::move(snapshot));
  if (is_new) pending_bytes_ += cost_of(at->second);
  absl::Status status;
  if (parts.size() == chunks) {
    status = print_estimate(parts);
    give_up(key);
  }
  while (pending_bytes_ > kMaxPendingBytes) give_up(pending_.begin()->first);
  return status;
}

void SnapshotPrinter::give_up(const Key& key) {
  const auto node = pending_.extract(key);
  for (const auto& [chunk, part] : node.mapped()) pending_bytes_ -= cost_of(part);
}

absl::Status SnapshotPrinter::print_estimate(const std::map<uint32_t, Snapshot>& parts) {
  std::vector<std::byte> state;
  for (const auto& [chunk, part] : parts) state.insert(state.end(), part.state.begin(), part.state.end());
  if (state.empty()) return absl::OkStatus();  // nothing measured
  const Snapshot& first = parts.begin()->second;
  TaskResult result;
  result.task = &first.tasks[first.task];
  const std::unique_ptr<Estimate> estimate = make_estimate(*result.task);
  if (absl::Status taken = estimate->take_saved(state); !taken.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(label_text(first.header.probe), ", task ",
                                                   label_text(result.task->name), ": ",
                                                   std::string(taken.message())));
  }
  estimate->report({.packets = first.header.ledger.ip_packets, .bytes = first.header.ledger.ip_bytes},
                   result);
  print_rows(result, first.header.epoch_start_ns);
  return absl::OkStatus();
}

}  // namespace netspectra

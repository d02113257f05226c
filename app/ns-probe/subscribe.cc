#include "subscribe.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "bus/subscriber.h"
#include "common/report.h"
#include "common/signals.h"
#include "config/task_options.h"
#include "output/json_rows.h"
#include "output/json_text.h"
#include "output/rows.h"
#include "output/sink.h"
#include "task/task.h"
#include "telemetry/label_text.h"
#include "wire/snapshot.h"

namespace netspectra {
namespace {

constexpr std::chrono::milliseconds kLookEvery(200);
// States of estimators whose chunks have not all come: of more than that, the oldest are given up.
constexpr size_t kMaxPendingBytes = 256 << 20;

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
bool is_health(const IncomingMessage& message) {
  return absl::EndsWith(message.subject, ".health") && !absl::StrContains(message.subject, ".snapshot.");
}

class Printer {
 public:
  explicit Printer(Sink& sink) : sink_(sink) {}

  // A line of JSON already, as the probe made it. Only looked at far enough that it stays one line.
  void print_health(const IncomingMessage& message) {
    std::string line(message.bytes.begin(), message.bytes.end());
    const auto unprintable = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
    if (line.empty() || line.front() != '{' || line.back() != '}' ||
        std::any_of(line.begin(), line.end(), unprintable)) {
      return report_error(absl::StrCat("a message on ", label_text(message.subject), " is no line of JSON"));
    }
    line += '\n';
    sink_.append(line);
  }

  void print(Snapshot snapshot) {
    sink_.append(header_line(snapshot));
    if (snapshot.tasks[snapshot.task].kind == TaskKind::kExact) {
      print_records(std::move(snapshot));
    } else {
      collect(std::move(snapshot));
    }
  }

 private:
  using Key = std::tuple<uint64_t, uint64_t, std::string, std::string, uint32_t, uint32_t>;

  void print_rows(const TaskResult& result, uint64_t epoch_start_ns) {
    append_rows(JsonRows(*result.task, epoch_start_ns), result, 0, sink_);
  }

  void print_records(Snapshot snapshot) {
    TaskResult result;
    result.task = &snapshot.tasks[snapshot.task];
    result.records = std::move(snapshot.records);
    if (snapshot.chunk == 0) result.overflow = snapshot.overflow;  // which every chunk repeats
    print_rows(result, snapshot.header.epoch_start_ns);
  }

  void collect(Snapshot snapshot) {
    const SnapshotHeader& header = snapshot.header;
    const Key key{header.epoch_start_ns, header.run, header.site, header.probe, header.worker, snapshot.task};
    const uint32_t chunk = snapshot.chunk, chunks = snapshot.chunks;
    pending_bytes_ += snapshot.state.size();
    std::map<uint32_t, Snapshot>& parts = pending_[key];
    const auto [at, first] = parts.try_emplace(chunk, std::move(snapshot));
    if (!first) pending_bytes_ -= at->second.state.size();  // a repeat
    if (parts.size() == chunks) {
      print_estimate(parts);
      give_up(key);
    }
    while (pending_bytes_ > kMaxPendingBytes) give_up(pending_.begin()->first);
  }

  void give_up(const Key& key) {
    const auto node = pending_.extract(key);
    for (const auto& [chunk, part] : node.mapped()) pending_bytes_ -= part.state.size();
  }

  void print_estimate(const std::map<uint32_t, Snapshot>& parts) {
    std::vector<std::byte> state;
    for (const auto& [chunk, part] : parts) state.insert(state.end(), part.state.begin(), part.state.end());
    if (state.empty()) return;  // nothing measured
    const Snapshot& first = parts.begin()->second;
    TaskResult result;
    result.task = &first.tasks[first.task];
    const std::unique_ptr<Estimate> estimate = make_estimate(*result.task);
    if (absl::Status taken = estimate->take_saved(state); !taken.ok()) {
      return report_error(
          absl::StrCat(first.header.probe, ", task ", result.task->name, ": ", std::string(taken.message())));
    }
    estimate->report({.packets = first.header.ledger.ip_packets, .bytes = first.header.ledger.ip_bytes},
                     result);
    print_rows(result, first.header.epoch_start_ns);
  }

  Sink& sink_;
  std::map<Key, std::map<uint32_t, Snapshot>> pending_;  // by chunk
  size_t pending_bytes_ = 0;
};

}  // namespace

int subscribe(const ProbeOptions& options) {
  absl::StatusOr<std::unique_ptr<Sink>> sink = Sink::open(options.output);
  if (!sink.ok()) {
    report_error(std::string(sink.status().message()));
    return kExitFailed;
  }
  std::unique_ptr<Subscriber> subscriber;
  {
    const BlockedSignals blocked;  // for nats.c's threads
    absl::StatusOr<std::unique_ptr<Subscriber>> opened = Subscriber::open(
        options.nats, absl::StrCat("netspectra.v1.", options.site, ".", options.probe_id, ".>"),
        options.from_start);
    if (!opened.ok()) {
      report_error(std::string(opened.status().message()));
      return kExitFailed;
    }
    subscriber = *std::move(opened);
  }
  const InterruptFlag interrupt;
  const auto began = std::chrono::steady_clock::now();
  const auto over = [&] {
    return options.duration_ns != 0 &&
           std::chrono::steady_clock::now() - began >= std::chrono::nanoseconds(options.duration_ns);
  };
  Printer printer(**sink);
  IncomingMessage message;
  while (!interrupt.raised() && !over()) {
    if (!subscriber->next(message, kLookEvery)) {
      (*sink)->flush();
    } else if (is_health(message)) {
      printer.print_health(message);
    } else {
      absl::StatusOr<Snapshot> snapshot = decode_snapshot(message.bytes);
      if (snapshot.ok()) {
        printer.print(*std::move(snapshot));
      } else {
        report_error(absl::StrCat("a message on ", label_text(message.subject),
                                  " is no snapshot: ", std::string(snapshot.status().message())));
      }
    }
    for (const std::string& event : subscriber->take_events()) report_error(event);
  }
  const absl::Status closed = (*sink)->close();
  if (!closed.ok()) report_error(std::string(closed.message()));
  return closed.ok() ? kExitDone : kExitFailed;
}

}  // namespace netspectra

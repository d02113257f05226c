// Messages as they come from NATS -> JSON lines.
//
// Shapes: docs/ns-probe.md, "--mode sub".
// Threads: one thread. Ownership: borrows the sink.
// Errors: print() says what a message was refused for; nothing is printed of it beside, perhaps, its header.
// Bounds: what waits for further chunks takes at most 256 MiB; beyond it the oldest is given up.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "absl/status/status.h"
#include "output/sink.h"
#include "task/task_result.h"
#include "wire/snapshot.h"

namespace netspectra {

class SnapshotPrinter {
 public:
  explicit SnapshotPrinter(Sink& sink) : sink_(sink) {}

  absl::Status print(const std::string& subject, const std::vector<uint8_t>& bytes);

 private:
  using Key = std::tuple<uint64_t, uint64_t, std::string, std::string, uint32_t, uint32_t>;

  absl::Status print_health(const std::string& subject, const std::vector<uint8_t>& bytes);
  void print_rows(const TaskResult& result, uint64_t epoch_start_ns);
  void print_records(Snapshot snapshot);
  absl::Status collect(Snapshot snapshot);
  void give_up(const Key& key);
  absl::Status print_estimate(const std::map<uint32_t, Snapshot>& parts);

  Sink& sink_;
  std::map<Key, std::map<uint32_t, Snapshot>> pending_;  // by chunk
  size_t pending_bytes_ = 0;
};

}  // namespace netspectra

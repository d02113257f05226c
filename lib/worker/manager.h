// Owns the pipelines of a process: starts, feeds, empties and stops them.
//
// Purpose: turns capture files and a task plan into sealed parts. One poller per worker; the files are given
//   out one after another to whoever is free. With more workers than files, an RssFrontEnd on an lcore of its
//   own reads the files and the workers poll its queues.
// States: create() -> start() -> poll() until it returns false -> finish().
// Threads: all calls on the control core (the main lcore). stop() may be called from a signal handler.
// Ownership: owns handovers, pipelines, ports and pools; borrows the files, the plan and the filter.
// Errors: create() when memory or ports cannot be had; what goes wrong with a file is in errors().
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "capture/capture_file.h"
#include "capture/packet_filter.h"
#include "ethdev/eal.h"
#include "ethdev/rss_front_end.h"
#include "task/epoch_part.h"
#include "task/task_plan.h"
#include "worker/pipeline.h"

namespace netspectra {

struct ManagerConfig {
  const TaskPlan* plan;
  std::vector<const CaptureFile*> files;  // at least one
  unsigned workers = 1;
  uint64_t period_ns = 0;
  const PacketFilter* filter = nullptr;
};

struct Progress {
  uint64_t packets = 0;
  uint64_t bytes_read = 0;  // of the files
  uint64_t bytes_total = 0;
};

class Manager {
 public:
  // What the EAL must be started with for this many workers and files.
  static EalConfig eal_needs(unsigned workers, size_t files);

  static absl::StatusOr<std::unique_ptr<Manager>> create(const ManagerConfig& config, const EalInfo& eal);
  ~Manager();

  void start();
  // Feeds free workers and hands every sealed part to `on_part`. Returns false when all workers are done and
  // all parts have been handed over.
  bool poll(const std::function<void(EpochPart)>& on_part);
  // As of the last poll(): no part of an epoch that starts before this will come any more.
  uint64_t watermark_ns() const { return watermark_ns_; }
  Progress progress() const;
  // Ends the reading of all files at the next burst; what was measured is still sealed and handed over.
  void stop() { stop_.store(true, std::memory_order_relaxed); }
  // After the last poll(): waits for the lcores.
  void finish();

  // By file, in the order of ManagerConfig::files: what went wrong so far; empty = nothing.
  std::vector<std::string> errors() const;
  uint64_t received_by_ports() const { return received_by_ports_; }

 private:
  struct Worker;
  struct Source;

  Manager(const ManagerConfig& config, const EalInfo& eal);
  absl::Status make_workers();
  absl::Status attach(Source& source, rte_mempool& pool);
  template <class Queue>
  void feed(QueueFeed<Queue>& feed, rte_mempool& pool, bool alone);
  void give_up_unread_sources();
  void retire_finished_sources();
  uint64_t current_watermark_ns() const;
  void collect(Worker& worker, const std::function<void(EpochPart)>& on_part);

  const ManagerConfig config_;
  const EalInfo eal_;
  std::vector<std::unique_ptr<Source>> sources_;
  size_t next_source_ = 0;
  std::unique_ptr<RssFrontEnd> front_end_;  // with more workers than files
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<Task*> tasks_;  // of all workers and states
  uint64_t received_by_ports_ = 0;
  uint64_t watermark_ns_ = 0;
  std::atomic<bool> stop_{false};
};

}  // namespace netspectra

// The Manager of capture files.
//
// Purpose: one poller per worker; the files are given out one after another to whoever is free. With more workers than
//   files, an RssFrontEnd on an lcore of its own reads the files and the workers poll its queues. Nothing is lost: a
//   worker whose other state has not come back waits.
// Threads: manager.h. Ownership: owns workers, ports and pools; borrows the files and the filter.
// Errors: create() when memory or ports cannot be had; what goes wrong with a file is in errors().
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "capture/capture_file.h"
#include "capture/packet_filter.h"
#include "ethdev/eal.h"
#include "ethdev/rss_front_end.h"
#include "task/task_plan.h"
#include "worker/manager.h"
#include "worker/worker_set.h"

namespace netspectra {

struct CaptureManagerConfig {
  std::shared_ptr<const TaskPlan> plan;
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

class CaptureManager final : public Manager {
 public:
  // What the EAL must be started with for this many workers and files.
  static EalConfig eal_needs(unsigned workers, size_t files);

  static absl::StatusOr<std::unique_ptr<CaptureManager>> create(const CaptureManagerConfig& config,
                                                                const EalInfo& eal);
  ~CaptureManager() override;

  void start() override;
  // Feeds free workers, too.
  bool poll(const OnPart& on_part) override;
  uint64_t watermark_ns() const override { return watermark_ns_; }
  void finish() override;

  Progress progress() const;
  // By file, in the order of CaptureManagerConfig::files: what went wrong so far; empty = nothing.
  std::vector<std::string> errors() const;
  uint64_t received_by_ports() const { return received_by_ports_; }

 private:
  struct Source;

  CaptureManager(const CaptureManagerConfig& config, const EalInfo& eal);
  absl::Status make_workers();
  absl::Status attach(Source& source, rte_mempool& pool);
  template <class Queue>
  void feed(QueueFeed<Queue>& feed, rte_mempool& pool, bool alone);
  void give_up_unread_sources();
  void retire_finished_sources();
  uint64_t current_watermark_ns() const;

  const CaptureManagerConfig config_;
  const EalInfo eal_;
  std::vector<MbufPool> pools_;  // by worker, where the workers poll the files themselves
  std::vector<std::unique_ptr<Source>> sources_;
  size_t next_source_ = 0;
  std::unique_ptr<RssFrontEnd> front_end_;  // with more workers than files
  std::unique_ptr<WorkerSet> workers_;
  uint64_t received_by_ports_ = 0;
  uint64_t watermark_ns_ = 0;
};

}  // namespace netspectra

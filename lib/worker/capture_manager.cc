#include "worker/capture_manager.h"

#include <rte_launch.h>
#include <rte_lcore.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "ethdev/capture_queue.h"
#include "ethdev/mbuf_pool.h"

namespace netspectra {
namespace {

constexpr uint64_t kReadAhead =
    8 << 20;  // a poller takes 10 ms for that, the control core looks every 0.5 ms

}  // namespace

struct CaptureManager::Source {
  const CaptureFile* file;
  std::unique_ptr<CaptureQueue> queue;  // while attached
  bool retired = false;
  std::string error;
  uint64_t packets = 0;  // once retired
  uint64_t offset = 0;
};

EalConfig CaptureManager::eal_needs(unsigned workers, size_t files) {
  const bool front_end = workers > files;
  const uint64_t mbufs = front_end ? RssFrontEnd::mbufs(workers) : uint64_t{workers} * kMbufsForOneBurst;
  EalConfig config;
  config.polling_lcores = workers + (front_end ? 1 : 0);
  config.memory_mib = static_cast<unsigned>(48 + 4 * workers + (mbufs * kMbufBytes >> 20));
  return config;
}

CaptureManager::CaptureManager(const CaptureManagerConfig& config, const EalInfo& eal)
    : config_(config), eal_(eal) {
  for (const CaptureFile* file : config_.files) {
    sources_.push_back(std::make_unique<Source>());
    sources_.back()->file = file;
  }
}

CaptureManager::~CaptureManager() { sources_.clear(); }  // ports before the pools that they use

absl::StatusOr<std::unique_ptr<CaptureManager>> CaptureManager::create(const CaptureManagerConfig& config,
                                                                       const EalInfo& eal) {
  std::unique_ptr<CaptureManager> manager(new CaptureManager(config, eal));
  if (config.workers > config.files.size()) {
    absl::StatusOr<std::unique_ptr<RssFrontEnd>> front_end = RssFrontEnd::create(config.workers);
    if (!front_end.ok()) return front_end.status();
    manager->front_end_ = *std::move(front_end);
  }
  if (absl::Status made = manager->make_workers(); !made.ok()) return made;
  return manager;
}

absl::Status CaptureManager::make_workers() {
  absl::StatusOr<std::unique_ptr<WorkerSet>> workers = WorkerSet::create({.plan = config_.plan,
                                                                          .workers = config_.workers,
                                                                          .period_ns = config_.period_ns,
                                                                          .filter = config_.filter,
                                                                          .overrun = Overrun::kWait});
  if (!workers.ok()) return workers.status();
  workers_ = *std::move(workers);
  for (unsigned i = 0; front_end_ == nullptr && i < config_.workers; ++i) {
    absl::StatusOr<MbufPool> pool = make_mbuf_pool(absl::StrCat("worker_", i), kMbufsForOneBurst);
    if (!pool.ok()) return pool.status();
    pools_.push_back(*std::move(pool));
  }
  return absl::OkStatus();
}

void CaptureManager::start() {
  workers_->launch(eal_.polling_lcores);
  if (front_end_ == nullptr) return;
  rte_eal_remote_launch(
      [](void* front_end) {
        static_cast<RssFrontEnd*>(front_end)->run();
        return 0;
      },
      front_end_.get(), eal_.polling_lcores[config_.workers]);
  for (unsigned i = 0; i < config_.workers; ++i) {
    workers_->feed(i).offer(&front_end_->queue(i));
    workers_->feed(i).close();
  }
}

// Attaches the next file for a poller that has none. A lone poller gets it ahead of time; of several, each file goes
// to the one that is free first.
template <class Queue>
void CaptureManager::feed(QueueFeed<Queue>& feed, rte_mempool& pool, bool alone) {
  while (next_source_ < sources_.size() && (alone ? feed.empty() : feed.idle())) {
    Source& source = *sources_[next_source_++];
    if (absl::Status attached = attach(source, pool); !attached.ok()) {
      source.retired = true;
      source.error = std::string(attached.message());
      continue;
    }
    feed.offer(source.queue.get());
  }
  if (next_source_ == sources_.size()) feed.close();
}

void CaptureManager::give_up_unread_sources() {
  for (; next_source_ < sources_.size(); ++next_source_) {
    Source& source = *sources_[next_source_];
    source.retired = true;
    source.error = absl::StrCat(source.file->path(), ": interrupted before it was read");
  }
}

absl::Status CaptureManager::attach(Source& source, rte_mempool& pool) {
  absl::StatusOr<std::unique_ptr<CaptureQueue>> queue =
      CaptureQueue::attach(*source.file, pool, eal_.cpus, stop_);
  if (!queue.ok()) return queue.status();
  source.queue = *std::move(queue);
  return absl::OkStatus();
}

void CaptureManager::retire_finished_sources() {
  for (std::unique_ptr<Source>& source : sources_) {
    if (source->queue == nullptr || !source->queue->closed()) continue;
    source->error = source->queue->error();
    received_by_ports_ += source->queue->received_by_port();
    source->packets = source->queue->packets();
    source->offset = source->queue->offset();
    source->queue.reset();
    source->retired = true;
  }
}

// A file's clock never goes back, and it is published only after the epochs that ended before it were sealed.
// What a worker still holds of a file that is finished begins at its running epoch. Files first: a file that
// is seen as finished was measured before the worker's epoch is read.
uint64_t CaptureManager::current_watermark_ns() const {
  // The front end runs ahead of the workers: with several files, no clock tells what its rings still hold.
  if (front_end_ != nullptr && sources_.size() > 1 && !workers_->done()) return 0;
  uint64_t watermark = UINT64_MAX;
  for (const std::unique_ptr<Source>& source : sources_) {
    if (source->retired) continue;
    const uint64_t clock_ns =
        source->queue != nullptr ? source->queue->clock_ns() : source->file->first_ts_ns();
    watermark = std::min(watermark, EpochSpan::at(clock_ns, config_.period_ns).start_ns);
  }
  return std::min(watermark, workers_->epoch_start_ns());
}

bool CaptureManager::poll(const OnPart& on_part) {
  if (stop_.load(std::memory_order_relaxed)) give_up_unread_sources();
  if (front_end_ != nullptr) {
    feed(front_end_->feed(), front_end_->pool(), true);
  } else {
    for (unsigned i = 0; i < config_.workers; ++i) feed(workers_->feed(i), *pools_[i], config_.workers == 1);
  }
  workers_->prepare();
  for (const std::unique_ptr<Source>& source : sources_) {
    if (source->queue == nullptr) continue;
    const uint64_t offset = source->queue->offset();
    source->file->follow(offset, offset + kReadAhead);
  }
  watermark_ns_ = current_watermark_ns();  // before collecting: all that it promises is then in the parts
  bool running = false;
  for (unsigned i = 0; i < config_.workers; ++i) {
    running |= workers_->collect(i, [&](EpochPart part) {
      part.source.received = part.ledger.rx_packets + part.ledger.filtered_out;  // files lose nothing
      on_part(std::move(part));
    });
  }
  retire_finished_sources();  // whose last part may have just been collected: their errors come with it
  return running;
}

Progress CaptureManager::progress() const {
  Progress progress;
  for (const std::unique_ptr<Source>& source : sources_) {
    progress.bytes_total += source->file->size();
    progress.packets += source->queue != nullptr ? source->queue->packets() : source->packets;
    progress.bytes_read += source->queue != nullptr ? source->queue->offset() : source->offset;
  }
  return progress;
}

std::vector<std::string> CaptureManager::errors() const {
  std::vector<std::string> errors;
  for (const std::unique_ptr<Source>& source : sources_) errors.push_back(source->error);
  return errors;
}

void CaptureManager::finish() { rte_eal_mp_wait_lcore(); }

}  // namespace netspectra

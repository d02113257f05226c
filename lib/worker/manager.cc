#include "worker/manager.h"

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

struct Manager::Worker {
  MbufPool pool;  // where it polls capture files itself
  std::unique_ptr<Handover<EpochState>> handover;
  QueueFeed<RxQueue> feed;
  std::unique_ptr<Pipeline> pipeline;
  bool collected = false;  // done, and its last part taken
};

struct Manager::Source {
  const CaptureFile* file;
  std::unique_ptr<CaptureQueue> queue;  // while attached
  bool retired = false;
  std::string error;
  uint64_t packets = 0;  // once retired
  uint64_t offset = 0;
};

EalConfig Manager::eal_needs(unsigned workers, size_t files) {
  const bool front_end = workers > files;
  const uint64_t mbufs = front_end ? RssFrontEnd::mbufs(workers) : uint64_t{workers} * kMbufsForOneBurst;
  EalConfig config;
  config.polling_lcores = workers + (front_end ? 1 : 0);
  config.memory_mib = static_cast<unsigned>(48 + 4 * workers + (mbufs * kMbufBytes >> 20));
  return config;
}

Manager::Manager(const ManagerConfig& config, const EalInfo& eal) : config_(config), eal_(eal) {
  for (const CaptureFile* file : config_.files) {
    sources_.push_back(std::make_unique<Source>());
    sources_.back()->file = file;
  }
}

Manager::~Manager() { sources_.clear(); }  // ports before the pools that they use

absl::StatusOr<std::unique_ptr<Manager>> Manager::create(const ManagerConfig& config, const EalInfo& eal) {
  std::unique_ptr<Manager> manager(new Manager(config, eal));
  if (config.workers > config.files.size()) {
    absl::StatusOr<std::unique_ptr<RssFrontEnd>> front_end = RssFrontEnd::create(config.workers);
    if (!front_end.ok()) return front_end.status();
    manager->front_end_ = *std::move(front_end);
  }
  if (absl::Status made = manager->make_workers(); !made.ok()) return made;
  return manager;
}

absl::Status Manager::make_workers() {
  for (unsigned i = 0; i < config_.workers; ++i) {
    auto worker = std::make_unique<Worker>();
    std::unique_ptr<EpochState> states[2];
    for (std::unique_ptr<EpochState>& state : states) {
      state = std::make_unique<EpochState>();
      absl::StatusOr<WorkerTasks> tasks = make_worker_tasks(*config_.plan);
      if (!tasks.ok()) return tasks.status();
      state->tasks = *std::move(tasks);
      for (const std::unique_ptr<Task>& task : state->tasks.measured) tasks_.push_back(task.get());
    }
    worker->handover = std::make_unique<Handover<EpochState>>(std::move(states[0]), std::move(states[1]));
    worker->pipeline =
        std::make_unique<Pipeline>(*worker->handover, worker->feed, config_.filter, config_.period_ns);
    if (front_end_ == nullptr) {
      absl::StatusOr<MbufPool> pool = make_mbuf_pool(absl::StrCat("worker_", i), kMbufsForOneBurst);
      if (!pool.ok()) return pool.status();
      worker->pool = *std::move(pool);
    }
    workers_.push_back(std::move(worker));
  }
  return absl::OkStatus();
}

void Manager::start() {
  for (unsigned i = 0; i < config_.workers; ++i) {
    rte_eal_remote_launch(
        [](void* pipeline) {
          static_cast<Pipeline*>(pipeline)->run();
          return 0;
        },
        workers_[i]->pipeline.get(), eal_.polling_lcores[i]);
  }
  if (front_end_ == nullptr) return;
  rte_eal_remote_launch(
      [](void* front_end) {
        static_cast<RssFrontEnd*>(front_end)->run();
        return 0;
      },
      front_end_.get(), eal_.polling_lcores[config_.workers]);
  for (unsigned i = 0; i < config_.workers; ++i) {
    workers_[i]->feed.offer(&front_end_->queue(i));
    workers_[i]->feed.close();
  }
}

// Attaches the next file for a poller that has none. A lone poller gets it ahead of time; of several, each file goes
// to the one that is free first.
template <class Queue>
void Manager::feed(QueueFeed<Queue>& feed, rte_mempool& pool, bool alone) {
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

void Manager::give_up_unread_sources() {
  for (; next_source_ < sources_.size(); ++next_source_) {
    Source& source = *sources_[next_source_];
    source.retired = true;
    source.error = absl::StrCat(source.file->path(), ": interrupted before it was read");
  }
}

absl::Status Manager::attach(Source& source, rte_mempool& pool) {
  absl::StatusOr<std::unique_ptr<CaptureQueue>> queue =
      CaptureQueue::attach(*source.file, pool, eal_.cpus, stop_);
  if (!queue.ok()) return queue.status();
  source.queue = *std::move(queue);
  return absl::OkStatus();
}

void Manager::retire_finished_sources() {
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
uint64_t Manager::current_watermark_ns() const {
  uint64_t watermark = UINT64_MAX;
  bool done = true;
  for (const std::unique_ptr<Worker>& worker : workers_) done &= worker->pipeline->done();
  // The front end runs ahead of the workers: with several files, no clock tells what its rings still hold.
  if (front_end_ != nullptr && sources_.size() > 1 && !done) return 0;
  for (const std::unique_ptr<Source>& source : sources_) {
    if (source->retired) continue;
    const uint64_t clock_ns =
        source->queue != nullptr ? source->queue->clock_ns() : source->file->first_ts_ns();
    watermark = std::min(watermark, EpochSpan::at(clock_ns, config_.period_ns).start_ns);
  }
  for (const std::unique_ptr<Worker>& worker : workers_) {
    if (!worker->pipeline->done()) watermark = std::min(watermark, worker->pipeline->epoch_start_ns());
  }
  return watermark;
}

void Manager::collect(Worker& worker, const std::function<void(EpochPart)>& on_part) {
  const bool done = worker.pipeline->done();
  while (EpochState* state = worker.handover->take()) {
    EpochPart part;
    part.start_ns = state->span.start_ns;
    part.ledger = state->ledger;
    for (const std::unique_ptr<Task>& task : state->tasks.measured) part.measured.push_back(task->drain());
    for (const std::unique_ptr<Task>& task : state->tasks.fallback) part.fallback.push_back(task->drain());
    state->ledger = {};
    state->span = {};
    worker.handover->give_back(state);
    on_part(std::move(part));
  }
  worker.collected = done;
}

bool Manager::poll(const std::function<void(EpochPart)>& on_part) {
  if (stop_.load(std::memory_order_relaxed)) give_up_unread_sources();
  if (front_end_ != nullptr) {
    feed(front_end_->feed(), front_end_->pool(), true);
  } else {
    for (std::unique_ptr<Worker>& worker : workers_) feed(worker->feed, *worker->pool, workers_.size() == 1);
  }
  for (Task* task : tasks_) task->prepare();
  for (const std::unique_ptr<Source>& source : sources_) {
    if (source->queue == nullptr) continue;
    const uint64_t offset = source->queue->offset();
    source->file->follow(offset, offset + kReadAhead);
  }
  watermark_ns_ = current_watermark_ns();  // before collecting: all that it promises is then in the parts
  bool running = false;
  for (std::unique_ptr<Worker>& worker : workers_) {
    collect(*worker, on_part);
    running |= !worker->collected;
  }
  retire_finished_sources();  // whose last part may have just been collected: their errors come with it
  return running;
}

Progress Manager::progress() const {
  Progress progress;
  for (const std::unique_ptr<Source>& source : sources_) {
    progress.bytes_total += source->file->size();
    progress.packets += source->queue != nullptr ? source->queue->packets() : source->packets;
    progress.bytes_read += source->queue != nullptr ? source->queue->offset() : source->offset;
  }
  return progress;
}

std::vector<std::string> Manager::errors() const {
  std::vector<std::string> errors;
  for (const std::unique_ptr<Source>& source : sources_) errors.push_back(source->error);
  return errors;
}

void Manager::finish() { rte_eal_mp_wait_lcore(); }

}  // namespace netspectra

#include "worker/port_manager.h"

#include <rte_launch.h>

#include <algorithm>
#include <utility>

namespace netspectra {

PortManager::~PortManager() = default;

absl::StatusOr<std::unique_ptr<PortManager>> PortManager::create(const PortManagerConfig& config,
                                                                 const std::vector<PortConfig>& ports,
                                                                 const EalInfo& eal) {
  std::unique_ptr<PortManager> manager(new PortManager(config, eal));
  if (absl::Status made = manager->make(ports); !made.ok()) return made;
  return manager;
}

absl::Status PortManager::make(const std::vector<PortConfig>& ports) {
  for (const PortConfig& port : ports) {
    absl::StatusOr<std::unique_ptr<Port>> opened = Port::open(port, stop_);
    if (!opened.ok()) return opened.status();
    for (unsigned queue = 0; queue < (*opened)->queues(); ++queue) {
      places_.push_back({opened->get(), queue});
    }
    ports_.push_back(*std::move(opened));
  }
  told_stats_.resize(places_.size());
  absl::StatusOr<std::unique_ptr<WorkerSet>> workers =
      WorkerSet::create({.plan = config_.plan,
                         .workers = static_cast<unsigned>(places_.size()),
                         .period_ns = config_.period_ns,
                         .overrun = Overrun::kExtend});
  if (!workers.ok()) return workers.status();
  workers_ = *std::move(workers);
  return absl::OkStatus();
}

absl::Status PortManager::start_ports() {
  for (const std::unique_ptr<Port>& port : ports_) {
    if (absl::Status started = port->start(); !started.ok()) return started;
  }
  return absl::OkStatus();
}

void PortManager::start() {
  for (unsigned i = 0; i < workers_->size(); ++i) {
    workers_->feed(i).offer(&places_[i].port->queue(places_[i].queue));
    workers_->feed(i).close();
  }
  workers_->launch(eal_.polling_lcores);
}

bool PortManager::poll(const OnPart& on_part) {
  workers_->prepare();
  watermark_ns_ = workers_->epoch_start_ns();  // before collecting: all that it promises is then in the parts
  bool running = false;
  for (unsigned i = 0; i < workers_->size(); ++i) {
    running |= workers_->collect(i, [&](EpochPart part) {
      part.source = stats_since_last(i);
      on_part(std::move(part));
    });
  }
  return running;
}

SourceStats PortManager::stats_since_last(unsigned worker) {
  SourceStats now = places_[worker].port->stats(places_[worker].queue);
  now.epoch_overruns = workers_->overruns(worker);
  SourceStats since = now;
  since -= told_stats_[worker];
  told_stats_[worker] = now;
  return since;
}

std::vector<std::string> PortManager::watch() {
  std::vector<std::string> lines;
  for (const std::unique_ptr<Port>& port : ports_) {
    for (std::string& line : port->watch()) lines.push_back(std::move(line));
  }
  return lines;
}

absl::Status PortManager::change_plan(std::shared_ptr<const TaskPlan> plan) {
  return workers_->change_plan(std::move(plan));
}

void PortManager::finish() { rte_eal_mp_wait_lcore(); }

}  // namespace netspectra

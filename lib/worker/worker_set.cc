#include "worker/worker_set.h"

#include <rte_launch.h>

#include <algorithm>
#include <utility>

namespace netspectra {

absl::StatusOr<std::unique_ptr<WorkerSet>> WorkerSet::create(const WorkerSetConfig& config) {
  std::unique_ptr<WorkerSet> set(new WorkerSet(config));
  for (unsigned i = 0; i < config.workers; ++i) {
    if (absl::Status added = set->add_worker(); !added.ok()) return added;
  }
  return set;
}

absl::Status WorkerSet::add_worker() {
  auto worker = std::make_unique<Worker>();
  std::unique_ptr<EpochState> states[2];
  for (std::unique_ptr<EpochState>& state : states) {
    absl::StatusOr<WorkerTasks> tasks = make_worker_tasks(*config_.plan);
    if (!tasks.ok()) return tasks.status();
    state = std::make_unique<EpochState>();
    state->tasks = *std::move(tasks);
    state->plan = config_.plan;
    worker->states.push_back({state.get(), {}});
    worker->states.back().list();
  }
  worker->handover = std::make_unique<Handover<EpochState>>(std::move(states[0]), std::move(states[1]));
  worker->pipeline = std::make_unique<Pipeline>(*worker->handover, worker->feed, config_.filter,
                                                config_.period_ns, config_.overrun);
  workers_.push_back(std::move(worker));
  return absl::OkStatus();
}

void WorkerSet::launch(const std::vector<unsigned>& lcores) {
  for (size_t i = 0; i < workers_.size(); ++i) {
    rte_eal_remote_launch(
        [](void* pipeline) {
          static_cast<Pipeline*>(pipeline)->run();
          return 0;
        },
        workers_[i]->pipeline.get(), lcores[i]);
  }
}

void WorkerSet::prepare() {
  for (const std::unique_ptr<Worker>& worker : workers_) {
    for (const Held& held : worker->states) {
      for (Task* task : held.tasks) task->prepare();
    }
  }
}

bool WorkerSet::collect(unsigned index, const std::function<void(EpochPart)>& on_part) {
  Worker& worker = *workers_[index];
  const bool done = worker.pipeline->done();
  while (EpochState* state = worker.handover->take()) {
    EpochPart part;
    part.start_ns = state->span.start_ns;
    part.end_ns = state->span.end_ns;
    part.worker = index;
    part.plan = state->changed ? state->next_plan : state->plan;
    part.ledger = state->ledger;
    for (const std::unique_ptr<Task>& task : state->tasks.measured) part.measured.push_back(task->drain());
    for (const std::unique_ptr<Task>& task : state->tasks.fallback) part.fallback.push_back(task->drain());
    empty(worker, *state);
    worker.handover->give_back(state);
    on_part(std::move(part));
  }
  worker.collected = done;
  return !worker.collected;
}

void WorkerSet::Held::list() {
  tasks.clear();
  for (const WorkerTasks* of : {&state->tasks, &state->next_tasks}) {
    for (const std::unique_ptr<Task>& task : of->measured) tasks.push_back(task.get());
  }
}

void WorkerSet::empty(Worker& worker, EpochState& state) {
  state.ledger = {};
  state.span = {};
  const bool changed = std::exchange(state.changed, false);
  if (changed) {
    state.plan = std::exchange(state.next_plan, nullptr);
    state.next_tasks = {};
  }
  const bool planned =
      state.plan != next_plan_ && state.next_plan != next_plan_ && !worker.next_tasks.empty();
  if (planned) {
    state.next_tasks = std::move(worker.next_tasks.back());
    worker.next_tasks.pop_back();
    state.next_plan = next_plan_;
    state.next_from_ns = next_plan_from_ns_;
  }
  if (!changed && !planned) return;
  for (Held& held : worker.states) {
    if (held.state == &state) held.list();
  }
}

bool WorkerSet::done() const {
  return std::all_of(workers_.begin(), workers_.end(),
                     [](const std::unique_ptr<Worker>& worker) { return worker->pipeline->done(); });
}

uint64_t WorkerSet::epoch_start_ns() const {
  uint64_t start_ns = UINT64_MAX;
  for (const std::unique_ptr<Worker>& worker : workers_) {
    if (!worker->pipeline->done()) start_ns = std::min(start_ns, worker->pipeline->epoch_start_ns());
  }
  return start_ns;
}

// Every state is given back at least once before the end of the next epoch, or that epoch goes on until it is. By the
// workers' own clock: the system's may have been set meanwhile.
absl::Status WorkerSet::change_plan(std::shared_ptr<const TaskPlan> plan) {
  uint64_t running_ns = 0;
  for (const std::unique_ptr<Worker>& worker : workers_) {
    running_ns = std::max(running_ns, worker->pipeline->epoch_start_ns());
  }
  std::vector<std::vector<WorkerTasks>> made(workers_.size());
  for (size_t i = 0; i < workers_.size(); ++i) {
    for (size_t state = 0; state < workers_[i]->states.size(); ++state) {
      absl::StatusOr<WorkerTasks> tasks = make_worker_tasks(*plan);
      if (!tasks.ok()) return tasks.status();
      made[i].push_back(*std::move(tasks));
    }
  }
  for (size_t i = 0; i < workers_.size(); ++i) workers_[i]->next_tasks = std::move(made[i]);
  next_plan_ = std::move(plan);
  next_plan_from_ns_ = running_ns + 2 * config_.period_ns;
  return absl::OkStatus();
}

}  // namespace netspectra

// The heavy_hitters task: the keys with the most packets (or bytes), each with its certified error.
//
// Cost: docs/benchmarks.md; the error's bound is in sketch/heavy_hitters.h.
#pragma once

#include "sketch/heavy_hitters.h"
#include "task/task.h"

namespace netspectra {

class HeavyHittersTask final : public Task {
 public:
  static absl::StatusOr<std::unique_ptr<Task>> create(const TaskConfig& config);
  void update(const Burst& burst) override;
  TaskPart drain() override;

 private:
  HeavyHittersTask(const TaskConfig& config, HeavyHitters sketch);
  const TaskConfig config_;
  HeavyHitters sketch_;
  const HashedKey key_;
};

std::unique_ptr<Estimate> make_heavy_hitters_estimate(const TaskConfig& config);

}  // namespace netspectra

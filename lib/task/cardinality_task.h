// The cardinality task: how many distinct keys there are.
//
// Derived from exact records the count is exact; what was measured packet by packet is estimated.
// Cost: docs/benchmarks.md; the estimate's error is in sketch/hyper_log_log.h.
#pragma once

#include "sketch/hyper_log_log.h"
#include "task/task.h"

namespace netspectra {

class CardinalityTask final : public Task {
 public:
  static absl::StatusOr<std::unique_ptr<Task>> create(const TaskConfig& config);
  void update(const Burst& burst) override;
  TaskPart drain() override;

 private:
  CardinalityTask(const TaskConfig& config, HyperLogLog sketch);
  const TaskConfig config_;
  HyperLogLog sketch_;
  const HashedKey key_;
};

std::unique_ptr<Estimate> make_cardinality_estimate(const TaskConfig& config);

}  // namespace netspectra

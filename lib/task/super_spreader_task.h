// The super_spreader task: the keys that meet many distinct elements, such as sources with many destinations.
//
// Derived from exact records the counts are exact; what was measured packet by packet is estimated.
// Cost: docs/benchmarks.md; the estimate's error is in sketch/super_spreader.h.
#pragma once

#include "sketch/super_spreader.h"
#include "task/task.h"

namespace netspectra {

class SuperSpreaderTask final : public Task {
 public:
  static absl::StatusOr<std::unique_ptr<Task>> create(const TaskConfig& config);
  void update(const Burst& burst) override;
  TaskPart drain() override;

 private:
  SuperSpreaderTask(const TaskConfig& config, SuperSpreader sketch);
  const TaskConfig config_;
  SuperSpreader sketch_;
  const HashedKey key_, pair_;
};

std::unique_ptr<Estimate> make_super_spreader_estimate(const TaskConfig& config);

}  // namespace netspectra

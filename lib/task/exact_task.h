// The exact task: packets, bytes, first and last seen and TCP flags of every key, in a FlowTable. What finds no
// room there goes on to the estimators that would otherwise be derived from the table's records.
#pragma once

#include "flow/flow_table.h"
#include "task/task.h"

namespace netspectra {

class ExactTask final : public Task {
 public:
  static absl::StatusOr<std::unique_ptr<ExactTask>> create(const TaskConfig& config);
  // `task` is borrowed, and sees every packet that overflows from now on.
  void feed_overflow_to(Task& task) { fallback_.push_back(&task); }

  void update(const Burst& burst) override {
    const std::span<const Packet> overflow = table_.update(burst.packets());
    if (!overflow.empty()) [[unlikely]]
      pass_on(overflow);
  }
  void flush() override {
    update({});
    update({});
  }
  void prepare() override { table_.prepare(); }
  TaskPart drain() override;

 private:
  explicit ExactTask(FlowTable table) : table_(std::move(table)) {}
  void pass_on(const Burst& overflow);
  FlowTable table_;
  std::vector<Task*> fallback_;
};

}  // namespace netspectra

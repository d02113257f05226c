// The exact task: packets, bytes, first and last seen and TCP flags of every key, in a FlowTable.
#pragma once

#include "flow/flow_table.h"
#include "task/task.h"

namespace netspectra {

class ExactTask final : public Task {
 public:
  static absl::StatusOr<std::unique_ptr<Task>> create(const TaskConfig& config);
  void update(std::span<const Packet> packets) override { table_.update(packets); }
  void flush() override { table_.flush(); }
  void prepare() override { table_.prepare(); }
  TaskPart drain() override;

 private:
  explicit ExactTask(FlowTable table) : table_(std::move(table)) {}
  FlowTable table_;
};

}  // namespace netspectra

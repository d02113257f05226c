#include "task/cardinality_task.h"

#include <cmath>
#include <optional>
#include <utility>

#include "flow/record_sum.h"

namespace netspectra {
namespace {

// Keys that are known exactly, or a sketch of them as soon as anything in it was measured so.
class CardinalityEstimate final : public Estimate {
 public:
  explicit CardinalityEstimate(const TaskConfig& config) : config_(config) {}

  absl::Status take(const HyperLogLog& measured) {
    if (sketch_) return sketch_->merge(measured);
    sketch_ = measured;
    sketch_keys();
    return absl::OkStatus();
  }

  absl::Status merge(const Estimate& other) override {
    const auto& from = static_cast<const CardinalityEstimate&>(other);
    if (from.sketch_) {
      if (absl::Status taken = take(*from.sketch_); !taken.ok()) return taken;
    }
    add(from.keys_);
    return absl::OkStatus();
  }

  void add(std::span<const FlowRecord> records) override {
    const std::span<const FlowRecord> parts[] = {keys_, records};
    keys_ = sum_records(parts, config_.fields);
    if (sketch_) sketch_keys();
  }

  void report(const FlowCounters&, TaskResult& result) const override {
    result.cardinality = sketch_ ? static_cast<uint64_t>(std::llround(sketch_->estimate())) : keys_.size();
    if (sketch_) result.standard_error = sketch_->standard_error();
  }

 private:
  void sketch_keys() {
    for (const FlowRecord& record : keys_) sketch_->add(sketch_->hash(record.key.words()));
    keys_.clear();
  }

  const TaskConfig config_;
  std::vector<FlowRecord> keys_;       // while there is no sketch
  std::optional<HyperLogLog> sketch_;  // once there is anything that was estimated
};

}  // namespace

absl::StatusOr<std::unique_ptr<Task>> CardinalityTask::create(const TaskConfig& config) {
  absl::StatusOr<HyperLogLog> sketch = HyperLogLog::create({.seed = config.seed});
  if (!sketch.ok()) return sketch.status();
  return std::unique_ptr<Task>(new CardinalityTask(config, *std::move(sketch)));
}

CardinalityTask::CardinalityTask(const TaskConfig& config, HyperLogLog sketch)
    : config_(config), mask_(config.fields), sketch_(std::move(sketch)) {}

void CardinalityTask::update(std::span<const Packet> packets) {
  for (const Packet& packet : packets) sketch_.add(sketch_.hash(mask_.apply_words(packet.key)));
}

TaskPart CardinalityTask::drain() {
  TaskPart part;
  if (sketch_.empty()) return part;
  auto estimate = std::make_unique<CardinalityEstimate>(config_);
  estimate->take(sketch_).IgnoreError();  // of the same shape
  part.estimate = std::move(estimate);
  sketch_.reset();
  return part;
}

std::unique_ptr<Estimate> make_cardinality_estimate(const TaskConfig& config) {
  return std::make_unique<CardinalityEstimate>(config);
}

}  // namespace netspectra

#include "task/cardinality_task.h"

#include <cmath>
#include <utility>

#include "task/sketched_estimate.h"

namespace netspectra {
namespace {

CardinalityShape shape_of(const TaskConfig& config) { return {.seed = config.seed}; }

class CardinalityEstimate final : public SketchedEstimate<HyperLogLog> {
 public:
  explicit CardinalityEstimate(const TaskConfig& config) : SketchedEstimate(config) {}

  void report(const FlowCounters&, TaskResult& result) const override {
    result.cardinality = sketch_ ? static_cast<uint64_t>(std::llround(sketch_->estimate())) : exact_.size();
    if (sketch_) result.standard_error = sketch_->standard_error();
  }

 private:
  void sketch(const FlowRecord& exact, HyperLogLog& sketch) const override {
    sketch.add(sketch.hash(exact.key.words()));
  }
  SketchShape shape() const override { return {.size = shape_of(config_).precision}; }
  void append_sketch(const HyperLogLog& sketch, std::vector<std::byte>& state) const override {
    const auto registers = std::as_bytes(sketch.registers());
    state.insert(state.end(), registers.begin(), registers.end());
  }
  absl::StatusOr<HyperLogLog> read_sketch(std::span<const std::byte> bytes) const override {
    return HyperLogLog::restore(shape_of(config_), bytes);
  }
};

}  // namespace

absl::StatusOr<std::unique_ptr<Task>> CardinalityTask::create(const TaskConfig& config) {
  absl::StatusOr<HyperLogLog> sketch = HyperLogLog::create(shape_of(config));
  if (!sketch.ok()) return sketch.status();
  return std::unique_ptr<Task>(new CardinalityTask(config, *std::move(sketch)));
}

CardinalityTask::CardinalityTask(const TaskConfig& config, HyperLogLog sketch)
    : config_(config), sketch_(std::move(sketch)), key_(config.fields, sketch_.key_hash()) {}

void CardinalityTask::update(const Burst& burst) { sketch_.add(burst.hashes(key_)); }

TaskPart CardinalityTask::drain() {
  TaskPart part;
  if (sketch_.empty()) return part;
  auto estimate = std::make_unique<CardinalityEstimate>(config_);
  part.status = estimate->take_copy(sketch_);
  part.estimate = std::move(estimate);
  sketch_.reset();
  return part;
}

std::unique_ptr<Estimate> make_cardinality_estimate(const TaskConfig& config) {
  return std::make_unique<CardinalityEstimate>(config);
}

}  // namespace netspectra

#include "task/super_spreader_task.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "flow/flow_table.h"
#include "flow/record_sum.h"
#include "task/sketch_keys.h"

namespace netspectra {
namespace {

constexpr uint64_t kDefaultMemory = 1 << 20;
constexpr uint64_t kDefaultThreshold = 100;

SpreadShape shape_of(const TaskConfig& config) {
  return SpreadShape::for_memory(config.memory_bytes != 0 ? config.memory_bytes : kDefaultMemory, config.seed,
                                 key_layout(config.fields));
}

// Pairs of key and element that are known exactly, or a sketch of them as soon as anything in it was measured so.
class SuperSpreaderEstimate final : public Estimate {
 public:
  explicit SuperSpreaderEstimate(const TaskConfig& config)
      : config_(config), key_mask_(config.fields), pair_fields_(config.fields | config.elements) {}

  absl::Status take(const SuperSpreader& measured) {
    if (sketch_) return sketch_->merge(measured);
    absl::StatusOr<SuperSpreader> copy = measured.copy();
    if (!copy.ok()) return copy.status();
    sketch_ = *std::move(copy);
    sketch_pairs();
    return absl::OkStatus();
  }

  absl::Status merge(const Estimate& other) override {
    const auto& from = static_cast<const SuperSpreaderEstimate&>(other);
    if (from.sketch_) {
      if (absl::Status taken = take(*from.sketch_); !taken.ok()) return taken;
    }
    add(from.pairs_);
    return absl::OkStatus();
  }

  void add(std::span<const FlowRecord> records) override {
    const std::span<const FlowRecord> parts[] = {pairs_, records};
    pairs_ = sum_records(parts, pair_fields_);
    if (sketch_) sketch_pairs();
  }

  void report(const FlowCounters&, TaskResult& result) const override {
    result.threshold = config_.threshold.set() ? config_.threshold.count : kDefaultThreshold;
    if (sketch_) {
      result.standard_error = sketch_->standard_error(result.threshold);
      for (const Spread& spread : sketch_->at_least(result.threshold)) {
        result.spreads.push_back({FlowKey::from_words(spread.key), spread.spread});
      }
    } else {
      std::vector<FlowRecord> ones = pairs_;
      for (FlowRecord& one : ones) one.counters.packets = 1;
      for (const FlowRecord& sum : sum_records(ones, config_.fields)) {
        const uint64_t spread = sum.counters.packets;
        if (spread >= result.threshold) result.spreads.push_back({sum.key, spread});
      }
    }
    std::sort(result.spreads.begin(), result.spreads.end(), [](const SpreadRecord& a, const SpreadRecord& b) {
      return a.spread != b.spread ? a.spread > b.spread : a.key < b.key;
    });
  }

 private:
  void sketch_pairs() {
    for (const FlowRecord& pair : pairs_) {
      const KeyWords key = key_mask_.apply(pair.key).words();
      sketch_->add(sketch_->hash(key), sketch_->element_hash(pair.key.words()), key);
    }
    pairs_.clear();
  }

  const TaskConfig config_;
  const KeyMask key_mask_;
  const KeyFields pair_fields_;
  std::vector<FlowRecord> pairs_;        // while there is no sketch
  std::optional<SuperSpreader> sketch_;  // once there is anything that was estimated
};

}  // namespace

absl::StatusOr<std::unique_ptr<Task>> SuperSpreaderTask::create(const TaskConfig& config) {
  absl::StatusOr<SuperSpreader> sketch = SuperSpreader::create(shape_of(config));
  if (!sketch.ok()) return sketch.status();
  return std::unique_ptr<Task>(new SuperSpreaderTask(config, *std::move(sketch)));
}

SuperSpreaderTask::SuperSpreaderTask(const TaskConfig& config, SuperSpreader sketch)
    : config_(config),
      key_mask_(config.fields),
      pair_mask_(config.fields | config.elements),
      sketch_(std::move(sketch)) {}

// Nothing is prefetched: the sketch stays in the second-level cache, and its lines are found before they are needed.
void SuperSpreaderTask::update(std::span<const Packet> packets) {
  for (const Packet& packet : packets) {
    const KeyWords key = key_mask_.apply_words(packet.key);
    sketch_.add(sketch_.hash(key), sketch_.element_hash(pair_mask_.apply_words(packet.key)), key);
  }
}

TaskPart SuperSpreaderTask::drain() {
  TaskPart part;
  if (sketch_.empty()) return part;
  auto estimate = std::make_unique<SuperSpreaderEstimate>(config_);
  estimate->take(sketch_).IgnoreError();  // of the same shape
  part.estimate = std::move(estimate);
  sketch_.reset();
  return part;
}

std::unique_ptr<Estimate> make_super_spreader_estimate(const TaskConfig& config) {
  return std::make_unique<SuperSpreaderEstimate>(config);
}

}  // namespace netspectra

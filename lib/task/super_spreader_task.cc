#include "task/super_spreader_task.h"

#include <algorithm>
#include <utility>

#include "flow/record_sum.h"
#include "task/sketch_keys.h"
#include "task/sketched_estimate.h"

namespace netspectra {
namespace {

constexpr uint64_t kDefaultMemory = 1 << 20;
constexpr uint64_t kDefaultThreshold = 100;

SpreadShape shape_of(const TaskConfig& config) {
  return SpreadShape::for_memory(config.memory_bytes != 0 ? config.memory_bytes : kDefaultMemory, config.seed,
                                 key_layout(config.fields));
}

// What is known exactly are pairs of key and element.
class SuperSpreaderEstimate final : public SketchedEstimate<SuperSpreader> {
 public:
  explicit SuperSpreaderEstimate(const TaskConfig& config)
      : SketchedEstimate(config), key_mask_(config.fields) {}

  void report(const FlowCounters&, TaskResult& result) const override {
    result.threshold = config_.threshold.set() ? config_.threshold.count : kDefaultThreshold;
    if (sketch_) {
      result.standard_error = sketch_->standard_error(result.threshold);
      for (const Spread& spread : sketch_->at_least(result.threshold)) {
        result.spreads.push_back({FlowKey::from_words(spread.key), spread.spread});
      }
    } else {
      std::vector<FlowRecord> ones = exact_;
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
  void sketch(const FlowRecord& exact, SuperSpreader& sketch) const override {
    const KeyWords key = key_mask_.apply(exact.key).words();
    sketch.add(sketch.hash(key), sketch.element_hash(exact.key.words()), key);
  }
  SketchShape shape() const override {
    const SpreadShape shape = shape_of(config_);
    return {.size = shape.bits, .groups = shape.groups};
  }
  void append_sketch(const SuperSpreader& sketch, std::vector<std::byte>& state) const override {
    state.insert(state.end(), sketch.bytes().begin(), sketch.bytes().end());
  }
  absl::StatusOr<SuperSpreader> read_sketch(std::span<const std::byte> bytes) const override {
    absl::StatusOr<SuperSpreader> sketch = SuperSpreader::restore(shape_of(config_), bytes);
    if (!sketch.ok()) return sketch;
    const KeyCheck check(config_.fields);
    for (const KeyWords& key : sketch->candidates()) {
      if (!check.fits(FlowKey::from_words(key))) {
        return absl::InvalidArgumentError("a candidate's key has other fields than the task");
      }
    }
    return sketch;
  }

  const KeyMask key_mask_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Task>> SuperSpreaderTask::create(const TaskConfig& config) {
  absl::StatusOr<SuperSpreader> sketch = SuperSpreader::create(shape_of(config));
  if (!sketch.ok()) return sketch.status();
  return std::unique_ptr<Task>(new SuperSpreaderTask(config, *std::move(sketch)));
}

SuperSpreaderTask::SuperSpreaderTask(const TaskConfig& config, SuperSpreader sketch)
    : config_(config),
      sketch_(std::move(sketch)),
      key_(config.fields, sketch_.key_hash()),
      pair_(config.fields | config.elements, sketch_.pair_hash()) {}

void SuperSpreaderTask::update(const Burst& burst) {
  const std::span<const uint64_t> keys = burst.hashes(key_), pairs = burst.hashes(pair_);
  sketch_.add(keys, pairs, KeyBlocks(burst.packets().data()));
}

TaskPart SuperSpreaderTask::drain() {
  TaskPart part;
  if (sketch_.empty()) return part;
  auto estimate = std::make_unique<SuperSpreaderEstimate>(config_);
  part.status = estimate->take_copy(sketch_);  // for which there may be no memory
  if (part.status.ok()) part.estimate = std::move(estimate);
  sketch_.reset();
  return part;
}

std::unique_ptr<Estimate> make_super_spreader_estimate(const TaskConfig& config) {
  return std::make_unique<SuperSpreaderEstimate>(config);
}

}  // namespace netspectra

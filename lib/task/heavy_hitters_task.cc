#include "task/heavy_hitters_task.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "flow/flow_table.h"
#include "flow/record_sum.h"
#include "task/sketch_keys.h"

namespace netspectra {
namespace {

constexpr uint64_t kDefaultMemory = 256 << 10;
constexpr Threshold kDefaultThreshold = {.share_ppm = 1000};

HeavyHitterShape shape_of(const TaskConfig& config) {
  return HeavyHitterShape::for_memory(
      config.memory_bytes != 0 ? config.memory_bytes : kDefaultMemory, config.seed,
      config.by == RankBy::kBytes ? HeavyHitterRank::kBytes : HeavyHitterRank::kPackets,
      key_layout(config.fields));
}

// Keys that are known exactly, and a sum of what was estimated, if anything was.
class HeavyHittersEstimate final : public Estimate {
 public:
  explicit HeavyHittersEstimate(const TaskConfig& config) : config_(config) {}

  absl::Status take(HeavyHitterSum measured) {
    if (sum_) return sum_->merge(measured);
    sum_ = std::move(measured);
    sum_up();
    return absl::OkStatus();
  }

  absl::Status merge(const Estimate& other) override {
    const auto& from = static_cast<const HeavyHittersEstimate&>(other);
    if (from.sum_) {
      if (absl::Status taken = take(*from.sum_); !taken.ok()) return taken;
    }
    add(from.exact_);
    return absl::OkStatus();
  }

  void add(std::span<const FlowRecord> records) override {
    const std::span<const FlowRecord> parts[] = {exact_, records};
    exact_ = sum_records(parts, config_.fields);
    if (sum_) sum_up();
  }

  void report(const FlowCounters& total, TaskResult& result) const override {
    const Threshold threshold = config_.threshold.set() ? config_.threshold : kDefaultThreshold;
    const uint64_t of_all = threshold.of(config_.by == RankBy::kBytes ? total.bytes : total.packets);
    result.threshold = std::max<uint64_t>(of_all, 1);
    if (sum_) {
      for (const HeavyHitter& hitter : sum_->at_least(result.threshold)) {
        result.heavy_hitters.push_back({FlowKey::from_words(hitter.key), hitter.packets, hitter.bytes,
                                        hitter.error_packets, hitter.error_bytes});
      }
    }
    for (const FlowRecord& record : exact_) {
      const HeavyHitterRecord hitter = {record.key, record.counters.packets, record.counters.bytes, 0, 0};
      if (ranked(hitter) >= result.threshold) result.heavy_hitters.push_back(hitter);
    }
    std::sort(result.heavy_hitters.begin(), result.heavy_hitters.end(),
              [this](const HeavyHitterRecord& a, const HeavyHitterRecord& b) {
                return ranked(a) != ranked(b) ? ranked(a) > ranked(b) : a.key < b.key;
              });
  }

 private:
  uint64_t ranked(const HeavyHitterRecord& hitter) const {
    return config_.by == RankBy::kBytes ? hitter.bytes : hitter.packets;
  }
  void sum_up() {
    for (const FlowRecord& record : exact_) {
      sum_->add_exact(record.key.words(), record.counters.packets, record.counters.bytes);
    }
    exact_.clear();
  }

  const TaskConfig config_;
  std::vector<FlowRecord> exact_;      // while there is no sum
  std::optional<HeavyHitterSum> sum_;  // once there is anything that was estimated
};

}  // namespace

absl::StatusOr<std::unique_ptr<Task>> HeavyHittersTask::create(const TaskConfig& config) {
  absl::StatusOr<HeavyHitters> sketch = HeavyHitters::create(shape_of(config));
  if (!sketch.ok()) return sketch.status();
  return std::unique_ptr<Task>(new HeavyHittersTask(config, *std::move(sketch)));
}

HeavyHittersTask::HeavyHittersTask(const TaskConfig& config, HeavyHitters sketch)
    : config_(config), mask_(config.fields), sketch_(std::move(sketch)) {}

void HeavyHittersTask::update(std::span<const Packet> packets) {
  KeyWords keys[FlowTable::kMaxBurst];
  uint64_t hashes[FlowTable::kMaxBurst];
  for (size_t i = 0; i < packets.size(); ++i) {
    keys[i] = mask_.apply_words(packets[i].key);
    hashes[i] = sketch_.hash(keys[i]);
    sketch_.prefetch(hashes[i]);
  }
  for (size_t i = 0; i < packets.size(); ++i) sketch_.add(hashes[i], keys[i], 1, packets[i].len_bytes);
}

TaskPart HeavyHittersTask::drain() {
  TaskPart part;
  if (sketch_.empty()) return part;
  auto estimate = std::make_unique<HeavyHittersEstimate>(config_);
  estimate->take(sketch_.drain()).IgnoreError();  // the first to be taken
  part.estimate = std::move(estimate);
  return part;
}

std::unique_ptr<Estimate> make_heavy_hitters_estimate(const TaskConfig& config) {
  return std::make_unique<HeavyHittersEstimate>(config);
}

}  // namespace netspectra

#include "task/heavy_hitters_task.h"

#include <algorithm>
#include <cstring>
#include <type_traits>
#include <utility>

#include "task/sketch_keys.h"
#include "task/sketched_estimate.h"

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

// Of a saved sum: the total floors of all sets, then the entries, by key.
using Entry = HeavyHitterSum::Entry;
using Floor = HeavyHitterSum::Floor;
static_assert(sizeof(Entry) == 72 && std::has_unique_object_representations_v<Entry>);
static_assert(sizeof(Floor) == 16 && std::has_unique_object_representations_v<Floor>);
constexpr uint64_t kMaxCount = uint64_t{1}
                               << 60;  // beyond what any link carries: sums of sums do not wrap around

// Whether parts can have added up to it: the error, which is the floor and the slack together, is not below 0.
bool possible(const HeavyHitterSum::Bounds& bounds, uint64_t floor) {
  return bounds.certain <= kMaxCount && bounds.slack >= -static_cast<int64_t>(floor) &&
         bounds.slack <= static_cast<int64_t>(kMaxCount);
}

class HeavyHittersEstimate final : public SketchedEstimate<HeavyHitterSum> {
 public:
  explicit HeavyHittersEstimate(const TaskConfig& config) : SketchedEstimate(config) {}

  void report(const FlowCounters& total, TaskResult& result) const override {
    const Threshold threshold = config_.threshold.set() ? config_.threshold : kDefaultThreshold;
    const uint64_t of_all = threshold.of(config_.by == RankBy::kBytes ? total.bytes : total.packets);
    result.threshold = std::max<uint64_t>(of_all, 1);
    if (sketch_) {
      for (const HeavyHitter& hitter : sketch_->at_least(result.threshold)) {
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
  void sketch(const FlowRecord& exact, HeavyHitterSum& sum) const override {
    sum.add_exact(exact.key.words(), exact.counters.packets, exact.counters.bytes);
  }
  SketchShape shape() const override { return {.size = shape_of(config_).sets}; }

  void append_sketch(const HeavyHitterSum& sum, std::vector<std::byte>& state) const override {
    const std::vector<Entry> entries = sum.entries();
    for (const auto& part : {std::as_bytes(std::span(sum.floors())), std::as_bytes(std::span(entries))}) {
      state.insert(state.end(), part.begin(), part.end());
    }
  }

  absl::StatusOr<HeavyHitterSum> read_sketch(std::span<const std::byte> bytes) const override {
    const HeavyHitterShape shape = shape_of(config_);
    const size_t floors_bytes = shape.sets * sizeof(Floor);
    if (bytes.size() < floors_bytes || (bytes.size() - floors_bytes) % sizeof(Entry) != 0) {
      return absl::InvalidArgumentError("the sum of heavy hitters is cut short");
    }
    HeavyHitterSum sum(shape);
    for (uint32_t set = 0; set < shape.sets; ++set) {
      Floor floor;
      std::memcpy(&floor, bytes.data() + set * sizeof(Floor), sizeof(floor));
      if (std::max(floor.packets, floor.bytes) > kMaxCount) {
        return absl::InvalidArgumentError("a floor of the heavy hitters is beyond reason");
      }
      sum.add_floor(set, floor);
    }
    const std::span<const std::byte> entries = bytes.subspan(floors_bytes);
    sum.reserve(entries.size() / sizeof(Entry));
    const KeyCheck check(config_.fields);
    const KeyedHash hash(shape.seed);
    Entry entry{};
    for (size_t at = 0; at < entries.size(); at += sizeof(Entry)) {
      const KeyWords last = entry.key;
      std::memcpy(&entry, entries.data() + at, sizeof(Entry));
      if (at != 0 && !(last < entry.key)) {
        return absl::InvalidArgumentError("the heavy hitters are not in the order of their keys");
      }
      if (!check.fits(FlowKey::from_words(entry.key))) {
        return absl::InvalidArgumentError("a heavy hitter's key has other fields than the task");
      }
      const Floor& floor = sum.floors()[shape.set_of(hash(entry.key))];
      if (!possible(entry.counts.packets, floor.packets) || !possible(entry.counts.bytes, floor.bytes)) {
        return absl::InvalidArgumentError("a heavy hitter's bounds are impossible");
      }
      sum.add_entry(entry);
    }
    return sum;
  }
};

}  // namespace

absl::StatusOr<std::unique_ptr<Task>> HeavyHittersTask::create(const TaskConfig& config) {
  absl::StatusOr<HeavyHitters> sketch = HeavyHitters::create(shape_of(config));
  if (!sketch.ok()) return sketch.status();
  return std::unique_ptr<Task>(new HeavyHittersTask(config, *std::move(sketch)));
}

HeavyHittersTask::HeavyHittersTask(const TaskConfig& config, HeavyHitters sketch)
    : config_(config), sketch_(std::move(sketch)), key_(config.fields, sketch_.key_hash()) {}

void HeavyHittersTask::update(const Burst& burst) {
  sketch_.add_packets(burst.hashes(key_), KeyBlocks(burst.packets().data()), offsetof(Packet, len_bytes));
}

TaskPart HeavyHittersTask::drain() {
  TaskPart part;
  if (sketch_.empty()) return part;
  auto estimate = std::make_unique<HeavyHittersEstimate>(config_);
  part.status = estimate->take(sketch_.drain());
  part.estimate = std::move(estimate);
  return part;
}

std::unique_ptr<Estimate> make_heavy_hitters_estimate(const TaskConfig& config) {
  return std::make_unique<HeavyHittersEstimate>(config);
}

}  // namespace netspectra

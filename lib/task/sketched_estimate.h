// What the estimates of all kinds have in common: flows that are known exactly, or a sketch of them as soon as anything
// in it was measured so.
//
// Sketch: merge(), and a copy constructor or copy(). Save and restore: docs/wire.md, "Estimator state".
// Threads, ownership: as Estimate's.
#pragma once

#include <concepts>
#include <cstddef>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "flow/record_sum.h"
#include "task/estimate_state.h"
#include "task/record_bytes.h"
#include "task/task.h"

namespace netspectra {

template <typename Sketch>
class SketchedEstimate : public Estimate {
 public:
  absl::Status take(Sketch measured) {
    if (sketch_) return sketch_->merge(measured);
    sketch_ = std::move(measured);
    sketch_exact();
    return absl::OkStatus();
  }
  absl::Status take_copy(const Sketch& measured) {
    if (sketch_) return sketch_->merge(measured);
    if constexpr (std::copy_constructible<Sketch>) {
      return take(measured);
    } else {
      absl::StatusOr<Sketch> copy = measured.copy();
      return copy.ok() ? take(*std::move(copy)) : copy.status();
    }
  }

  absl::Status merge(const Estimate& other) final {
    const auto& from = static_cast<const SketchedEstimate&>(other);
    if (from.sketch_) {
      if (absl::Status taken = take_copy(*from.sketch_); !taken.ok()) return taken;
    }
    add(from.exact_);
    return absl::OkStatus();
  }

  void add(std::span<const FlowRecord> records) final {
    const std::span<const FlowRecord> parts[] = {exact_, records};
    exact_ = sum_records(parts, fields_);
    if (sketch_) sketch_exact();
  }

  std::vector<std::byte> save() const final {
    if (sketch_) {
      std::vector<std::byte> state = begin_state(config_, shape(), StateForm::kSketch);
      append_sketch(*sketch_, state);
      return state;
    }
    std::vector<std::byte> state = begin_state(config_, shape(), StateForm::kExact);
    state.resize(sizeof(StateHead) + exact_.size() * kRecordBytes);
    write_records(exact_, state.data() + sizeof(StateHead));
    return state;
  }

  absl::Status take_saved(std::span<const std::byte> state) final {
    const absl::StatusOr<SavedState> saved = split_state(config_, shape(), state);
    if (!saved.ok()) return saved.status();
    if (saved->form == StateForm::kSketch) {
      absl::StatusOr<Sketch> sketch = read_sketch(saved->content);
      return sketch.ok() ? take(*std::move(sketch)) : sketch.status();
    }
    const absl::StatusOr<std::vector<FlowRecord>> records = read_records(saved->content, fields_);
    if (records.ok()) add(*records);
    return records.status();
  }

 protected:
  explicit SketchedEstimate(const TaskConfig& config)
      : config_(config), fields_(config.fields | config.elements) {}

  virtual void sketch(const FlowRecord& exact, Sketch& sketch) const = 0;
  virtual SketchShape shape() const = 0;
  virtual void append_sketch(const Sketch& sketch, std::vector<std::byte>& state) const = 0;
  // Refuses what append_sketch() cannot have written.
  virtual absl::StatusOr<Sketch> read_sketch(std::span<const std::byte> bytes) const = 0;

  const TaskConfig config_;
  const KeyFields fields_;         // of exact_'s keys: fields and elements
  std::vector<FlowRecord> exact_;  // while there is no sketch
  std::optional<Sketch> sketch_;   // once there is anything that was estimated

 private:
  void sketch_exact() {
    for (const FlowRecord& record : exact_) sketch(record, *sketch_);
    exact_.clear();
  }
};

}  // namespace netspectra

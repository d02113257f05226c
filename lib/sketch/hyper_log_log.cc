#include "sketch/hyper_log_log.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <numbers>

#include "absl/strings/str_format.h"

namespace netspectra {
namespace {

// x + sum of x^(2^k) 2^(k-1), k >= 1: what the empty registers stand for.
double sigma(double x) {
  if (x == 1) return std::numeric_limits<double>::infinity();
  double sum = x;
  for (double weight = 1, before = -1; sum != before; weight *= 2) {
    x *= x;
    before = sum;
    sum += x * weight;
  }
  return sum;
}

// (1 - x - sum of (1 - x^(2^-k))^2 2^-k, k >= 1) / 3: the same for the saturated registers.
double tau(double x) {
  if (x == 0 || x == 1) return 0;
  double sum = 1 - x;
  for (double weight = 0.5, before = -1; sum != before; weight /= 2) {
    x = std::sqrt(x);
    before = sum;
    sum -= (1 - x) * (1 - x) * weight;
  }
  return sum / 3;
}

}  // namespace

absl::StatusOr<HyperLogLog> HyperLogLog::create(const CardinalityShape& shape) {
  if (shape.precision < kMinPrecision || shape.precision > kMaxPrecision) {
    return absl::InvalidArgumentError(
        absl::StrFormat("a cardinality sketch's precision must be from %d to %d, not %d", kMinPrecision,
                        kMaxPrecision, shape.precision));
  }
  return HyperLogLog(shape);
}

absl::StatusOr<HyperLogLog> HyperLogLog::restore(const CardinalityShape& shape,
                                                 std::span<const std::byte> registers) {
  absl::StatusOr<HyperLogLog> sketch = create(shape);
  if (!sketch.ok()) return sketch;
  if (registers.size() != sketch->registers_.size()) {
    return absl::InvalidArgumentError(absl::StrFormat("a cardinality sketch has %d registers, not %d",
                                                      sketch->registers_.size(), registers.size()));
  }
  std::memcpy(sketch->registers_.data(), registers.data(), registers.size());
  const uint8_t highest = *std::max_element(sketch->registers_.begin(), sketch->registers_.end());
  if (highest > 65 - shape.precision) {
    return absl::InvalidArgumentError(
        absl::StrFormat("a cardinality sketch's registers reach %d, not %d", 65 - shape.precision, highest));
  }
  return sketch;
}

double HyperLogLog::estimate() const {
  const size_t last = 65 - shape_.precision;  // the highest level: a hash whose rest is all zeros
  std::array<uint32_t, 65> count{};
  for (uint8_t level : registers_) ++count[level];

  const auto m = static_cast<double>(registers_.size());
  double z = m * tau(1 - count[last] / m);
  for (size_t level = last - 1; level > 0; --level) z = (z + count[level]) / 2;
  z += m * sigma(count[0] / m);
  return m * m / (2 * std::numbers::ln2 * z);
}

absl::Status HyperLogLog::merge(const HyperLogLog& other) {
  if (other.shape_.seed != shape_.seed) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "cardinality sketches of unequal seeds cannot be merged: %u and %u", shape_.seed, other.shape_.seed));
  }
  if (other.shape_.precision != shape_.precision) {
    return absl::InvalidArgumentError(
        absl::StrFormat("cardinality sketches of unequal precisions cannot be merged: %d and %d",
                        shape_.precision, other.shape_.precision));
  }
  for (size_t i = 0; i < registers_.size(); ++i) registers_[i] = std::max(registers_[i], other.registers_[i]);
  return absl::OkStatus();
}

bool HyperLogLog::empty() const {
  return std::all_of(registers_.begin(), registers_.end(), [](uint8_t level) { return level == 0; });
}

void HyperLogLog::reset() { std::fill(registers_.begin(), registers_.end(), uint8_t{0}); }

}  // namespace netspectra

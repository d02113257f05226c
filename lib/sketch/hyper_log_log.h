// The number of distinct keys in a stream, in 16 KiB.
//
// Shape: 2^precision registers of 8 bits. A hash chooses a register with its first `precision` bits; the
//   register keeps the largest position of the lowest 1 bit seen in the rest.
// Error: unbiased; relative standard error 1.04 / sqrt(2^precision), 0.81 % at 14, at every cardinality from
//   0 (exactly 0) to beyond 10^12. No bias tables, no switch between ranges: Ertl's improved estimator.
// Merge: register by register the maximum. The result is byte for byte what one instance would hold that had
//   seen all streams, in any order and grouping; repeats change nothing.
// Threads: one at a time. Ownership: owns its registers. Errors: create() and merge() refuse wrong shapes.
// Cost: add() 1 ns where the registers are in L1 or L2; estimate() 10 us; no allocation after create().
// Source: Flajolet, Fusy, Gandouet, Meunier, "HyperLogLog" (AofA 2007); Ertl, "New cardinality estimation
//   algorithms for HyperLogLog sketches" (arXiv:1702.01284, 2017), algorithm 6.
#pragma once

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sketch/key_hash.h"

namespace netspectra {

struct CardinalityShape {
  uint64_t seed = 0;
  uint32_t precision = 14;
  friend bool operator==(const CardinalityShape&, const CardinalityShape&) = default;
};

class HyperLogLog {
 public:
  static constexpr uint32_t kMinPrecision = 4;
  static constexpr uint32_t kMaxPrecision = 18;

  static absl::StatusOr<HyperLogLog> create(const CardinalityShape& shape);
  // From what registers() gave. InvalidArgument where it cannot have given that.
  static absl::StatusOr<HyperLogLog> restore(const CardinalityShape& shape,
                                             std::span<const std::byte> registers);

  const KeyHash& key_hash() const { return hash_; }
  uint64_t hash(const KeyWords& key) const { return hash_(key); }

  // `hash` must be uniform in all its 64 bits, as that of hash() is.
  void add(uint64_t hash) { add({&hash, 1}); }
  void add(std::span<const uint64_t> hashes) {
    uint8_t* const registers = registers_.data();
    const uint32_t rest = 64 - shape_.precision;
    for (const uint64_t hash : hashes) {
      uint8_t& level = registers[hash >> rest];
      // The bit above the rest ends the run of zeros.
      const auto rank = static_cast<uint8_t>(std::countr_zero(hash | uint64_t{1} << rest) + 1);
      if (rank > level) level = rank;
    }
  }

  double estimate() const;
  double standard_error() const {
    return 1.04 / std::sqrt(static_cast<double>(registers_.size()));
  }  // relative
  absl::Status merge(const HyperLogLog& other);
  bool empty() const;
  void reset();

  const CardinalityShape& shape() const { return shape_; }
  // The whole state.
  std::span<const uint8_t> registers() const { return registers_; }

 private:
  explicit HyperLogLog(const CardinalityShape& shape)
      : shape_(shape),
        hash_(shape.seed, KeyHash::Finish::kRandom),
        registers_(size_t{1} << shape.precision) {}

  CardinalityShape shape_;
  KeyHash hash_;
  std::vector<uint8_t> registers_;
};

}  // namespace netspectra

// Cache-line size and the single-writer counter.
//
// Threads: a Counter has one writer; any thread may read it. It compiles to plain moves: no lock prefix.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace netspectra {

inline constexpr size_t kCacheLine = 64;

class Counter {
 public:
  void add(uint64_t n) { set(value_.load(std::memory_order_relaxed) + n); }
  void set(uint64_t n) { value_.store(n, std::memory_order_relaxed); }
  uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

}  // namespace netspectra

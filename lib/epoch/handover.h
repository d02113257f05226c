// The two-state handover between one worker and the control core.
//
// Purpose: a worker fills one state while the control core empties the other. The worker seals its state at
//   the end of an epoch and goes on with the other one, if that has come back; no lock, no copy.
//
//        worker: active --seal()--> sealed --take()--> control core
//                  ^                                        |
//                  +-------- empty <----give_back()---------+
//
// Threads: active() and seal() by the worker, take() and give_back() by the control core. Each of the two
//   slots is written by both sides in turn, once per epoch, on a cache line of its own.
// Ownership: owns both states. What take() returns is lent until give_back().
// Errors: seal() returns false while the other state is still out; the caller then extends its epoch (live)
//   or tries again (offline).
#pragma once

#include <atomic>
#include <memory>
#include <utility>

#include "base/cache_line.h"

namespace netspectra {

template <class State>
class Handover {
 public:
  Handover(std::unique_ptr<State> first, std::unique_ptr<State> second)
      : active_(first.get()), empty_(second.get()), first_(std::move(first)), second_(std::move(second)) {}
  Handover(const Handover&) = delete;
  Handover& operator=(const Handover&) = delete;

  State& active() { return *active_; }
  const State& active() const { return *active_; }

  bool seal() {
    State* const next = empty_.load(std::memory_order_acquire);
    if (next == nullptr) return false;
    empty_.store(nullptr, std::memory_order_relaxed);
    sealed_.store(active_, std::memory_order_release);
    active_ = next;
    return true;
  }

  // The sealed state, or nullptr while there is none.
  State* take() {
    State* const state = sealed_.load(std::memory_order_acquire);
    if (state != nullptr) sealed_.store(nullptr, std::memory_order_relaxed);
    return state;
  }

  // `state` must be empty and come from take().
  void give_back(State* state) { empty_.store(state, std::memory_order_release); }

 private:
  alignas(kCacheLine) State* active_;  // worker: rw, control core: never
  alignas(kCacheLine) std::atomic<State*> sealed_{nullptr};
  alignas(kCacheLine) std::atomic<State*> empty_;
  alignas(kCacheLine) const std::unique_ptr<State> first_;
  const std::unique_ptr<State> second_;
};

}  // namespace netspectra

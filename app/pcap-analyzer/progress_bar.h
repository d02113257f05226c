// How far the files have been read, on standard error.
//
// Purpose: a bar with rate and time left, redrawn in place on a terminal; with kAlways and no terminal, one
//   line per second instead. Threads: one. Cost: nothing between two redraws but a clock read.
#pragma once

#include <chrono>

#include "config/analyzer_options.h"
#include "worker/capture_manager.h"

namespace netspectra {

class ProgressBar {
 public:
  explicit ProgressBar(ProgressMode mode);
  void update(const Progress& progress);
  void finish(const Progress& progress);  // takes the bar away again

 private:
  using Clock = std::chrono::steady_clock;
  void draw(const Progress& progress);

  const bool terminal_;
  const bool on_;
  const Clock::time_point start_ = Clock::now();
  Clock::time_point next_;
  bool drawn_ = false;
};

}  // namespace netspectra

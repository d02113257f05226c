// What signals may do to a run.
//
// Threads: all of it is for the main thread; the others are made while BlockedSignals exists and never see one.
#pragma once

#include <signal.h>

namespace netspectra {

// SIGINT, SIGTERM and SIGHUP blocked while it exists; threads made meanwhile keep them blocked.
class BlockedSignals {
 public:
  BlockedSignals();
  ~BlockedSignals();
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;

 private:
  sigset_t before_;
};

// While it exists the first SIGINT or SIGTERM is only noted; the second ends the process as usual, wherever it is.
class InterruptFlag {
 public:
  InterruptFlag();
  ~InterruptFlag();
  InterruptFlag(const InterruptFlag&) = delete;
  InterruptFlag& operator=(const InterruptFlag&) = delete;

  bool raised() const;
};

// While it exists SIGHUP is only noted.
class ReloadFlag {
 public:
  ReloadFlag();
  ~ReloadFlag();
  ReloadFlag(const ReloadFlag&) = delete;
  ReloadFlag& operator=(const ReloadFlag&) = delete;

  // Whether one has come since the last call.
  bool take();
};

// Standard descriptors that were closed by whoever started the program would be given to the files it opens. From now
// on they refuse reads and writes instead.
void occupy_standard_descriptors();

}  // namespace netspectra

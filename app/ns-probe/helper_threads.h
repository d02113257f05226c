// Where the threads of NATS and of the metrics run: not where a worker polls, since two on a CPU lose packets.
//
// Threads: the main one. Errors: none: a thread that cannot be moved stays where it is.
#pragma once

#include <sched.h>

#include "common/signals.h"
#include "ethdev/eal.h"

namespace netspectra {

// The calling thread's CPUs while it exists; threads that are made meanwhile keep them.
class Affinity {
 public:
  explicit Affinity(const cpu_set_t& cpus) {
    sched_getaffinity(0, sizeof(before_), &before_);
    sched_setaffinity(0, sizeof(cpus), &cpus);
  }
  ~Affinity() { sched_setaffinity(0, sizeof(before_), &before_); }
  Affinity(const Affinity&) = delete;
  Affinity& operator=(const Affinity&) = delete;

 private:
  cpu_set_t before_;
};

// Threads that are made while it exists keep away from the workers' CPUs, and leave signals to this one.
class HelperThreads {
 public:
  explicit HelperThreads(const EalInfo& eal) : away_(eal.other_cpus) {}

 private:
  const BlockedSignals blocked_;
  const Affinity away_;
};

}  // namespace netspectra

// What the engine's main thread tells everybody else: readiness, figures, the alerts.
//
// Threads: change() by the main thread, read() by any; a copy each, under a lock.
// Cost: some microseconds a copy with a hundred probes.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "base/source_stats.h"
#include "http/server.h"

namespace netspectra {

struct EngineFigures {
  struct Probe {
    uint64_t epochs = 0;  // amendments included
    uint64_t amendments = 0;
    uint64_t rx_packets = 0, rx_bytes = 0;
    uint64_t overflow_packets = 0;   // of exact tasks that are measured
    uint64_t incomplete_epochs = 0;  // stored with something missing, whether it came later or not
    SourceStats source;
    uint64_t last_start_ns = 0;
    double last_delay_s = 0;  // from the end of the newest epoch to when it was stored
  };
  bool nats_connected = false;
  std::string store_trouble;  // "" = it works
  uint64_t messages = 0, repeats = 0, refused = 0;
  uint64_t held_bytes = 0, memory_limit_bytes = 0;
  uint64_t epochs = 0, records = 0;  // stored
  uint64_t store_ns = 0;             // spent in the store
  uint64_t heard_ns = 0;             // steady clock: when the main thread was last seen
  std::map<std::pair<std::string, std::string>, Probe> probes;  // by site and name
  uint64_t probes_left_out = 0;                                 // epochs of those that there was no room for
  uint64_t alerts_delivered = 0, alerts_failed = 0, alerts_waiting = 0;
  uint64_t alerts_firing = 0;
  uint64_t alerts_untracked_keys = 0;
  std::shared_ptr<const std::string> alerts;  // the answer to /api/v1/alerts; null: there are no rules
};

class EngineStatus {
 public:
  // Names come from the network.
  static constexpr size_t kMaxProbes = 1000;

  template <class Change>
  void change(Change change) {
    const std::lock_guard lock(mutex_);
    change(figures_);
  }
  EngineFigures read() const {
    const std::lock_guard lock(mutex_);
    return figures_;
  }

 private:
  mutable std::mutex mutex_;
  EngineFigures figures_;
};

// Why the engine does not do its work just now; "" = it does.
std::string not_ready_because(const EngineFigures& figures);
// In Prometheus' text format.
std::string metrics_text(const EngineFigures& figures, const HttpStats& http);

}  // namespace netspectra

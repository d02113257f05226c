// What a running probe tells about itself: the one source of its log lines, metrics and telemetry commands.
//
// Purpose: the control core fills one in before the first period and after each, and posts it; whoever asks gets the last one.
// Units: totals are since the start of the run; `last` is of the last whole period.
// Threads: ProbeStatus is plain data; a StatusBoard is for any number of threads.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/ledger.h"
#include "base/source_stats.h"
#include "bus/publisher.h"

namespace netspectra {

struct WorkerStatus {
  std::string port;  // as configured
  uint32_t queue = 0;
  int cpu = -1;
  struct Counts {
    uint64_t rx_packets = 0;
    uint64_t rx_bytes = 0;
    uint64_t ip_packets = 0;
    uint64_t not_ip = 0;
    uint64_t malformed = 0;
    uint64_t overflow_packets = 0;  // of the exact tasks: flows for which there was no room
    SourceStats source;

    Counts& operator+=(const Counts& other) {
      rx_packets += other.rx_packets;
      rx_bytes += other.rx_bytes;
      ip_packets += other.ip_packets;
      not_ip += other.not_ip;
      malformed += other.malformed;
      overflow_packets += other.overflow_packets;
      source += other.source;
      return *this;
    }
  };
  Counts total, last;
};

struct PortStatus {
  std::string spec;
  std::string driver;
  bool link_up = false;
  uint32_t link_mbps = 0;  // 0: not known
  std::string rss;
  bool hardware_timestamps = false;
};

struct TaskStatus {
  std::string name;
  std::string kind;
  bool derived = false;           // computed from another task's records, not packet by packet
  uint64_t capacity = 0;          // exact: flows that get a record, of one worker
  uint64_t last_records = 0;      // exact: over all workers, in the last period
  uint64_t peak_records = 0;      // exact: of the fullest worker, in the last period
  uint64_t overflow_packets = 0;  // total
};

struct ProbeStatus {
  std::string version, site, probe;
  uint64_t run = 0;
  uint64_t period_ns = 0;
  uint64_t last_epoch_start_ns = 0;  // of the last whole period; 0 = none yet
  double last_elapsed_s = 0;         // its length
  uint64_t epochs = 0;               // whole ones so far
  std::vector<WorkerStatus> workers;
  std::vector<PortStatus> ports;
  std::vector<TaskStatus> tasks;
  bool publishes = false;  // to NATS
  PublisherStats nats;

  // Over all workers: sum(&WorkerStatus::last).
  WorkerStatus::Counts sum(WorkerStatus::Counts WorkerStatus::*which) const {
    WorkerStatus::Counts counts;
    for (const WorkerStatus& worker : workers) counts += worker.*which;
    return counts;
  }
};

class StatusBoard {
 public:
  void post(ProbeStatus status) {
    const std::lock_guard lock(mutex_);
    status_ = std::move(status);
  }
  ProbeStatus read() const {
    const std::lock_guard lock(mutex_);
    return status_;
  }

 private:
  mutable std::mutex mutex_;
  ProbeStatus status_;
};

}  // namespace netspectra

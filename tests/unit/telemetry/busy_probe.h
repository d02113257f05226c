// A probe in full swing, for tests: every figure is another one, so that none can stand in another's place.
#pragma once

#include <cstdint>
#include <string>

#include "telemetry/probe_status.h"

namespace netspectra {

inline WorkerStatus::Counts counts_from(uint64_t first) {
  WorkerStatus::Counts counts;
  uint64_t next = first;
  for (uint64_t* figure :
       {&counts.rx_packets, &counts.rx_bytes, &counts.ip_packets, &counts.not_ip, &counts.malformed,
        &counts.overflow_packets, &counts.source.received, &counts.source.nic_missed, &counts.source.no_mbuf,
        &counts.source.nic_errors, &counts.source.kernel_dropped, &counts.source.epoch_overruns,
        &counts.source.busy_ns, &counts.source.total_ns}) {
    *figure = next++;
  }
  for (uint64_t& polls : counts.source.polls) polls = next++;
  return counts;
}

// Worker i on queue i of "eth1": total counts_from(1000 * (i + 1)), last counts_from(100 * (i + 1)).
inline ProbeStatus busy_probe(uint32_t workers) {
  ProbeStatus status;
  status.version = "0.1.0";
  status.site = "ams";
  status.probe = "edge-1";
  status.run = 18'446'744'073'709'551'615u;
  status.period_ns = 10'000'000'000;
  status.last_epoch_start_ns = 1'700'000'000'000'000'000;
  status.last_elapsed_s = 10.5;
  status.epochs = 7;
  for (uint32_t i = 0; i < workers; ++i) {
    status.workers.push_back({.port = "eth1",
                              .queue = i,
                              .cpu = static_cast<int>(i) + 4,
                              .total = counts_from(1000 * (i + 1)),
                              .last = counts_from(100 * (i + 1))});
  }
  status.ports = {{.spec = "eth1",
                   .driver = "net_af_packet",
                   .link_up = true,
                   .link_mbps = 40'000,
                   .rss = "fanout",
                   .hardware_timestamps = false}};
  status.tasks = {{.name = "flows",
                   .kind = "exact",
                   .derived = false,
                   .capacity = 1'000'000,
                   .last_records = 61,
                   .peak_records = 31,
                   .overflow_packets = 17},
                  {.name = "by-source", .kind = "exact", .derived = true, .last_records = 41},
                  {.name = "scan", .kind = "super_spreader", .derived = true}};
  status.publishes = true;
  status.nats = {.connected = true,
                 .published = 501,
                 .published_bytes = 502,
                 .queued = 503,
                 .queued_bytes = 504,
                 .spooled = 505,
                 .spooled_bytes = 506,
                 .retries = 507,
                 .dropped = 508,
                 .dropped_epochs = 509};
  return status;
}

}  // namespace netspectra

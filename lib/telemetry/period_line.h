// The probe's log line of each period.
//
// Purpose: whether all is well, at one look; and if not, what is wrong.
// Shape: one line without its end; docs/operations.md explains it. Example (one line):
//   2023-11-14T22:13:20Z 10s: 14.88 Mpps 10.00 Gbit/s, 1.20 M flows, lost 0, queues 25 25 26 24 %,
//   busy 61 60 63 59 %, nats ok
// What is fine is short or not there; what is not fine is always there, and its figures are of the period. Only
// what NATS dropped is of the whole run: it never becomes fine again.
// Threads: pure. Errors: none.
#pragma once

#include <string>

#include "telemetry/probe_status.h"

namespace netspectra {

std::string period_line(const ProbeStatus& status);

}  // namespace netspectra

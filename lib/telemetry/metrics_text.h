// The probe's status as Prometheus reads it.
//
// Shape: every counter and gauge of the status under netspectra_probe_..., with HELP and TYPE;
//   docs/operations.md lists them. Labels: {port,queue}, {port} or {task}. Figures of the last period alone are
//   left out where a counter of the whole run tells the same by its rate().
// Threads: pure. Errors: none. Cost: about 2 KiB of text for each worker.
// Source: Prometheus text exposition format 0.0.4; Prometheus, "Metric and label naming".
#pragma once

#include <string>

#include "telemetry/probe_status.h"

namespace netspectra {

std::string metrics_text(const ProbeStatus& status);

}  // namespace netspectra

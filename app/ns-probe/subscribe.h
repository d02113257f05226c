// --mode sub: snapshots from NATS as JSON lines on standard output, until a signal. Returns the exit status.
//
// Shapes: docs/ns-probe.md. For each snapshot one line {"type":"snapshot",...} with its header, then the rows of what
//   it holds as pcap-analyzer prints them. An estimator's state is shown once all of its chunks have come.
#pragma once

#include "config/probe_options.h"

namespace netspectra {

int subscribe(const ProbeOptions& options);

}  // namespace netspectra

// A period's status as one line of JSON: what a probe says of itself on NATS.
//
// Shapes: docs/bus.md, "Health". Threads: pure.
#pragma once

#include <string>

#include "telemetry/probe_status.h"

namespace netspectra {

std::string health_message(const ProbeStatus& status);

}  // namespace netspectra

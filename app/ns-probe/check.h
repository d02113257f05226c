// --check: examines the machine and NATS, starts nothing. Returns the exit status: 1 where something is at fault.
#pragma once

#include "config/probe_options.h"

namespace netspectra {

int check_machine(const ProbeOptions& options);

}  // namespace netspectra

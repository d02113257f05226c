// A run of the probe: from options to the last acknowledged snapshot. Returns the exit status.
#pragma once

#include "config/probe_options.h"

namespace netspectra {

int run_probe(const ProbeOptions& options, int argc, const char* const* argv);

}  // namespace netspectra

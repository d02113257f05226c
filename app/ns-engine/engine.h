// The engine from start to end: NATS -> StreamAggregator -> store -> acknowledgement.
#pragma once

#include "config/engine_options.h"

namespace netspectra {

// Until a signal or the duration is over. Returns the exit status.
int run_engine(const EngineOptions& options);

}  // namespace netspectra

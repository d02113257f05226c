// What a NATS server says to the configured login and stream, for `ns-probe --check`.
//
// Purpose: looks, and changes nothing: no stream is made, nothing is published.
// Errors: as NatsLink::connect(). Threads: those of nats.c until it returns. Cost: some seconds at most.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "bus/nats_config.h"

namespace netspectra {

struct NatsCheck {
  std::string said;    // whom it reached, and what the stream holds
  bool has_jetstream;  // false: what is published reaches only those who listen
};

absl::StatusOr<NatsCheck> check_nats(const NatsConfig& config);

}  // namespace netspectra

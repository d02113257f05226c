// A subscription to plain NATS: what is published while it is there.
//
// Purpose: for those who find no stream. What comes faster than it is taken is dropped by nats.c, and counted.
// Threads: one; nats.c's receive. Ownership: it is the link's. Errors: start() says which server and why.
#pragma once

#include <nats/nats.h>

#include <chrono>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "bus/nats_link.h"

namespace netspectra {

class PlainSubscription {
 public:
  // In force when it returns.
  absl::Status start(NatsLink& link, const std::string& subject);

  // Of the link that it was started on last.
  NatsMessage next(const NatsLink& link, std::chrono::milliseconds limit);  // null: none came
  int64_t take_dropped(const NatsLink& link);                               // since the last call

 private:
  int64_t dropped_ = 0;  // that were told
};

}  // namespace netspectra

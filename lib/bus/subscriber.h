// Messages from NATS as they arrive, for those who only look.
//
// Purpose: `ns-probe --mode sub`: with JetStream an ephemeral pull consumer from now on, or from the stream's
//   first message: in the stream's order, without gaps, however slowly it is read. Without JetStream, or
//   before there is a stream, a plain subscription, with a warning; what it loses when it is read too slowly
//   is an event. Nothing is acknowledged for others: it takes nothing away.
// Threads: one thread calls next(); nats.c's threads receive. Errors: open() as Publisher::open(), but a
//   server that cannot be reached is one, too. A connection lost later is re-established by next(), and read
//   on after the last message that was received; take_events() tells of it.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "bus/nats_config.h"

namespace netspectra {

struct IncomingMessage {
  std::string subject;
  std::string id;  // Nats-Msg-Id; "" = none
  std::vector<uint8_t> bytes;
};

class Subscriber {
 public:
  // `from_start`: with JetStream, what the stream still holds comes first.
  static absl::StatusOr<std::unique_ptr<Subscriber>> open(const NatsConfig& config,
                                                          const std::string& subject, bool from_start);
  virtual ~Subscriber() = default;
  // False after `limit` without a message.
  virtual bool next(IncomingMessage& message, std::chrono::milliseconds limit) = 0;
  virtual std::vector<std::string> take_events() = 0;
};

}  // namespace netspectra

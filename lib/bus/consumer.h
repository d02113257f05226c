// Messages from NATS for those who must not lose any: each is delivered until it is acknowledged.
//
// Purpose: the engine's intake: a durable JetStream pull consumer of its own name, over one subject filter. What is not
//   acknowledged is delivered again: to this process or, when it has died, to the next one of the same name. Without
//   JetStream a plain subscription, with a warning: what is not taken while it runs is lost.
// Tickets: a message is acknowledged by its ticket, at any time, also after the connection was lost and made again.
//   hold() tells the server that the messages which are not acknowledged yet are still wanted; without it they come
//   again after `ack_wait`.
// Threads: one thread calls; nats.c's threads receive, and are made with the signals blocked.
// Errors: open(): a configuration that cannot be right, a login or TLS that is refused. NATS that cannot be reached is
//   none: next() connects, and connects again; take_events() tells of it.
// Cost: about 200 bytes for a message that is not acknowledged; an acknowledgement is one small message, unanswered.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "bus/nats_config.h"

namespace netspectra {

struct ConsumerConfig {
  std::string subject;  // filter
  std::string name;     // durable; two processes with one name share the messages out between them
  std::chrono::nanoseconds ack_wait = std::chrono::seconds(10);
};

struct DeliveredMessage {
  std::string subject;
  std::vector<uint8_t> bytes;
  uint64_t ticket = 0;
};

class Consumer {
 public:
  static absl::StatusOr<std::unique_ptr<Consumer>> open(const NatsConfig& nats, const ConsumerConfig& config);
  virtual ~Consumer() = default;

  // False after `limit` without a message.
  virtual bool next(DeliveredMessage& message, std::chrono::milliseconds limit) = 0;
  virtual void acknowledge(uint64_t ticket) = 0;
  // To be called often: it does something a few times per ack_wait.
  virtual void hold() = 0;
  // Gives back what is not acknowledged, so that whoever comes next has it at once, and brings what was acknowledged to
  // the server.
  virtual void close() = 0;

  // Whether what is not acknowledged will come again.
  virtual bool redelivers() const = 0;
  virtual bool connected() const = 0;
  virtual std::vector<std::string> take_events() = 0;
};

}  // namespace netspectra

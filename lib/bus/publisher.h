// Messages to NATS, each until it is acknowledged.
//
// Purpose: nothing that was handed over is lost while there is room for it, whatever NATS does meanwhile.
//   JetStream with acknowledgement and a message id, so that a repeat is dropped by the server; without
//   JetStream plain NATS with a warning.
// States of a message: waiting -> being sent -> acknowledged, and back to waiting with an error, no answer
//   within 5 s or a broken connection; always under the same id. With a spool it is in the file of its epoch
//   before publish() returns: the death of the process loses nothing that was published, and the next run
//   sends it first. While the spool is full or cannot be written, and without one, it waits in memory. The
//   oldest epoch is sent first. When all room is taken, the oldest whole epochs go, counted and reported.
//   docs/bus.md has the details.
// Threads: publish(), flush(), close(), stats(), take_events() by one thread (the control core); a thread of
//   its own and nats.c's threads, which are its children, do the rest. open() makes it, and they keep the CPUs
//   of its caller: those must not be a worker's.
// Ownership: copies what it is given.
// Errors: open(): a login or a TLS connection that is refused, a configuration that cannot be right, a spool
//   that cannot be used or is another process's. NATS that cannot be reached is no error: it may come back.
// Cost of publish(): a copy, or a CRC and one write() to the page cache; never the network.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bus/nats_config.h"

namespace netspectra {

struct OutgoingMessage {
  std::string subject;
  std::string id;     // Nats-Msg-Id; unique
  uint64_t epoch_ns;  // messages of one epoch are given up together
  std::span<const uint8_t> bytes;
};

struct PublisherStats {
  bool connected = false;
  uint64_t published = 0;  // acknowledged (without JetStream: flushed to the server)
  uint64_t published_bytes = 0;
  uint64_t queued = 0;  // in memory alone, not acknowledged
  uint64_t queued_bytes = 0;
  uint64_t spooled = 0;  // on disk, not acknowledged; of an earlier run's damaged file: at least
  uint64_t spooled_bytes = 0;
  uint64_t retries = 0;
  uint64_t dropped = 0;  // given up
  uint64_t dropped_epochs = 0;
};

class Publisher {
 public:
  static absl::StatusOr<std::unique_ptr<Publisher>> open(const NatsConfig& config);
  virtual ~Publisher() = default;

  virtual void publish(const OutgoingMessage& message) = 0;
  // Waits until everything is acknowledged, at most `limit`; false if not.
  virtual bool flush(std::chrono::milliseconds limit) = 0;
  // What is not acknowledged goes to the spool; what finds no room there is counted as dropped, and is the
  // error. Does not wait for acknowledgements (flush() does); at most some seconds for a server that hangs.
  virtual absl::Status close() = 0;

  virtual PublisherStats stats() const = 0;
  // What happened since the last call, a line each: connected, lost, stream created, epochs given up, ...
  virtual std::vector<std::string> take_events() = 0;
};

}  // namespace netspectra

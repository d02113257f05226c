// Messages to their receivers: in order, again and again, without anybody waiting for it.
//
// Purpose: each receiver has a queue and a thread of its own, so that one that is slow or down delays only itself. `log`
//   receivers are told at once, by a callback.
// Delivery: at least once. A message that was not delivered is tried again after 1, 2, 4 ... 300 s, and after the ones
//   before it; when it is older than the receiver's give_up it is tried a last time. What is undelivered() is to be
//   saved by the owner, and posted again after a restart.
// Threads: all functions from one thread. Ownership: owns queues, threads and connections.
// Errors: counted, and said by take_notes(): when a receiver begins to fail, when it works again, and each message that
//   is given up.
// Bounds: kMaxQueued messages for each receiver; further ones are dropped and counted.
// Cost: post() a lock and a copy of the messages; stop() at most its limit and a second.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "alert/alert_config.h"
#include "alert/alert_message.h"

namespace netspectra {

class Courier {
 public:
  static constexpr size_t kMaxQueued = 1000;
  using Log = std::function<void(const std::string& line)>;
  struct Backoff {
    std::chrono::milliseconds first{1000};
    std::chrono::milliseconds most{300'000};
  };
  struct Counters {
    std::string receiver;
    uint64_t delivered = 0;
    uint64_t failed = 0;   // given up
    uint64_t dropped = 0;  // there was no room in the queue
    uint64_t attempts = 0;
    uint64_t queued = 0;  // now
  };

  // `log`: called by post() only.
  Courier(std::vector<AlertReceiver> receivers, Log log, Backoff backoff);
  Courier(std::vector<AlertReceiver> receivers, Log log)
      : Courier(std::move(receivers), std::move(log), {}) {}
  ~Courier();  // as stop(0)

  void post(std::vector<AlertMessage> messages);
  // What can be delivered without failing is, for at most `limit`.
  void stop(std::chrono::milliseconds limit);

  std::vector<AlertMessage> undelivered() const;  // also what is under way
  uint64_t settled() const;                       // messages that have left a queue, delivered or not
  std::vector<Counters> counters() const;
  std::vector<std::string> take_notes();

 private:
  class Round;  // a receiver, its queue and its thread
  Round* round_of(const std::string& receiver) const;

  const std::vector<AlertReceiver> receivers_;
  const Log log_;
  std::vector<std::unique_ptr<Round>> rounds_;  // by receiver
  std::vector<std::string> notes_;
};

}  // namespace netspectra

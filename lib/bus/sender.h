// The thread that brings the backlog to NATS and keeps at it until each message is acknowledged.
//
// Purpose: connects, and connects again; looks for the stream; takes messages from the backlog into a window
//   of those that are being sent, publishes them with their Nats-Msg-Id, and lets them go when the stream's
//   acknowledgement has come. No acknowledgement in time, an error in it, or a broken connection: the message
//   is sent again, same id. Without JetStream a message counts as acknowledged when the server has answered a
//   PING that was sent after it.
// Why not nats.c's js_PublishMsgAsync(): it answers on threads of its own, into callbacks that can outlive
//   whoever they call, and forgets what is outstanding with the connection. One thread that publishes with a
//   reply subject <inbox>.<number>, and takes the answers from that inbox's subscription, needs no lock and
//   forgets nothing; what goes over the wire is the same.
// Threads: start() makes the thread, and through it those of nats.c; all have the CPU affinity of start()'s
//   caller and take no signals. stop() ends it. The counters may be read by any thread.
// Cost: asleep while there is nothing to send; at most kWindowMessages and kWindowBytes in memory.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <future>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "bus/backlog.h"
#include "bus/event_log.h"
#include "bus/nats_config.h"
#include "bus/nats_link.h"

namespace netspectra {

class Sender {
 public:
  static constexpr size_t kWindowMessages = 1024;
  static constexpr uint64_t kWindowBytes = 16 << 20;

  Sender(const NatsConfig& config, Backlog& backlog, EventLog& events);
  ~Sender();

  // Returns when the first attempt to connect has an outcome; a server that cannot be reached is no error.
  absl::Status start();
  void stop();  // messages of the window that are in memory alone go back to the backlog

  bool connected() const { return connected_.load(std::memory_order_relaxed); }
  uint64_t published() const { return published_.load(std::memory_order_relaxed); }
  uint64_t published_bytes() const { return published_bytes_.load(std::memory_order_relaxed); }
  uint64_t retries() const { return retries_.load(std::memory_order_relaxed); }

 private:
  using Clock = std::chrono::steady_clock;
  struct InFlight {
    PendingMessage message;
    bool sent = false;
    bool was_sent = false;
    Clock::time_point due;  // sent: an acknowledgement must have come; else: not to be sent before
  };
  using Window = std::map<uint64_t, InFlight>;  // by the number in the reply subject: oldest first

  void run(std::promise<absl::Status> first_attempt);
  void step();
  void sync_settled();
  void pause(std::chrono::milliseconds limit);
  void connect();
  void use(std::unique_ptr<NatsLink> link);
  void lose_link();
  void look_for_stream();
  void fill_window();
  void forget_given_up();
  void send_due();
  bool send(uint64_t number, InFlight& entry);  // false: the connection is broken
  void confirm_by_ping();
  void collect_answers();
  void take_answer(natsMsg* answer);
  void check_overdue();
  Window::iterator settle(Window::iterator at);
  void send_again(InFlight& entry, std::chrono::milliseconds delay);
  void send_all_again(std::chrono::milliseconds delay);
  void tell_trouble(const std::string& trouble);
  bool uses_jetstream() const { return config_.jetstream && !plain_; }

  const NatsConfig config_;
  Backlog& backlog_;
  EventLog& events_;
  std::thread thread_;
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> connected_ = false;
  std::atomic<uint64_t> published_ = 0;
  std::atomic<uint64_t> published_bytes_ = 0;
  std::atomic<uint64_t> retries_ = 0;

  // The thread's own from here on.
  std::unique_ptr<NatsLink> link_;  // subscribed to the answers
  std::string inbox_;
  std::chrono::milliseconds connect_wait_;
  bool stream_ready_ = false;
  bool jetstream_seen_ = false;
  bool plain_ = false;  // a server without JetStream
  Window window_;
  uint64_t window_bytes_ = 0;
  uint64_t next_number_ = 0;
  uint64_t given_up_seen_ = 0;
  Clock::time_point next_check_, next_sync_;
  Clock::time_point next_send_;  // before that none of the window is due
  std::set<std::string> notes_told_;
  std::string trouble_;
  Clock::time_point trouble_told_;
};

}  // namespace netspectra

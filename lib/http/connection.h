// One client of the server: read a request, have it answered, send, read the next; or listen to events.
//
// Deadlines: a connection is in one state at a time, each with its deadline, which the server's one timer looks at for all
//   connections: nothing is set up or cancelled for a request.
// Closing: a socket closed with unread bytes resets the connection, and a reset may overtake the answer
//   (RFC 9112, 9.6): what still comes is read first.
// Threads: the sockets' one; the handler's thread has request_ until it posts the answer.
// Ownership: the server's list holds it, and each operation that is under way.
#pragma once

#include <array>
#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <chrono>
#include <memory>
#include <string>

#include "http/event_queue.h"
#include "http/request_reader.h"
#include "http/server.h"
#include "http/stream.h"

namespace netspectra {

class ServerImpl;

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  // kIdle: nothing of a request is here. kAnswering: the handler's answer is awaited or sent. kClosing: so is the end.
  enum State { kIdle, kReading, kAnswering, kListening, kClosing, kClosed };
  using Clock = std::chrono::steady_clock;
  static constexpr auto kForever = std::chrono::milliseconds::max();

  // `tls`: nullptr = without.
  Connection(ServerImpl& server, boost::asio::ip::tcp::socket socket, boost::asio::ssl::context* tls)
      : server_(server), stream_(std::move(socket), tls) {}

  void start();
  void close();
  void push(const EventText& event);  // to a listener; to others nothing
  void tick(Clock::time_point now);

  State state() const { return state_; }
  Clock::time_point since() const { return since_; }

 private:
  template <typename Function>
  auto then(Function function);
  void enter(State state, std::chrono::milliseconds time);

  void read_request();
  void read_header();
  void on_header();
  void read_body();
  void on_read_error(boost::system::error_code error);
  void get_answer();
  void on_answer(const HttpResponse& response);
  void refuse(const HttpResponse& response);
  void refuse_for_now(const char* why);
  void send(const HttpResponse& response, bool keep_alive);
  void finish();
  void end();
  void drain();
  void send_event();

  ServerImpl& server_;
  Stream stream_;
  State state_ = kIdle;
  Clock::time_point since_, deadline_;
  std::atomic<bool> abandoned_{false};  // closed: the handler need not be asked any more
  bool too_slow_ = false;
  RequestReader reader_{stream_};
  HttpRequest request_;
  bool head_only_ = false;
  std::string answer_;
  EventQueue events_{kQueuedBytes};
  EventText event_;  // that is being sent
  std::array<char, 512> drained_;
  size_t drained_bytes_ = 0;

  static constexpr size_t kQueuedBytes = 256 << 10;
};

}  // namespace netspectra

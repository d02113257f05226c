// The server behind HttpServer: accepts connections, keeps their number and times in bounds, hands requests to the workers.
//
// Threads: all on the sockets' thread, but publish(), stats(), handle() and io() on any.
#pragma once

#include <array>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <ctime>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "http/admission.h"
#include "http/connection.h"
#include "http/event_queue.h"
#include "http/server.h"
#include "http/worker_pool.h"

namespace netspectra {

class ServerImpl : public HttpServer {
 public:
  ServerImpl(const HttpConfig& config, Handler handler, bool loopback);
  ServerImpl(const ServerImpl&) = delete;
  ServerImpl& operator=(const ServerImpl&) = delete;
  ~ServerImpl() override;

  absl::Status load_tls_files();
  boost::system::error_code listen(const boost::asio::ip::tcp::endpoint& at);
  void run();

  void publish(const std::string& event, const std::string& data) override;
  HttpStats stats() const override;
  uint16_t port() const override { return port_; }

  // For its connections:
  const HttpConfig& config() const { return config_; }
  void changed(Connection::State from, Connection::State to) {
    --count_[from];
    ++count_[to];
  }
  void forget(const std::shared_ptr<Connection>& connection) { connections_.erase(connection); }
  bool may_listen() const { return count_[Connection::kListening] < config_.max_listeners; }
  void missed_event() { ++events_missed_; }
  std::optional<HttpResponse> refusal(const RequestHead& head, HttpRequest& request) const {
    return refusal_of(head, config_, loopback_, request);
  }
  // False: there is too much to do.
  bool submit(const std::string& path, WorkerPool::Job job);
  HttpResponse handle(const HttpRequest& request) const;
  // The response as text; counts it.
  std::string answer(const HttpResponse& response, bool head, bool keep_alive);
  boost::asio::io_context& io() { return io_; }

 private:
  void accept();
  void serve(boost::asio::ip::tcp::socket socket);
  bool make_room();
  void tick();
  void deliver_events();
  const std::string& date();

  static constexpr size_t kPublishedBytes = 4 << 20;

  const HttpConfig config_;
  const Handler handler_;
  const bool loopback_;
  std::unique_ptr<boost::asio::ssl::context> tls_;
  boost::asio::io_context io_{1};
  boost::asio::ip::tcp::acceptor acceptor_{io_};
  boost::asio::steady_timer accept_pause_{io_};
  boost::asio::steady_timer ticker_{io_};
  bool ticking_ = false;
  uint16_t port_ = 0;
  std::set<std::shared_ptr<Connection>> connections_;
  std::array<std::atomic<size_t>, Connection::kClosed + 1> count_{};  // by State
  std::atomic<uint64_t> requests_{0}, refused_{0}, events_missed_{0};
  std::time_t date_time_ = 0;
  std::string date_;
  std::mutex published_mutex_;
  EventQueue published_{kPublishedBytes};  // not yet with the listeners
  bool delivering_ = false;
  std::thread thread_;
  std::optional<WorkerPool> workers_, quick_;
};

}  // namespace netspectra

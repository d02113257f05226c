// A chain of handlers for each connection, all on one thread: read the header, answer, drain, close.
//
// Draining: a socket closed with unread bytes resets the connection, and a reset may overtake the answer
// (RFC 9112, 9.6).
#include "telemetry/metrics_server.h"

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <deque>
#include <optional>
#include <thread>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "telemetry/metrics_text.h"

namespace netspectra {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;
using tcp = asio::ip::tcp;

constexpr size_t kMaxConnections = 16;
constexpr size_t kMaxRequestBytes = 8 << 10;
constexpr size_t kMaxDrainedBytes = 64 << 10;
constexpr auto kConnectionTime = std::chrono::seconds(5);
constexpr auto kAcceptPause = std::chrono::milliseconds(100);

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(tcp::socket socket, const StatusBoard& board) : stream_(std::move(socket)), board_(board) {}

  void start() {
    stream_.expires_after(kConnectionTime);  // for all that follows
    parser_.header_limit(kMaxRequestBytes);
    http::async_read_header(stream_, buffer_, parser_, [self = shared_from_this()](error_code error, size_t) {
      self->on_request(error);
    });
  }

  void close() { stream_.close(); }

 private:
  void on_request(error_code error) {
    if (error == http::error::header_limit || error == http::error::buffer_overflow) {
      refuse(http::status::request_header_fields_too_large, "the request is too long\n");
    } else if (error == http::error::end_of_stream || error == http::error::partial_message) {
      return;  // the client has left
    } else if (error && error.category() == make_error_code(http::error::bad_version).category()) {
      refuse(http::status::bad_request, "not an HTTP request\n");
    } else if (error) {
      return;  // a broken connection, or the time is over
    } else {
      answer();
    }
    send();
  }

  void answer() {
    const auto target = parser_.get().target();
    const http::verb method = parser_.get().method();
    if (target.substr(0, target.find('?')) != "/metrics") {
      refuse(http::status::not_found, "only /metrics is here\n");
    } else if (method != http::verb::get && method != http::verb::head) {
      refuse(http::status::method_not_allowed, "only GET and HEAD are allowed\n");
      response_.set(http::field::allow, "GET, HEAD");
    } else {
      response_.set(http::field::content_type, "text/plain; version=0.0.4; charset=utf-8");
      response_.body() = metrics_text(board_.read());
    }
  }

  void refuse(http::status status, const char* why) {
    response_.result(status);
    response_.set(http::field::content_type, "text/plain");
    response_.body() = why;
  }

  void send() {
    response_.keep_alive(false);
    response_.prepare_payload();
    auto done = [self = shared_from_this()](error_code error, size_t) { self->on_sent(error); };
    if (parser_.is_header_done() && parser_.get().method() == http::verb::head) {
      http::async_write_header(stream_, serializer_.emplace(response_), std::move(done));
    } else {
      http::async_write(stream_, serializer_.emplace(response_), std::move(done));
    }
  }

  void on_sent(error_code error) {
    if (!error) stream_.socket().shutdown(tcp::socket::shutdown_send, error);
    if (!error) drain();
  }

  void drain() {
    stream_.async_read_some(asio::buffer(drained_),
                            [self = shared_from_this()](error_code error, size_t bytes) {
                              self->drained_bytes_ += bytes;
                              if (!error && self->drained_bytes_ < kMaxDrainedBytes) self->drain();
                            });
  }

  boost::beast::tcp_stream stream_;
  const StatusBoard& board_;
  boost::beast::flat_buffer buffer_{kMaxRequestBytes};
  http::request_parser<http::empty_body> parser_;
  http::response<http::string_body> response_;
  std::optional<http::response_serializer<http::string_body>> serializer_;
  std::array<char, 4096> drained_;
  size_t drained_bytes_ = 0;
};

class Server : public MetricsServer {
 public:
  explicit Server(const StatusBoard& board) : board_(board) {}
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server() override {
    io_.stop();
    if (thread_.joinable()) thread_.join();
  }

  error_code listen(const tcp::endpoint& at) {
    error_code error;
    acceptor_.open(at.protocol(), error);
    // A server that was just stopped leaves connections in TIME_WAIT.
    if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor_.bind(at, error);
    if (!error) acceptor_.listen(tcp::acceptor::max_listen_connections, error);
    return error;
  }

  void run() {
    accept();
    thread_ = std::thread([this] { io_.run(); });
  }

 private:
  void accept() {
    acceptor_.async_accept([this](error_code error, tcp::socket socket) {
      if (!error) {
        serve(std::move(socket));
        accept();
        return;
      }
      // Out of descriptors, most likely: try again, but not all the time.
      pause_.expires_after(kAcceptPause);
      pause_.async_wait([this](error_code) { accept(); });
    });
  }

  void serve(tcp::socket socket) {
    std::erase_if(connections_, [](const std::weak_ptr<Connection>& c) { return c.expired(); });
    if (connections_.size() == kMaxConnections) {
      if (const auto oldest = connections_.front().lock()) oldest->close();
      connections_.pop_front();
    }
    const auto connection = std::make_shared<Connection>(std::move(socket), board_);
    connections_.push_back(connection);
    connection->start();
  }

  const StatusBoard& board_;
  asio::io_context io_{1};
  tcp::acceptor acceptor_{io_};
  asio::steady_timer pause_{io_};
  std::deque<std::weak_ptr<Connection>> connections_;  // oldest first; each is kept alive by its next handler
  std::thread thread_;
};

// "127.0.0.1:9464", "[::1]:9464"
std::optional<tcp::endpoint> parse_address(const std::string& text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos) return std::nullopt;
  std::string host = text.substr(0, colon);
  const bool brackets = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (brackets) host = host.substr(1, host.size() - 2);
  error_code error;
  const asio::ip::address address = asio::ip::make_address(host, error);
  uint32_t port = 0;
  if (error || address.is_v6() != brackets || !absl::SimpleAtoi(text.substr(colon + 1), &port))
    return std::nullopt;
  if (!address.is_loopback() || port == 0 || port > UINT16_MAX) return std::nullopt;
  return tcp::endpoint(address, static_cast<uint16_t>(port));
}

}  // namespace

absl::StatusOr<std::unique_ptr<MetricsServer>> MetricsServer::start(const std::string& address,
                                                                    const StatusBoard& board) {
  const std::optional<tcp::endpoint> endpoint = parse_address(address);
  if (!endpoint) {
    return absl::InvalidArgumentError(
        absl::StrCat("metrics: \"", address, "\" is no 127.x.x.x:PORT or [::1]:PORT"));
  }
  auto server = std::make_unique<Server>(board);
  if (const error_code error = server->listen(*endpoint); error) {
    return absl::FailedPreconditionError(
        absl::StrCat("metrics: cannot listen on ", address, ": ", error.message(),
                     error == asio::error::address_in_use
                         ? absl::StrCat("; who has it: ss -ltnp 'sport = :", endpoint->port(), "'")
                         : ""));
  }
  server->run();
  return server;
}

}  // namespace netspectra

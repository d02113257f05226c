#include "http/server.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <chrono>
#include <exception>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "http/answer_text.h"
#include "http/listen_address.h"
#include "http/server_impl.h"
#include "http/tls.h"

namespace netspectra {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using tcp = asio::ip::tcp;

constexpr auto kTick = std::chrono::milliseconds(100);
constexpr auto kAcceptPause = std::chrono::milliseconds(100);

}  // namespace

ServerImpl::ServerImpl(const HttpConfig& config, Handler handler, bool loopback)
    : config_(config),
      handler_(std::move(handler)),
      loopback_(loopback),
      workers_(std::in_place, std::max<size_t>(config.workers, 1), config.max_waiting) {
  if (!config.quick.empty()) quick_.emplace(1, config.max_waiting);
}

ServerImpl::~ServerImpl() {
  io_.stop();
  if (thread_.joinable()) thread_.join();
  workers_.reset();
  quick_.reset();
}

absl::Status ServerImpl::load_tls_files() {
  auto loaded = load_tls(config_.tls_certificate, config_.tls_key);
  if (!loaded.ok()) return loaded.status();
  tls_ = *std::move(loaded);
  return absl::OkStatus();
}

error_code ServerImpl::listen(const tcp::endpoint& at) {
  error_code error;
  acceptor_.open(at.protocol(), error);
  // A server that was just stopped leaves connections in TIME_WAIT.
  if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor_.bind(at, error);
  if (!error) acceptor_.listen(tcp::acceptor::max_listen_connections, error);
  if (!error) port_ = acceptor_.local_endpoint(error).port();
  return error;
}

void ServerImpl::run() {
  accept();
  thread_ = std::thread([this] { io_.run(); });
}

void ServerImpl::accept() {
  acceptor_.async_accept([this](error_code error, tcp::socket socket) {
    if (!error) {
      serve(std::move(socket));
      accept();
      return;
    }
    // Out of descriptors, most likely: try again, but not all the time.
    accept_pause_.expires_after(kAcceptPause);
    accept_pause_.async_wait([this](error_code) { accept(); });
  });
}

void ServerImpl::serve(tcp::socket socket) {
  if (connections_.size() - count_[Connection::kListening] >= config_.max_connections && !make_room()) return;
  error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  const auto connection = std::make_shared<Connection>(*this, std::move(socket), tls_.get());
  connections_.insert(connection);
  ++count_[Connection::kIdle];
  connection->start();
  if (!ticking_) tick();
}

bool ServerImpl::make_room() {
  std::shared_ptr<Connection> oldest;
  for (const auto& connection : connections_) {
    const Connection::State state = connection->state();
    if (state != Connection::kAnswering && state != Connection::kListening &&
        (!oldest || connection->since() < oldest->since()))
      oldest = connection;
  }
  if (oldest) oldest->close();
  return oldest != nullptr;
}

void ServerImpl::tick() {
  const auto now = Connection::Clock::now();
  const auto all = connections_;  // some will leave it
  for (const auto& connection : all) connection->tick(now);
  ticking_ = !connections_.empty();
  if (!ticking_) return;
  ticker_.expires_after(kTick);
  ticker_.async_wait([this](error_code error) {
    if (!error) tick();
  });
}

bool ServerImpl::submit(const std::string& path, WorkerPool::Job job) {
  if (std::find(config_.quick.begin(), config_.quick.end(), path) != config_.quick.end())
    return quick_->submit(std::move(job));
  return count_[Connection::kAnswering] <= config_.max_connections - config_.max_connections / 8 &&
         workers_->submit(std::move(job));
}

HttpResponse ServerImpl::handle(const HttpRequest& request) const {
  try {
    return handler_(request);
  } catch (const std::exception&) {
    return error_answer(500, "the request could not be handled");
  }
}

std::string ServerImpl::answer(const HttpResponse& response, bool head, bool keep_alive) {
  ++requests_;
  if (response.status >= 400) ++refused_;
  return answer_text(response, {.head = head, .keep_alive = keep_alive, .date = date()});
}

const std::string& ServerImpl::date() {
  const std::time_t now = std::time(nullptr);
  if (now == date_time_) return date_;
  date_time_ = now;
  std::tm utc{};
  gmtime_r(&now, &utc);
  char text[40];
  date_.assign(text, std::strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &utc));
  return date_;
}

void ServerImpl::publish(const std::string& event, const std::string& data) {
  auto text = std::make_shared<const std::string>(absl::StrCat("event: ", event, "\ndata: ", data, "\n\n"));
  const std::lock_guard lock(published_mutex_);
  if (!published_.push(std::move(text))) ++events_missed_;
  if (!std::exchange(delivering_, true)) asio::post(io_, [this] { deliver_events(); });
}

void ServerImpl::deliver_events() {
  std::vector<EventText> events;
  {
    const std::lock_guard lock(published_mutex_);
    while (EventText event = published_.pop()) events.push_back(std::move(event));
    delivering_ = false;
  }
  for (const EventText& event : events) {
    for (const auto& connection : connections_) connection->push(event);
  }
}

HttpStats ServerImpl::stats() const {
  return {.requests = requests_,
          .refused = refused_,
          .connections = count_[Connection::kIdle] + count_[Connection::kReading] +
                         count_[Connection::kAnswering] + count_[Connection::kClosing],
          .listeners = count_[Connection::kListening],
          .events_missed = events_missed_};
}

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::start(const HttpConfig& config, Handler handler) {
  const std::optional<ListenAddress> address = parse_listen_address(config.address);
  if (!address) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", config.address, "\" is no ADDRESS:PORT, such as 127.0.0.1:8080 or [::1]:8080"));
  }
  const bool tls = !config.tls_certificate.empty();
  if (tls != !config.tls_key.empty())
    return absl::InvalidArgumentError("TLS needs both a certificate and a key");
  if (!address->loopback && (!tls || config.token.empty())) {
    return absl::InvalidArgumentError(absl::StrCat(config.address,
                                                   " can be reached from other machines: give it a token",
                                                   " and a TLS certificate and key, or listen on 127.0.0.1"));
  }
  auto server = std::make_unique<ServerImpl>(config, std::move(handler), address->loopback);
  if (tls) {
    if (const absl::Status loaded = server->load_tls_files(); !loaded.ok()) return loaded;
  }
  const tcp::endpoint endpoint(asio::ip::make_address(address->ip), address->port);
  if (const error_code error = server->listen(endpoint); error) {
    return absl::FailedPreconditionError(
        absl::StrCat("cannot listen on ", config.address, ": ", error.message(),
                     error == asio::error::address_in_use
                         ? absl::StrCat("; who has it: ss -ltnp 'sport = :", address->port, "'")
                         : ""));
  }
  server->run();
  return server;
}

}  // namespace netspectra

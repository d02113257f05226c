#include "http/connection.h"

#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <string_view>
#include <utility>

#include "http/answer_text.h"
#include "http/server_impl.h"

namespace netspectra {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr size_t kMaxDrainedBytes = 256 << 10;
constexpr int kListenerSocketBytes = 128 << 10;  // the kernel would let it grow to megabytes
constexpr auto kIdleTime = seconds(60);          // between two requests
constexpr auto kCloseTime = seconds(2);
constexpr auto kCommentTime = seconds(15);
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace

// A handler that keeps the connection alive, and does nothing once it is closed.
template <typename Function>
auto Connection::then(Function function) {
  return [self = shared_from_this(), function](error_code error, size_t bytes = 0) {
    if (self->state_ != kClosed) function(error, bytes);
  };
}

void Connection::enter(State state, milliseconds time) {
  server_.changed(state_, state);
  state_ = state;
  since_ = Clock::now();
  deadline_ = time == kForever ? Clock::time_point::max() : since_ + time;
}

void Connection::start() {
  enter(kIdle, server_.config().request_time);
  if (!stream_.has_tls()) return read_request();
  stream_.async_handshake(then([this](error_code error, size_t) {
    if (error) return close();
    read_request();
  }));
}

void Connection::close() {
  enter(kClosed, kForever);
  abandoned_ = true;
  error_code ignored;
  stream_.socket().close(ignored);
  server_.forget(shared_from_this());
}

void Connection::tick(Clock::time_point now) {
  if (state_ == kReading && now >= deadline_) {
    too_slow_ = true;
    error_code ignored;
    stream_.socket().cancel(ignored);
  } else if (now >= deadline_) {
    close();
  } else if (now - since_ >= kCommentTime && event_ == nullptr) {
    push(std::make_shared<const std::string>(":\n\n"));
  }
}

void Connection::read_request() {
  reader_.wait(then([this](error_code error, size_t) {
    if (error) return close();
    read_header();
  }));
}

void Connection::read_header() {
  too_slow_ = head_only_ = false;
  enter(kReading, server_.config().request_time);
  reader_.read_header(then([this](error_code error, size_t) {
    if (error) return on_read_error(error);
    on_header();
  }));
}

void Connection::on_header() {
  const RequestHead head = reader_.head();
  head_only_ = head.method == "HEAD";
  if (const auto refusal = server_.refusal(head, request_)) return refuse(*refusal);
  if (!reader_.has_body()) return get_answer();
  if (!reader_.expects_continue()) return read_body();
  const auto on_told = then([this](error_code error, size_t) {
    if (error) return on_read_error(error);
    read_body();
  });
  asio::async_write(stream_, asio::buffer(kContinue), on_told);
}

void Connection::read_body() {
  reader_.read_body(then([this](error_code error, size_t) {
    if (error) return on_read_error(error);
    request_.body = reader_.take_body();
    get_answer();
  }));
}

void Connection::on_read_error(error_code error) {
  if (error == asio::error::operation_aborted && too_slow_)
    return refuse(error_answer(408, "the request took too long to arrive"));
  if (const auto refusal = reader_.refusal(error)) return refuse(*refusal);
  close();
}

void Connection::get_answer() {
  enter(kAnswering, server_.config().response_time);
  const bool taken = server_.submit(request_.path, [self = shared_from_this()]() mutable {
    HttpResponse response;
    if (!self->abandoned_) response = self->server_.handle(self->request_);
    asio::io_context& io = self->server_.io();
    asio::post(io, [self = std::move(self), response = std::move(response)] {
      if (self->state_ != kClosed) self->on_answer(response);
    });
  });
  if (!taken) refuse_for_now("too many requests");
}

void Connection::on_answer(const HttpResponse& response) {
  if (!response.listen) return send(response, reader_.keep_alive());
  if (head_only_) return send(response, false);
  if (!server_.may_listen()) return refuse_for_now("too many listeners");
  enter(kListening, kForever);
  error_code ignored;
  stream_.socket().set_option(asio::socket_base::send_buffer_size(kListenerSocketBytes), ignored);
  push(std::make_shared<const std::string>(server_.answer(response, false, false)));
  drain();  // notices when the client leaves
}

void Connection::refuse(const HttpResponse& response) {
  enter(kClosing, server_.config().response_time);
  send(response, false);
}

void Connection::refuse_for_now(const char* why) {
  HttpResponse response = error_answer(503, why);
  response.headers.emplace_back("Retry-After", "1");
  refuse(response);
}

void Connection::send(const HttpResponse& response, bool keep_alive) {
  answer_ = server_.answer(response, head_only_, keep_alive);
  const auto on_sent = then([this, keep_alive](error_code error, size_t) {
    if (error) return close();
    if (!keep_alive) return finish();
    answer_ = {};  // it may be large, and the connection idle for long
    enter(kIdle, kIdleTime);
    read_request();
  });
  asio::async_write(stream_, asio::buffer(answer_), on_sent);
}

void Connection::finish() {
  enter(kClosing, kCloseTime);
  if (!stream_.has_tls()) return end();
  stream_.async_shutdown(then([this](error_code, size_t) { end(); }));
}

void Connection::end() {
  error_code error;
  stream_.socket().shutdown(asio::socket_base::shutdown_send, error);
  if (error) return close();
  drain();
}

void Connection::drain() {
  const auto on_read = then([this](error_code error, size_t bytes) {
    drained_bytes_ += bytes;
    if (error || drained_bytes_ > kMaxDrainedBytes) return close();
    drain();
  });
  stream_.socket().async_read_some(asio::buffer(drained_), on_read);
}

void Connection::push(const EventText& event) {
  if (state_ != kListening) return;
  if (!events_.push(event)) server_.missed_event();
  if (event_ == nullptr) send_event();
}

void Connection::send_event() {
  event_ = events_.pop();
  enter(kListening, event_ != nullptr ? server_.config().response_time : kForever);
  if (event_ == nullptr) return;
  const auto on_sent = then([this](error_code error, size_t) {
    if (error) return close();
    send_event();
  });
  asio::async_write(stream_, asio::buffer(*event_), on_sent);
}

}  // namespace netspectra

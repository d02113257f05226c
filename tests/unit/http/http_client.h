// A plain client for tests: sends what it is told to, and gives back what came.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <string>
#include <utility>

namespace netspectra {

class HttpClient {
 public:
  static constexpr auto kPatience = std::chrono::seconds(30);

  // `receive_bytes`: the kernel's buffer for what is not read; 0 = its own choice.
  explicit HttpClient(uint16_t port, SSL_CTX* tls = nullptr, int receive_bytes = 0)
      : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (receive_bytes > 0) setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof(receive_bytes));
    const int one = 1;
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    EXPECT_EQ(connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0)
        << strerror(errno);
    if (tls == nullptr) return;
    ssl_ = SSL_new(tls);
    SSL_set_fd(ssl_, fd_);
    handshaken_ = SSL_connect(ssl_) == 1;
  }
  HttpClient(HttpClient&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)),
        ssl_(std::exchange(other.ssl_, nullptr)),
        handshaken_(other.handshaken_),
        read_(std::move(other.read_)),
        open_(other.open_) {}
  ~HttpClient() {
    SSL_free(ssl_);
    if (fd_ >= 0) close(fd_);
  }

  bool handshaken() const { return handshaken_; }
  int fd() const { return fd_; }

  bool send_text(const std::string& text) {
    if (ssl_ != nullptr) return SSL_write(ssl_, text.data(), static_cast<int>(text.size())) > 0;
    for (size_t sent = 0; sent < text.size();) {
      const ssize_t n = send(fd_, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
      if (n <= 0) return false;
      sent += static_cast<size_t>(n);
    }
    return true;
  }

  // Up to and with `mark`; all there was when it does not come.
  std::string read_until(const std::string& mark, std::chrono::milliseconds limit = kPatience) {
    const auto end = std::chrono::steady_clock::now() + limit;
    size_t at;
    while ((at = read_.find(mark)) == std::string::npos) {
      if (!read_more(end)) return std::exchange(read_, {});
    }
    return take(at + mark.size());
  }

  // One answer, header and body.
  std::string read_answer(std::chrono::milliseconds limit = kPatience) {
    const auto end = std::chrono::steady_clock::now() + limit;
    std::string header = read_until("\r\n\r\n", limit);
    const size_t at = header.find("Content-Length: ");
    const size_t length = at == std::string::npos ? 0 : std::stoul(header.substr(at + 16));
    while (read_.size() < length && read_more(end)) continue;
    return header + take(std::min(length, read_.size()));
  }

  std::string ask(const std::string& request) {
    send_text(request);
    return read_answer();
  }

  // All that comes until the server closes; with "<still open>" at its end when it does not.
  std::string read_all(std::chrono::milliseconds limit = kPatience) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (read_more(end)) continue;
    return std::exchange(read_, {}) + (open_ ? "<still open>" : "");
  }

 private:
  bool read_more(std::chrono::steady_clock::time_point end) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    pollfd waiting{fd_, POLLIN, 0};
    const bool buffered = ssl_ != nullptr && SSL_pending(ssl_) > 0;
    if (!buffered && (left.count() <= 0 || poll(&waiting, 1, static_cast<int>(left.count())) != 1))
      return false;
    char buffer[16384];
    const ssize_t n =
        ssl_ != nullptr ? SSL_read(ssl_, buffer, sizeof(buffer)) : recv(fd_, buffer, sizeof(buffer), 0);
    open_ = n > 0;
    if (open_) read_.append(buffer, static_cast<size_t>(n));
    return open_;
  }
  std::string take(size_t bytes) {
    std::string text = read_.substr(0, bytes);
    read_.erase(0, bytes);
    return text;
  }

  int fd_;
  SSL* ssl_ = nullptr;
  bool handshaken_ = false;
  std::string read_;
  bool open_ = true;
};

// Waits for a condition; false when it does not come true.
template <typename Condition>
bool eventually(Condition condition) {
  const auto end = std::chrono::steady_clock::now() + HttpClient::kPatience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    usleep(2'000);
  }
  return true;
}

}  // namespace netspectra

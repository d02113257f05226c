// Those whom alerts are told to, for real: an HTTP server, and a mail server (aiosmtpd) in a process of its own.
#pragma once

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "epochs.h"

namespace netspectra {

// By condition, with a generous limit.
inline bool comes_true(const std::function<bool()>& condition) {
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > limit) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

inline int listen_on_loopback(uint16_t& port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  EXPECT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(::listen(fd, 16), 0);
  EXPECT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
  port = ntohs(address.sin_port);
  return fd;
}

// Where nobody listens.
inline uint16_t closed_port() {
  uint16_t port = 0;
  ::close(listen_on_loopback(port));
  return port;
}

struct HttpRequest {
  std::string head, body;
  std::string header(const std::string& name) const {
    const size_t at = head.find("\r\n" + name + ": ");
    if (at == std::string::npos) return "";
    const size_t from = at + name.size() + 4;
    return head.substr(from, head.find("\r\n", from) - from);
  }
};

// Answers one request for each connection, with the statuses that it is given, the last again and again. Status 0: it
// takes the request and never answers.
class HttpSink {
 public:
  explicit HttpSink(std::vector<int> statuses = {200}) : statuses_(std::move(statuses)) {
    fd_ = listen_on_loopback(port_);
    thread_ = std::thread([this] { serve(); });
  }
  ~HttpSink() {
    ::shutdown(fd_, SHUT_RDWR);
    thread_.join();
    for (const int fd : silent_) ::close(fd);
    ::close(fd_);
  }
  HttpSink(const HttpSink&) = delete;
  HttpSink& operator=(const HttpSink&) = delete;

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/hook"; }
  std::vector<HttpRequest> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  bool gets(size_t count) const {
    return comes_true([&] { return requests().size() >= count; });
  }

 private:
  void serve() {
    int client;
    while ((client = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0) {
      const HttpRequest request = read_request(client);
      int status = 0;
      {
        const std::lock_guard lock(mutex_);
        status = statuses_[std::min(requests_.size(), statuses_.size() - 1)];
        requests_.push_back(request);
      }
      if (status == 0) {
        silent_.push_back(client);
        continue;
      }
      const std::string answer =
          "HTTP/1.1 " + std::to_string(status) + " x\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
      EXPECT_EQ(::send(client, answer.data(), answer.size(), MSG_NOSIGNAL),
                static_cast<ssize_t>(answer.size()));
      ::close(client);
    }
  }

  static HttpRequest read_request(int client) {
    std::string text;
    char block[4096];
    HttpRequest request;
    size_t end = std::string::npos, wanted = SIZE_MAX;
    while (text.size() < wanted) {
      const ssize_t n = ::recv(client, block, sizeof(block), 0);
      if (n <= 0) break;
      text.append(block, static_cast<size_t>(n));
      if (end == std::string::npos && (end = text.find("\r\n\r\n")) != std::string::npos) {
        request.head = text.substr(0, end + 2);
        wanted = end + 4 + std::stoul(request.header("Content-Length"));
      }
    }
    if (end != std::string::npos) request.body = text.substr(end + 4);
    return request;
  }

  std::vector<int> statuses_;
  int fd_ = -1;
  uint16_t port_ = 0;
  mutable std::mutex mutex_;
  std::vector<HttpRequest> requests_;
  std::vector<int> silent_;
  std::thread thread_;
};

// aiosmtpd. started() is false where that is not installed.
class SmtpSink {
 public:
  explicit SmtpSink(const std::vector<std::string>& options = {}) {
    int ends[2];
    EXPECT_EQ(::pipe(ends), 0);
    std::vector<std::string> words = {"/usr/bin/python3", NS_SMTP_SINK, dir_.path()};
    words.insert(words.end(), options.begin(), options.end());
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ::dup2(ends[0], 0);
      ::close(ends[1]);
      ::execv(arguments[0], arguments.data());
      ::_exit(127);
    }
    ::close(ends[0]);
    stdin_ = ends[1];
  }
  ~SmtpSink() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    ::close(stdin_);
  }
  SmtpSink(const SmtpSink&) = delete;
  SmtpSink& operator=(const SmtpSink&) = delete;

  static bool installed() {
    return std::system("/usr/bin/python3 -c 'import aiosmtpd' 2>/dev/null") == 0;  // NOLINT
  }

  uint16_t port() const {
    EXPECT_TRUE(comes_true([&] { return std::filesystem::exists(dir_.file("port")); }));
    return static_cast<uint16_t>(std::stoul(content_of(dir_.file("port"))));
  }
  // "" where it does not come.
  std::string mail(int number) const {
    const std::string path = dir_.file("mail-" + std::to_string(number));
    return comes_true([&] { return std::filesystem::exists(path); }) ? content_of(path) : "";
  }
  bool has_none() const { return !std::filesystem::exists(dir_.file("mail-1")); }

 private:
  TempDir dir_;
  pid_t pid_ = -1;
  int stdin_ = -1;
};

}  // namespace netspectra

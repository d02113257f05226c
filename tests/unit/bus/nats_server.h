// A real nats-server on a free loopback port, in a temporary folder of its own, that can be killed and
// started again.
//
// It goes with the object, and with the process (PR_SET_PDEATHSIG).
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <utility>

#include "bus/nats_config.h"

namespace netspectra {

class TempDir {
 public:
  TempDir() : path_(::mkdtemp(template_)) {}
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  const std::string& path() const { return path_; }

 private:
  char template_[32] = "/tmp/ns-bus-test-XXXXXX";
  std::string path_;
};

class NatsServer {
 public:
  // `settings`: further lines of its configuration (authorization, tls, ...).
  explicit NatsServer(bool jetstream = true, const std::string& settings = "") : port_(free_port()) {
    configure(jetstream, settings);
  }
  ~NatsServer() { kill(); }
  NatsServer(const NatsServer&) = delete;
  NatsServer& operator=(const NatsServer&) = delete;

  // In force with the next start().
  void configure(bool jetstream, const std::string& settings) {
    std::ofstream config(config_path());
    config << "listen: 127.0.0.1:" << port_ << "\nlogfile: \"" << dir_.path() << "/log\"\n";
    if (jetstream) config << "jetstream { store_dir: \"" << dir_.path() << "/store\" }\n";
    config << settings << "\n";
  }

  void start() {
    ASSERT_EQ(pid_, -1);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ::execlp("nats-server", "nats-server", "-c", config_path().c_str(), static_cast<char*>(nullptr));
      ::_exit(127);
    }
    for (int i = 0; i < 500; ++i) {
      if (greets()) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    FAIL() << "nats-server does not start: " << log();
  }

  void kill() {
    if (pid_ == -1) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(std::exchange(pid_, -1), nullptr, 0);
  }

  void signal(int number) const { ASSERT_EQ(::kill(pid_, number), 0); }

  const std::string& dir() const { return dir_.path(); }
  std::string url(const std::string& login = "") const {
    return "nats://" + login + "127.0.0.1:" + std::to_string(port_);
  }
  NatsConfig config() const {
    NatsConfig config;
    config.urls = {url()};
    return config;
  }
  uint16_t port() const { return port_; }

  std::string log() const {
    std::ifstream in(dir_.path() + "/log");
    return {std::istreambuf_iterator<char>(in), {}};
  }

 private:
  std::string config_path() const { return dir_.path() + "/nats.conf"; }

  static sockaddr_in loopback(uint16_t port) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
  }

  static uint16_t free_port() {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address = loopback(0);
    socklen_t length = sizeof(address);
    EXPECT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), length), 0);
    EXPECT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length), 0);
    ::close(fd);
    return ntohs(address.sin_port);
  }

  // It says INFO to whoever connects, when it is ready.
  bool greets() const {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    const sockaddr_in address = loopback(port_);
    char byte;
    const bool greeted = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 &&
                         ::recv(fd, &byte, 1, 0) == 1;
    ::close(fd);
    return greeted;
  }

  TempDir dir_;
  const uint16_t port_;
  pid_t pid_ = -1;
};

}  // namespace netspectra

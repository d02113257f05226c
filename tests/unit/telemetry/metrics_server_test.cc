#include "telemetry/metrics_server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <thread>
#include <utility>
#include <vector>

#include "busy_probe.h"
#include "telemetry/metrics_text.h"

namespace netspectra {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr char kGet[] = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";

sockaddr_in loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

class Client {
 public:
  explicit Client(uint16_t port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const sockaddr_in address = loopback(port);
    EXPECT_EQ(connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0)
        << strerror(errno);
  }
  Client(Client&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ~Client() { close(fd_); }

  void send_text(const std::string& text) const { send(fd_, text.data(), text.size(), MSG_NOSIGNAL); }

  // All that comes until the server closes; "" also after a reset.
  std::string receive(milliseconds limit) const {
    std::string text;
    const auto end = Clock::now() + limit;
    char buffer[4096];
    for (;;) {
      const auto left = std::chrono::duration_cast<milliseconds>(end - Clock::now());
      pollfd waiting{fd_, POLLIN, 0};
      if (left.count() <= 0 || poll(&waiting, 1, static_cast<int>(left.count())) != 1)
        return text + "<still open>";
      const ssize_t bytes = recv(fd_, buffer, sizeof(buffer), 0);
      if (bytes <= 0) return text;
      text.append(buffer, static_cast<size_t>(bytes));
    }
  }

 private:
  int fd_;
};

uint16_t free_port() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof(address);
  EXPECT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&address), size), 0);
  EXPECT_EQ(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
  close(fd);
  return ntohs(address.sin_port);
}

class MetricsServerTest : public testing::Test {
 protected:
  void SetUp() override {
    board_.post(busy_probe(2));
    auto server = MetricsServer::start(address_, board_);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = std::move(*server);
  }

  std::string ask(const std::string& request) const {
    const Client client(port_);
    client.send_text(request);
    return client.receive(milliseconds(3000));
  }

  const uint16_t port_ = free_port();
  const std::string address_ = "127.0.0.1:" + std::to_string(port_);
  StatusBoard board_;
  std::unique_ptr<MetricsServer> server_;
};

TEST_F(MetricsServerTest, ServesTheMetricsOfWhatTheBoardShowsNow) {
  const std::string text = metrics_text(busy_probe(2));
  const std::string answer = ask(kGet);
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
  EXPECT_THAT(answer, HasSubstr("Content-Length: " + std::to_string(text.size()) + "\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\n" + text));
  board_.post(busy_probe(3));
  EXPECT_THAT(ask("GET /metrics?x=1 HTTP/1.0\r\n\r\n"), EndsWith("\r\n\r\n" + metrics_text(busy_probe(3))));
}

TEST_F(MetricsServerTest, AnswersHeadWithoutTheText) {
  const std::string answer = ask("HEAD /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("Content-Length: " + std::to_string(metrics_text(busy_probe(2)).size())));
  EXPECT_THAT(answer, EndsWith("\r\n\r\n"));
}

TEST_F(MetricsServerTest, RefusesOtherPathsAndMethodsByTheirStatus) {
  EXPECT_THAT(ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(ask("GET /metrics/x HTTP/1.1\r\nHost: x\r\n\r\n"), StartsWith("HTTP/1.1 404 "));
  const std::string body(20'000, 'x');
  const std::string post = ask("POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 20000\r\n\r\n" + body);
  EXPECT_THAT(post, StartsWith("HTTP/1.1 405 "));
  EXPECT_THAT(post, HasSubstr("Allow: GET, HEAD\r\n"));
}

TEST_F(MetricsServerTest, RefusesWhatIsTooLongOrNoRequest) {
  const std::string long_value(9'000, 'x');
  EXPECT_THAT(ask("GET /metrics HTTP/1.1\r\nHost: x\r\nX: " + long_value + "\r\n\r\n"),
              StartsWith("HTTP/1.1 431 "));
  EXPECT_THAT(ask("GET /" + long_value), StartsWith("HTTP/1.1 431 "));
  EXPECT_THAT(ask("GET /metrics HTTP/1.1\r\nX: " + std::string(30'000, 'x')), StartsWith("HTTP/1.1 431 "));
  EXPECT_THAT(ask("\x16\x03\x01 this is TLS\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(ask("GET /metrics HTTP/9.9\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(ask(kGet), StartsWith("HTTP/1.1 200 "));
}

TEST_F(MetricsServerTest, PutsARequestTogetherFromItsPieces) {
  const Client client(port_);
  for (const char c : std::string(kGet)) {
    client.send_text(std::string(1, c));
    std::this_thread::sleep_for(milliseconds(5));
  }
  EXPECT_THAT(client.receive(milliseconds(3000)), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST_F(MetricsServerTest, AnswersOnceForEachConnection) {
  const std::string answer = ask(std::string(kGet) + kGet);
  EXPECT_THAT(answer, HasSubstr("Connection: close\r\n"));
  EXPECT_EQ(answer.find("HTTP/1.1 200", 1), std::string::npos);
}

TEST_F(MetricsServerTest, ServesAGoodClientWhileFortySlowOnesHang) {
  std::vector<Client> slow;
  for (int i = 0; i < 40; ++i) {
    slow.emplace_back(port_);
    slow.back().send_text(i % 2 == 0 ? "GET /met" : "");
  }
  const auto before = Clock::now();
  const std::string answer = ask(kGet);
  EXPECT_LT(Clock::now() - before, milliseconds(1000));
  EXPECT_THAT(answer, EndsWith(metrics_text(busy_probe(2))));
  // 16 at once, the good one among them: the oldest have gone, the last ones wait on.
  int open = 0;
  for (const Client& client : slow) open += client.receive(milliseconds(10)) == "<still open>" ? 1 : 0;
  EXPECT_EQ(open, 15);
}

TEST_F(MetricsServerTest, IsNotHeldUpByAClientThatDoesNotRead) {
  const ProbeStatus large = busy_probe(4'000);  // 10 MB of text: more than the sockets' buffers take
  board_.post(large);
  const Client deaf(port_);
  deaf.send_text(kGet);
  std::this_thread::sleep_for(milliseconds(300));
  board_.post(busy_probe(2));
  const auto before = Clock::now();
  EXPECT_THAT(ask(kGet), EndsWith(metrics_text(busy_probe(2))));
  EXPECT_LT(Clock::now() - before, milliseconds(1000));
  EXPECT_THAT(deaf.receive(milliseconds(4000)), EndsWith(metrics_text(large)));
}

TEST_F(MetricsServerTest, GivesAConnectionFiveSecondsInAll) {
  const Client silent(port_), dripping(port_), deaf(port_);
  deaf.send_text(kGet);  // answered, and then never closes
  const auto before = Clock::now();
  std::thread drip([&] {
    for (int i = 0; i < 12; ++i) {
      dripping.send_text(i == 0 ? "GET /metrics HTTP/1.1\r\nX: " : "x");
      std::this_thread::sleep_for(milliseconds(500));
    }
  });
  EXPECT_EQ(silent.receive(milliseconds(8000)), "");
  EXPECT_GT(Clock::now() - before, milliseconds(4500));
  EXPECT_EQ(dripping.receive(milliseconds(1000)), "");
  EXPECT_LT(Clock::now() - before, milliseconds(7000));
  drip.join();
  EXPECT_THAT(deaf.receive(milliseconds(1000)), StartsWith("HTTP/1.1 200 "));
}

TEST_F(MetricsServerTest, StopsAtOnceAndMayStartAgainOnTheSamePort) {
  const Client hanging(port_);
  hanging.send_text("GET");
  EXPECT_THAT(ask(kGet), StartsWith("HTTP/1.1 200 "));
  const auto before = Clock::now();
  server_.reset();
  EXPECT_LT(Clock::now() - before, milliseconds(1000));
  EXPECT_EQ(hanging.receive(milliseconds(1000)), "");
  const auto again = MetricsServer::start(address_, board_);
  EXPECT_TRUE(again.ok()) << again.status();
}

TEST_F(MetricsServerTest, NamesAnAddressThatIsTaken) {
  const auto second = MetricsServer::start(address_, board_);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(second.status().message(),
            "metrics: cannot listen on " + address_ +
                ": Address already in use; who has it: ss -ltnp 'sport = :" + std::to_string(port_) + "'");
}

TEST(MetricsAddress, IsOnLoopback) {
  const StatusBoard board;
  for (const char* address :
       {"", "9464", "localhost:9464", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536",
        "127.0.0.1:x", "0.0.0.0:9464", "192.0.2.1:9464", "::1:9464", "[::]:9464", "[127.0.0.1]:9464"}) {
    const absl::Status status = MetricsServer::start(address, board).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << address;
    EXPECT_THAT(std::string(status.message()), HasSubstr(std::string("\"") + address + "\"")) << address;
  }
  const auto ipv6 = MetricsServer::start("[::1]:" + std::to_string(free_port()), board);
  EXPECT_TRUE(ipv6.ok()) << ipv6.status();
}

}  // namespace
}  // namespace netspectra

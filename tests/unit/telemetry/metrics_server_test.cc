#include "telemetry/metrics_server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "../http/http_client.h"
#include "busy_probe.h"
#include "telemetry/metrics_text.h"

namespace netspectra {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

constexpr char kGet[] = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";

uint16_t free_port() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
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
    auto server = serve_metrics(address_, board_);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = std::move(*server);
  }

  std::string ask(const std::string& request) const {
    HttpClient client(port_);
    client.send_text(request);
    return client.read_answer();
  }

  const uint16_t port_ = free_port();
  const std::string address_ = "127.0.0.1:" + std::to_string(port_);
  StatusBoard board_;
  std::unique_ptr<HttpServer> server_;
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

TEST_F(MetricsServerTest, RefusesOtherPathsAndMethodsByTheirStatus) {
  EXPECT_THAT(ask("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
              AllOf(StartsWith("HTTP/1.1 404 "), EndsWith("only /metrics is here\n")));
  EXPECT_THAT(ask("GET /metrics/x HTTP/1.1\r\nHost: localhost\r\n\r\n"), StartsWith("HTTP/1.1 404 "));
  const std::string post = "POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20000\r\n\r\n";
  EXPECT_THAT(ask(post + std::string(20'000, 'x')),
              AllOf(StartsWith("HTTP/1.1 405 "), HasSubstr("Allow: GET, HEAD\r\n")));
}

TEST_F(MetricsServerTest, ServesAGoodClientWhileOthersHangOrDoNotRead) {
  const ProbeStatus large = busy_probe(4'000);  // 10 MB of text: more than the sockets' buffers take
  board_.post(large);
  HttpClient deaf(port_);
  deaf.send_text(kGet);
  ASSERT_TRUE(eventually([this] { return server_->stats().requests == 1; }));
  board_.post(busy_probe(2));
  std::vector<HttpClient> slow;
  for (int i = 0; i < 40; ++i) slow.emplace_back(port_).send_text("GET /met");
  EXPECT_THAT(ask(kGet), EndsWith(metrics_text(busy_probe(2))));
  EXPECT_THAT(deaf.read_answer(), EndsWith(metrics_text(large)));
}

TEST_F(MetricsServerTest, NamesAnAddressThatIsTaken) {
  const auto second = serve_metrics(address_, board_);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(second.status().message(),
            "metrics: cannot listen on " + address_ +
                ": Address already in use; who has it: ss -ltnp 'sport = :" + std::to_string(port_) + "'");
}

TEST(MetricsAddress, IsOnLoopback) {
  const StatusBoard board;
  for (const char* address :
       {"", "9464", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:x",
        "0.0.0.0:9464", "192.0.2.1:9464", "::1:9464", "[::]:9464", "[127.0.0.1]:9464"}) {
    const absl::Status status = serve_metrics(address, board).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << address;
    EXPECT_THAT(std::string(status.message()), HasSubstr(std::string("\"") + address + "\"")) << address;
  }
  const auto ipv6 = serve_metrics("[::1]:" + std::to_string(free_port()), board);
  EXPECT_TRUE(ipv6.ok()) << ipv6.status();
}

}  // namespace
}  // namespace netspectra

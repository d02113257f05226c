#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "http/server.h"
#include "http_client.h"

namespace netspectra {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr char kListen[] = "GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n";

class ListenerTest : public testing::Test {
 protected:
  void SetUp() override {
    HttpConfig config;
    config.address = "127.0.0.1:0";
    config.max_listeners = 4;
    config.max_connections = 2;  // listeners do not count as connections
    config.response_time = std::chrono::seconds(20);
    auto server = HttpServer::start(config, [](const HttpRequest&) {
      HttpResponse response;
      response.listen = true;
      response.body = "retry: 1000\n\n";
      return response;
    });
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }
  void wait_listeners(size_t number) {
    ASSERT_TRUE(eventually([&] { return server_->stats().listeners == number; }));
  }
  std::unique_ptr<HttpServer> server_;
};

TEST_F(ListenerTest, SendsTheBeginningAndThenEveryEventToEveryListener) {
  std::vector<HttpClient> clients;
  for (size_t i = 0; i < 3; ++i) {
    clients.emplace_back(server_->port()).send_text(kListen);
    EXPECT_THAT(clients.back().read_until("retry: 1000\n\n"),
                AllOf(StartsWith("HTTP/1.1 200 OK\r\n"), HasSubstr("Content-Type: text/event-stream\r\n"),
                      HasSubstr("Cache-Control: no-store\r\n"), Not(HasSubstr("Content-Length"))));
  }
  wait_listeners(3);
  for (int i = 0; i < 500; ++i) server_->publish("epoch", "{\"n\":" + std::to_string(i) + "}");
  std::string expected;
  for (int i = 0; i < 500; ++i) expected += "event: epoch\ndata: {\"n\":" + std::to_string(i) + "}\n\n";
  for (HttpClient& client : clients) EXPECT_EQ(client.read_until("499}\n\n"), expected);
  EXPECT_EQ(server_->stats().connections, 0u);
  clients.pop_back();
  wait_listeners(2);
  EXPECT_EQ(server_->stats().events_missed, 0u);
}

TEST_F(ListenerTest, RefusesOneTooManyAndAnswersHead) {
  std::vector<HttpClient> clients;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back(server_->port()).send_text(kListen);
    clients.back().read_until("retry: 1000\n\n");
  }
  HttpClient fifth(server_->port());
  EXPECT_THAT(fifth.ask(kListen), AllOf(StartsWith("HTTP/1.1 503 "), HasSubstr("too many listeners")));
  HttpClient head(server_->port());
  head.send_text("HEAD /live HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_THAT(head.read_all(),
              AllOf(StartsWith("HTTP/1.1 200 "), HasSubstr("text/event-stream"), Not(HasSubstr("retry"))));
}

TEST_F(ListenerTest, TellsOneThatDoesNotKeepUpHowManyEventsItMissed) {
  HttpClient slow(server_->port(), nullptr, 4096), fast(server_->port());
  slow.send_text(kListen);
  fast.send_text(kListen);
  slow.read_until("retry: 1000\n\n");
  fast.read_until("retry: 1000\n\n");
  wait_listeners(2);
  const std::string kMissed = "event: missed\ndata: {\"events\":";
  constexpr int kEvents = 200;
  const std::string data(10'000, 'x');  // 2 MB in all
  for (int i = 0; i < kEvents; ++i) {
    server_->publish("e" + std::to_string(i) + ";", data);
    ASSERT_THAT(fast.read_until("\n\n"), StartsWith("event: e" + std::to_string(i) + ";"));
  }
  int got = 0;
  uint64_t told = 0;
  while (got + told < kEvents) {
    const std::string event = slow.read_until("\n\n");
    ASSERT_THAT(event, StartsWith("event: "));
    if (event.find(kMissed) == 0) {
      told += std::stoul(event.substr(kMissed.size()));
    } else {
      // Neither is one lost without a word, nor one told of as lost that came.
      ASSERT_THAT(event, StartsWith("event: e" + std::to_string(got + told) + ";"));
      ++got;
    }
  }
  // The fast one may have had the last event before the slow one was found not to have room for it: not counted sooner.
  EXPECT_EQ(told, server_->stats().events_missed);
  EXPECT_GT(told, 50u);
  EXPECT_EQ(got + told, static_cast<uint64_t>(kEvents));
  server_->publish("again", "1");
  EXPECT_EQ(slow.read_until("\n\n"), "event: again\ndata: 1\n\n");
}

TEST_F(ListenerTest, ClosesOneThatSendsWithoutEndAndDoesNotMindAFewBytes) {
  HttpClient chatty(server_->port());
  chatty.send_text(kListen);
  chatty.read_until("retry: 1000\n\n");
  chatty.send_text(kListen);
  server_->publish("a", "1");
  EXPECT_EQ(chatty.read_until("\n\n"), "event: a\ndata: 1\n\n");
  while (chatty.send_text(std::string(10'000, 'x'))) continue;
  wait_listeners(0);
}

TEST_F(ListenerTest, StopsWithListenersThatDoNotRead) {
  std::vector<HttpClient> clients;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back(server_->port(), nullptr, 4096).send_text(kListen);
    clients.back().read_until("retry: 1000\n\n");
  }
  wait_listeners(4);
  for (int i = 0; i < 200; ++i) server_->publish("e", std::string(10'000, 'x'));
  server_.reset();
  EXPECT_THAT(clients[0].read_all(), Not(HasSubstr("<still open>")));
}

}  // namespace
}  // namespace netspectra

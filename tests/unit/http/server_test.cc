#include "http/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

#include "http_client.h"

namespace netspectra {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr char kEnd[] = " HTTP/1.1\r\nHost: localhost\r\n\r\n";

std::string get(const std::string& target) { return "GET " + target + kEnd; }

class HttpServerTest : public testing::Test {
 protected:
  // Tells what it was given. /wait answers once it is opened.
  HttpResponse handle(const HttpRequest& request) {
    HttpResponse response;
    response.content_type = "text/plain";
    if (request.path == "/missing") response.status = 404;
    if (request.path == "/throw") throw std::runtime_error("thrown");
    if (request.path == "/large") response.body = std::string(20'000'000, 'x');
    if (request.path == "/wait") {
      std::unique_lock lock(mutex_);
      ++waiting_;
      changed_.notify_all();
      changed_.wait(lock, [this] { return open_; });
      --waiting_;
    }
    if (request.path != "/large") {
      response.body = request.method + " " + request.path;
      for (const auto& [name, value] : request.query) response.body += " " + name + "=" + value;
      if (!request.body.empty()) response.body += " [" + request.body + "]";
    }
    return response;
  }

  void start() {
    config_.address = "127.0.0.1:" + std::to_string(port_);
    auto server = HttpServer::start(config_, [this](const HttpRequest& request) { return handle(request); });
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    port_ = server_->port();
  }
  void SetUp() override {
    config_.max_body_bytes = 1000;
    start();
  }
  void restart() {
    server_.reset();
    start();
  }
  void TearDown() override {
    open_doors();
    server_.reset();
  }

  std::string ask(const std::string& request) {
    HttpClient client(port_);
    client.send_text(request);
    return client.read_answer();
  }
  void wait_until_waiting(int number) {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(changed_.wait_for(lock, seconds(30), [&] { return waiting_ == number; }));
  }
  void open_doors() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }

  HttpConfig config_;
  uint16_t port_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  int waiting_ = 0;
  bool open_ = false;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, GivesTheHandlerADecodedRequestAndTheClientItsAnswer) {
  const std::string answer = ask(get("/a%20b?x=1%2B1&y=a+b"));
  EXPECT_THAT(answer,
              AllOf(StartsWith("HTTP/1.1 200 OK\r\n"), HasSubstr("\r\nContent-Type: text/plain\r\n"),
                    HasSubstr("\r\nX-Content-Type-Options: nosniff\r\n"), HasSubstr("\r\nDate: "),
                    HasSubstr("\r\nCache-Control: no-store\r\n"), EndsWith("\r\n\r\nGET /a b x=1+1 y=a b")));
  EXPECT_THAT(ask("POST /p HTTP/1.1\r\nHost: [::1]:1\r\nContent-Length: 5\r\n\r\nhello"),
              EndsWith("\r\n\r\nPOST /p [hello]"));
  EXPECT_THAT(ask("GET http://127.0.0.1/abs HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"), EndsWith("GET /abs"));
}

TEST_F(HttpServerTest, RefusesByTheRightStatusAndSaysWhy) {
  const std::string host = "Host: localhost\r\n";
  const struct {
    std::string request;
    const char* begin;
    const char* part;
  } cases[] = {
      {"\x16\x03\x01 this is TLS\r\n\r\n", "HTTP/1.1 400 ", "not an HTTP request"},
      {"GET / HTTP/9.9\r\n\r\n", "HTTP/1.1 400 ", "not an HTTP request"},
      {"GET /a b HTTP/1.1\r\n\r\n", "HTTP/1.1 400 ", "error"},
      {"GET / HTTP/1.1\r\nBad Header: x\r\n\r\n", "HTTP/1.1 400 ", "error"},
      {"POST / HTTP/1.1\r\n" + host + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", "HTTP/1.1 400 ",
       "error"},
      {"POST / HTTP/1.1\r\n" + host + "Content-Length: -1\r\n\r\n", "HTTP/1.1 400 ", "error"},
      {"GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 ", "one Host"},
      {"GET / HTTP/1.1\r\n" + host + host + "\r\n", "HTTP/1.1 400 ", "one Host"},
      {get("/%2e%2e/etc/passwd"), "HTTP/1.1 400 ", "segment"},
      {get("/a/../b"), "HTTP/1.1 400 ", "segment"},
      {get("//evil.example/"), "HTTP/1.1 400 ", "segment"},
      {get("/%00"), "HTTP/1.1 400 ", "control character"},
      {get("/?a=%zz"), "HTTP/1.1 400 ", "hexadecimal"},
      {"POST / HTTP/1.1\r\n" + host + "Origin: http://evil.example\r\nContent-Length: 0\r\n\r\n",
       "HTTP/1.1 403 ", "another site"},
      {get("/missing"), "HTTP/1.1 404 ", "GET /missing"},
      {"DELETE / HTTP/1.1\r\n" + host + "\r\n", "HTTP/1.1 405 ", "Allow: GET, HEAD, POST\r\n"},
      {"CONNECT evil.example:443 HTTP/1.1\r\n" + host + "\r\n", "HTTP/1.1 405 ", "Allow: "},
      {"BREW / HTTP/1.1\r\n" + host + "\r\n", "HTTP/1.1 405 ", "Allow: "},
      {"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
       "HTTP/1.1 411 ", "Content-Length"},
      {"POST / HTTP/1.1\r\n" + host + "Content-Length: 1001\r\n\r\n" + std::string(1001, 'x'),
       "HTTP/1.1 413 ", "more than 1000 bytes"},
      {"POST / HTTP/1.1\r\n" + host + "Content-Length: 99999999999999\r\n\r\n", "HTTP/1.1 413 ",
       "1000 bytes"},
      {get("/" + std::string(9'000, 'x')), "HTTP/1.1 414 ", "target"},
      {"GET /" + std::string(40'000, 'x'), "HTTP/1.1 414 ", "target"},
      {"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", "HTTP/1.1 421 ", "loopback"},
      {"GET / HTTP/1.1\r\n" + host + "X: " + std::string(17'000, 'x') + "\r\n\r\n", "HTTP/1.1 431 ",
       "header"},
      {"GET / HTTP/1.1\r\n" + host + "X: " + std::string(100'000, 'x'), "HTTP/1.1 431 ", "header"},
      {get("/throw"), "HTTP/1.1 500 ", "could not be handled"},
  };
  uint64_t asked = 0;
  for (const auto& c : cases) {
    const std::string answer = ask(c.request);
    EXPECT_THAT(answer, AllOf(StartsWith(c.begin), HasSubstr(c.part))) << c.request.substr(0, 100);
    EXPECT_EQ(server_->stats().refused, ++asked) << c.request.substr(0, 100);
  }
  EXPECT_THAT(ask(get("/fine")), StartsWith("HTTP/1.1 200 "));
  EXPECT_EQ(server_->stats().requests, asked + 1);
  EXPECT_EQ(server_->stats().refused, asked);
}

TEST_F(HttpServerTest, TakesNoPostWhereNoBodyIsAllowed) {
  config_.max_body_bytes = 0;
  restart();
  EXPECT_THAT(
      ask("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20000\r\n\r\n" + std::string(20'000, 'x')),
      AllOf(StartsWith("HTTP/1.1 405 "), HasSubstr("Allow: GET, HEAD\r\n")));
}

TEST_F(HttpServerTest, WantsTheTokenExceptOnOpenPaths) {
  config_.token = "secret";
  config_.open = {"/healthz"};
  restart();
  const auto with = [](const std::string& path, const std::string& token) {
    return "GET " + path + " HTTP/1.1\r\nHost: localhost\r\nAuthorization: " + token + "\r\n\r\n";
  };
  for (const std::string& request :
       {get("/a"), with("/a", "Bearer wrong"), with("/a", "Basic secret"),
        with("/a", "Bearer secret\r\nAuthorization: Bearer secret"), get("/healthz/a")})
    EXPECT_THAT(ask(request), AllOf(StartsWith("HTTP/1.1 401 "), HasSubstr("WWW-Authenticate: Bearer ")))
        << request;
  EXPECT_THAT(ask(with("/a", "Bearer secret")), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(ask(get("/healthz")), StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpServerTest, LeavesTheBodyOutOfTheAnswerToHead) {
  HttpClient client(port_);
  client.send_text("HEAD /a HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(client.read_all(),
              AllOf(StartsWith("HTTP/1.1 200 "), HasSubstr("Content-Length: 7\r\n"), EndsWith("\r\n\r\n")));
}

TEST_F(HttpServerTest, KeepsAConnectionAsLongAsTheClientWants) {
  {
    HttpClient client(port_);
    for (int i = 0; i < 100; ++i) {
      const std::string path = "/" + std::to_string(i);
      ASSERT_THAT(client.ask(get(path)), AllOf(StartsWith("HTTP/1.1 200 "), EndsWith("GET " + path)));
    }
    EXPECT_THAT(client.ask(get("/missing")), StartsWith("HTTP/1.1 404 "));
    EXPECT_EQ(server_->stats().connections, 1u);
    client.send_text("GET /last HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    EXPECT_THAT(client.read_all(), AllOf(HasSubstr("Connection: close\r\n"), EndsWith("GET /last")));
  }
  EXPECT_TRUE(eventually([this] { return server_->stats().connections == 0; }));
  HttpClient old(port_);
  old.send_text("GET /old HTTP/1.0\r\n\r\n");
  EXPECT_THAT(old.read_all(), EndsWith("GET /old"));
}

TEST_F(HttpServerTest, AnswersPipelinedRequestsInTheirOrder) {
  HttpClient client(port_);
  std::thread sender([&client] {
    std::string text;
    for (int i = 0; i < 2'000; ++i)
      text += "POST /" + std::to_string(i) + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nxyz";
    client.send_text(text);
  });
  int right = 0;
  for (int i = 0; i < 2'000; ++i) {
    const std::string answer = client.read_until("[xyz]");
    right += answer.find("POST /" + std::to_string(i) + " [xyz]") != std::string::npos ? 1 : 0;
  }
  sender.join();
  EXPECT_EQ(right, 2'000);
}

TEST_F(HttpServerTest, PutsARequestTogetherFromSingleBytes) {
  HttpClient client(port_);
  for (int i = 0; i < 2; ++i) {
    for (const char c :
         std::string("POST /x?y=z HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello")) {
      ASSERT_TRUE(client.send_text(std::string(1, c)));
      usleep(500);
    }
    EXPECT_THAT(client.read_answer(), EndsWith("POST /x y=z [hello]"));
  }
}

TEST_F(HttpServerTest, InvitesABodyThatTheClientAsksFor) {
  HttpClient client(port_);
  client.send_text(
      "POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_THAT(client.ask("abc"), EndsWith("POST /x [abc]"));
  EXPECT_THAT(ask("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"),
              StartsWith("HTTP/1.1 421 "));
}

TEST_F(HttpServerTest, GivesSlowRequestsUpBy408AndSilentOnesWithoutAWord) {
  config_.request_time = milliseconds(500);
  restart();
  HttpClient silent(port_), header(port_), body(port_), later(port_);
  const auto before = Clock::now();
  header.send_text("GET / HTTP/1.1\r\nX: ");
  body.send_text("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nx");
  EXPECT_THAT(later.ask(get("/fine")), StartsWith("HTTP/1.1 200 "));
  later.send_text("GET /");
  std::atomic<bool> dripping{true};
  std::thread drip([&] {
    while (dripping) {
      header.send_text("x");
      usleep(50'000);
    }
  });
  EXPECT_EQ(silent.read_all(), "");
  EXPECT_THAT(header.read_until("arrive"), StartsWith("HTTP/1.1 408 "));
  dripping = false;
  drip.join();
  EXPECT_THAT(body.read_answer(), StartsWith("HTTP/1.1 408 "));
  EXPECT_THAT(later.read_answer(), StartsWith("HTTP/1.1 408 "));
  EXPECT_GE(Clock::now() - before, milliseconds(500));
  // Each one's connection is closed, although the client does not close it.
  EXPECT_TRUE(eventually([this] { return server_->stats().connections == 0; }));
}

TEST_F(HttpServerTest, IsNotHeldUpByAClientThatDoesNotReadAndClosesItAfterItsTime) {
  config_.response_time = milliseconds(1'500);
  restart();
  HttpClient deaf(port_, nullptr, 4096);
  deaf.send_text(get("/large"));
  EXPECT_TRUE(eventually([this] { return server_->stats().requests == 1; }));
  EXPECT_THAT(ask(get("/fine")), StartsWith("HTTP/1.1 200 "));
  EXPECT_TRUE(eventually([this] { return server_->stats().connections == 0; }));
  EXPECT_LT(deaf.read_all().size(), 20'000'000u);
  EXPECT_GT(ask(get("/large")).size(), 20'000'000u);
}

TEST_F(HttpServerTest, AnswersQuickPathsWhileEveryWorkerIsBusyAndRefusesWhatFindsNoRoom) {
  config_.workers = 2;
  config_.max_waiting = 3;
  config_.quick = {"/healthz"};
  restart();
  std::vector<HttpClient> clients;
  for (int i = 0; i < 5; ++i) {
    clients.emplace_back(port_).send_text(get("/wait"));
    if (i < 2) wait_until_waiting(i + 1);
  }
  EXPECT_TRUE(eventually([&] {  // the five are in: three wait, two are being handled
    const std::string answer = ask(get("/other"));
    return answer.find("HTTP/1.1 503 ") == 0 && answer.find("Retry-After: 1\r\n") != std::string::npos;
  }));
  EXPECT_THAT(ask(get("/healthz")), EndsWith("GET /healthz"));
  open_doors();
  for (HttpClient& client : clients) EXPECT_THAT(client.read_answer(), EndsWith("GET /wait"));
  EXPECT_THAT(ask(get("/other")), EndsWith("GET /other"));
}

TEST_F(HttpServerTest, KeepsRoomForNewConnectionsWhenAllWaitForAnswers) {
  config_.max_connections = 8;
  restart();
  std::vector<HttpClient> clients;
  for (int i = 0; i < 7; ++i) clients.emplace_back(port_).send_text(get("/wait"));
  EXPECT_TRUE(eventually([&] { return ask(get("/other")).find("HTTP/1.1 503 ") == 0; }));
  open_doors();
  for (HttpClient& client : clients) EXPECT_THAT(client.read_answer(), EndsWith("GET /wait"));
}

TEST_F(HttpServerTest, ClosesTheConnectionThatIsSilentLongestWhenOneMoreComes) {
  config_.max_connections = 16;
  restart();
  std::vector<HttpClient> slow;
  for (int i = 0; i < 40; ++i) slow.emplace_back(port_).send_text(i % 2 == 0 ? "GET /met" : "");
  EXPECT_THAT(ask(get("/fine")), StartsWith("HTTP/1.1 200 "));
  for (size_t i = 0; i < 24; ++i) EXPECT_EQ(slow[i].read_all(), "") << i;
  EXPECT_LE(server_->stats().connections, 16u);
  int open = 0;
  for (size_t i = 24; i < 40; ++i) open += slow[i].read_all(milliseconds(10)) == "<still open>" ? 1 : 0;
  EXPECT_EQ(open, 15);
}

TEST_F(HttpServerTest, StopsAtOnceWithEverythingOpenAndMayStartAgainOnTheSamePort) {
  config_.max_waiting = 1;
  restart();
  HttpClient silent(port_), half(port_), idle(port_), deaf(port_, nullptr, 4096), waiting(port_),
      queued(port_);
  half.send_text("GET");
  EXPECT_THAT(idle.ask(get("/fine")), StartsWith("HTTP/1.1 200 "));
  deaf.send_text(get("/large"));
  EXPECT_TRUE(eventually([this] { return server_->stats().requests == 2; }));
  waiting.send_text(get("/wait"));
  wait_until_waiting(1);
  queued.send_text(get("/wait"));
  std::thread opener([this] {
    usleep(200'000);  // the destructor waits for the handler
    open_doors();
  });
  const auto before = Clock::now();
  server_.reset();
  EXPECT_LT(Clock::now() - before, seconds(10));
  opener.join();
  EXPECT_EQ(half.read_all(), "");
  EXPECT_EQ(idle.read_all(), "");
  EXPECT_EQ(waiting.read_all(), "");
  restart();
  EXPECT_THAT(ask(get("/fine")), StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpServerTest, NamesAnAddressThatCannotBeUsedAndWhatToDo) {
  const auto error = [](const std::string& address, const std::string& token = "",
                        const std::string& tls = "") {
    HttpConfig config;
    config.address = address;
    config.token = token;
    config.tls_certificate = config.tls_key = tls;
    const auto server = HttpServer::start(config, [](const HttpRequest&) { return HttpResponse(); });
    return std::string(server.status().message());
  };
  EXPECT_EQ(error(config_.address = "127.0.0.1:" + std::to_string(port_)),
            "cannot listen on 127.0.0.1:" + std::to_string(port_) +
                ": Address already in use; who has it: ss -ltnp 'sport = :" + std::to_string(port_) + "'");
  EXPECT_EQ(error("nonsense"), "\"nonsense\" is no ADDRESS:PORT, such as 127.0.0.1:8080 or [::1]:8080");
  EXPECT_THAT(error("192.0.2.1:80", "t", "/nowhere.pem"),
              HasSubstr("/nowhere.pem: No such file or directory"));
  for (const char* token : {"", "secret"}) {
    EXPECT_EQ(
        error("0.0.0.0:8080", token),
        "0.0.0.0:8080 can be reached from other machines: give it a token and a TLS certificate and key, or "
        "listen on 127.0.0.1");
  }
  EXPECT_THAT(error("[::]:8080", "", "/nowhere.pem"), HasSubstr("give it a token"));
  EXPECT_EQ(error("localhost:0"), "");
  EXPECT_EQ(error("[::1]:0"), "");
}

}  // namespace
}  // namespace netspectra

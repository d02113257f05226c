// Many clients at once, good ones among bad ones. Prints what it measured; asserts only what must hold on any machine.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <deque>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "http/server.h"
#include "http_client.h"

namespace netspectra {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::duration;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr char kGet[] = "GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n";
constexpr char kListen[] = "GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n";

class LoadTest : public testing::Test {
 protected:
  void SetUp() override {
    HttpConfig config;
    config.address = "127.0.0.1:0";
    auto server = HttpServer::start(config, [](const HttpRequest& request) {
      HttpResponse response;
      response.listen = request.path == "/live";
      response.body = "{}\n\n";
      return response;
    });
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }

  // The seconds that each of so many requests took, sorted; each with a connection of its own, or all with one.
  std::vector<double> ask(int requests, bool keep) {
    std::vector<double> taken;
    HttpClient kept(server_->port());
    for (int i = 0; i < requests; ++i) {
      const auto before = Clock::now();
      std::string answer;
      if (keep) {
        answer = kept.ask(kGet);
      } else {
        answer = HttpClient(server_->port()).ask(kGet);
      }
      taken.push_back(duration<double>(Clock::now() - before).count());
      if (answer.find("HTTP/1.1 200 ") != 0) {
        ADD_FAILURE() << "request " << i << ": " << answer;
        break;
      }
    }
    std::sort(taken.begin(), taken.end());
    return taken;
  }
  static void print(const char* what, const std::vector<double>& taken) {
    std::printf("%s: %zu requests, median %.3f ms, 99 %% %.3f ms, longest %.3f ms\n", what, taken.size(),
                taken[taken.size() / 2] * 1e3, taken[taken.size() * 99 / 100] * 1e3, taken.back() * 1e3);
  }

  std::unique_ptr<HttpServer> server_;
};

TEST_F(LoadTest, AnswersWhileTwoHundredListenersDoNotRead) {
  std::vector<HttpClient> listeners;
  for (int i = 0; i < 200; ++i) {
    listeners.emplace_back(server_->port(), nullptr, 4096).send_text(kListen);
    listeners.back().read_until("{}\n\n");
  }
  ASSERT_TRUE(eventually([this] { return server_->stats().listeners == 200; }));
  HttpClient good(server_->port());
  good.send_text(kListen);
  good.read_until("{}\n\n");

  std::atomic<bool> stop{false};
  std::atomic<int> published{0};
  double longest_publish = 0;
  std::thread publisher([&] {
    const std::string data(20'000, 'x');
    for (auto next = Clock::now(); !stop; next += milliseconds(10)) {
      std::this_thread::sleep_until(next);
      const auto before = Clock::now();
      server_->publish("epoch", data);
      longest_publish = std::max(longest_publish, duration<double>(Clock::now() - before).count());
      ++published;
    }
  });
  std::thread reader([&] {
    while (good.read_until("\n\n", milliseconds(200)) != "" || !stop) continue;
  });
  std::vector<double> taken;
  while (taken.size() < 1'000 || (published < 100 && !HasFailure())) {
    for (const double seconds : ask(100, taken.size() % 200 == 0)) taken.push_back(seconds);
    std::this_thread::sleep_for(milliseconds(50));
  }
  stop = true;
  publisher.join();
  reader.join();
  std::sort(taken.begin(), taken.end());
  print("200 listeners that do not read", taken);
  std::printf("  %d events published, longest publish() %.3f ms, %llu events missed\n", published.load(),
              longest_publish * 1e3, static_cast<unsigned long long>(server_->stats().events_missed));
  EXPECT_LT(taken.back(), 5);
  EXPECT_LT(longest_publish, 5);
  EXPECT_GT(server_->stats().events_missed, 0u);
  EXPECT_EQ(server_->stats().listeners, 201u);
}

TEST_F(LoadTest, AnswersWhileRubbishComesFromManyConnections) {
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> connections{0};
  std::vector<std::thread> bad;
  for (unsigned seed = 0; seed < 4; ++seed) {
    bad.emplace_back([&, seed] {
      std::mt19937 random(seed);
      std::deque<HttpClient> open;
      while (!stop) {
        // The server closes the oldest of 160 itself: a client that did would only fill the kernel's queue.
        if (open.size() == 40) {
          while (!stop && open.front().read_all(milliseconds(50)).find("<still open>") != std::string::npos)
            continue;
          open.pop_front();
        }
        HttpClient& client = open.emplace_back(server_->port());
        std::string text;
        switch (random() % 4) {
          case 0:  // half a request
            text = std::string(kGet).substr(0, random() % sizeof(kGet));
            break;
          case 1:  // any bytes
            for (unsigned left = random() % 3000; left > 0; --left) text += static_cast<char>(random());
            break;
          case 2:  // a request with one byte changed
            text = kGet;
            text[random() % text.size()] = static_cast<char>(random());
            break;
          default:  // without end
            text = "GET / HTTP/1.1\r\n" + std::string(random() % 40'000, 'x');
        }
        client.send_text(text);
        ++connections;
      }
    });
  }
  // A connection that asks at once is never the one that is silent longest.
  std::vector<double> taken = ask(100, false);
  stop = true;
  for (std::thread& thread : bad) thread.join();
  print("a flood of rubbish", taken);
  std::printf("  %llu bad connections, %llu answers of 4xx\n", static_cast<unsigned long long>(connections),
              static_cast<unsigned long long>(server_->stats().refused));
  ASSERT_FALSE(taken.empty());
  EXPECT_LT(taken.back(), 5);
  EXPECT_GT(connections, 100u);
  EXPECT_GT(server_->stats().refused, 10u);
}

TEST_F(LoadTest, AnswersOneAndFiftyConnectionsAtFullSpeed) {
  const auto one = Clock::now();
  const size_t answered = ask(5'000, true).size();
  std::printf("1 connection: %.0f requests/s\n", answered / duration<double>(Clock::now() - one).count());
  EXPECT_EQ(answered, 5'000u);

  std::vector<HttpClient> clients;
  for (int i = 0; i < 50; ++i) clients.emplace_back(server_->port());
  const auto fifty = Clock::now();
  int good = 0;
  for (int round = 0; round < 200; ++round) {
    for (HttpClient& client : clients) client.send_text(kGet);
    for (HttpClient& client : clients) good += client.read_answer().find("HTTP/1.1 200 ") == 0 ? 1 : 0;
  }
  std::printf("50 connections: %.0f requests/s\n", good / duration<double>(Clock::now() - fifty).count());
  EXPECT_EQ(good, 10'000);
}

}  // namespace
}  // namespace netspectra

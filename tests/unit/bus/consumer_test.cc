// Each message until it is acknowledged, whatever happens to the consumer and the server.
#include "bus/consumer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <thread>

#include "bus/nats_link.h"
#include "messages.h"
#include "nats_server.h"

namespace netspectra {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const ConsumerConfig kConfig = {"netspectra.v1.*.*.snapshot.>", "test", milliseconds(600)};

std::unique_ptr<Consumer> open_consumer(const NatsConfig& nats, const ConsumerConfig& config = kConfig) {
  auto consumer = Consumer::open(nats, config);
  EXPECT_TRUE(consumer.ok()) << consumer.status();
  return consumer.ok() ? *std::move(consumer) : nullptr;
}

void publish_all(const NatsServer& server, uint64_t from, uint64_t end) {
  auto publisher = open_publisher(server.config());
  for (uint64_t n = from; n < end; ++n) publish(*publisher, n, n, 1000);
  ASSERT_TRUE(publisher->flush(seconds(30)));
  ASSERT_TRUE(publisher->close().ok());
}

std::vector<DeliveredMessage> take(Consumer& consumer, size_t count, milliseconds limit = seconds(30)) {
  std::vector<DeliveredMessage> messages;
  DeliveredMessage message;
  const auto until = std::chrono::steady_clock::now() + limit;
  while (messages.size() < count && std::chrono::steady_clock::now() < until) {
    if (consumer.next(message, milliseconds(100))) messages.push_back(message);
  }
  return messages;
}

bool nothing_comes(Consumer& consumer, milliseconds limit) {
  DeliveredMessage message;
  return !consumer.next(message, limit);
}

// 1000 = none of those that are published here.
uint64_t number_of(const DeliveredMessage& message) {
  for (uint64_t n = 0; n < 1000; ++n) {
    if (message.bytes.size() == 1000 &&
        std::equal(message.bytes.begin(), message.bytes.begin() + 16, content_of(n, 16).begin()))
      return message.bytes == content_of(n, 1000) ? n : 1000;
  }
  return 1000;
}

std::set<uint64_t> numbers(const std::vector<DeliveredMessage>& messages) {
  std::set<uint64_t> found;
  for (const DeliveredMessage& message : messages) found.insert(number_of(message));
  return found;
}

std::set<uint64_t> expected(uint64_t from, uint64_t end) {
  std::set<uint64_t> found;
  for (uint64_t n = from; n < end; ++n) found.insert(n);
  return found;
}

std::string events(Consumer& consumer) { return absl::StrJoin(consumer.take_events(), "\n"); }

TEST(Consumer, DeliversWhatWasPublishedBeforeItCameAndNothingThatIsAcknowledgedAgain) {
  NatsServer server;
  server.start();
  publish_all(server, 0, 200);
  {
    auto consumer = open_consumer(server.config());
    const std::vector<DeliveredMessage> messages = take(*consumer, 200);
    EXPECT_EQ(messages.size(), 200u);
    EXPECT_EQ(numbers(messages), expected(0, 200));
    EXPECT_EQ(messages[0].subject, kSubject);
    for (const DeliveredMessage& message : messages) consumer->acknowledge(message.ticket);
    EXPECT_TRUE(consumer->redelivers());
    consumer->close();
  }
  publish_all(server, 200, 210);
  auto next = open_consumer(server.config());
  const std::vector<DeliveredMessage> later = take(*next, 10);
  EXPECT_EQ(numbers(later), expected(200, 210));
  for (const DeliveredMessage& message : later) next->acknowledge(message.ticket);
  EXPECT_TRUE(nothing_comes(*next, milliseconds(1000)));
}

TEST(Consumer, GivesBackWhatIsNotAcknowledgedToTheNextOneAtOnceOrAfterTheWait) {
  NatsServer server;
  server.start();
  publish_all(server, 0, 100);
  for (const bool closed : {true, false}) {
    auto consumer = open_consumer(server.config());
    const std::vector<DeliveredMessage> messages = take(*consumer, closed ? 100 : 60);
    ASSERT_EQ(messages.size(), closed ? 100u : 60u);
    for (size_t i = 0; closed && i < 40; ++i) consumer->acknowledge(messages[i].ticket);
    if (closed) consumer->close();
  }
  auto last = open_consumer(server.config());
  const std::vector<DeliveredMessage> rest = take(*last, 60);
  EXPECT_EQ(rest.size(), 60u);
  EXPECT_EQ(numbers(rest), expected(40, 100));
}

TEST(Consumer, DoesNotGetAgainWhatItHolds) {
  NatsServer server;
  server.start();
  publish_all(server, 0, 10);
  auto consumer = open_consumer(server.config());
  const std::vector<DeliveredMessage> messages = take(*consumer, 10);
  ASSERT_EQ(messages.size(), 10u);
  for (int i = 0; i < 20; ++i) {
    consumer->hold();
    ASSERT_TRUE(nothing_comes(*consumer, milliseconds(100))) << i;
  }
  EXPECT_EQ(numbers(take(*consumer, 10)), expected(0, 10)) << "and when it does not say so, it does";
  for (const DeliveredMessage& message : messages)
    consumer->acknowledge(message.ticket);  // by the first ticket
  EXPECT_TRUE(nothing_comes(*consumer, milliseconds(1500)));
}

TEST(Consumer, GoesOnAfterTheServerWasKilledAndAcknowledgesWhatItHadBefore) {
  NatsServer server;
  server.start();
  publish_all(server, 0, 50);
  auto consumer = open_consumer(server.config());
  const std::vector<DeliveredMessage> before = take(*consumer, 50);
  ASSERT_EQ(before.size(), 50u);
  server.kill();
  EXPECT_TRUE(nothing_comes(*consumer, milliseconds(500)));
  EXPECT_TRUE(contains(events(*consumer), "connection to " + server.url() + " lost"));
  server.start();
  publish_all(server, 50, 60);
  std::set<uint64_t> later;
  DeliveredMessage message;
  // The server may have forgotten what it had delivered: that comes again, in any number, before the rest does.
  const auto until = std::chrono::steady_clock::now() + seconds(30);
  while (!later.contains(59) && std::chrono::steady_clock::now() < until) {
    consumer->hold();
    if (consumer->next(message, milliseconds(100))) later.insert(number_of(message));
  }
  for (uint64_t n = 50; n < 60; ++n) EXPECT_TRUE(later.contains(n)) << n;
  for (const DeliveredMessage& old : before) consumer->acknowledge(old.ticket);
  consumer->close();
  // The server takes acknowledgements up in its own time: one that it has not yet is delivered again.
  std::set<uint64_t> left;
  const auto taken_up_by = std::chrono::steady_clock::now() + seconds(30);
  while (left != expected(50, 60) && std::chrono::steady_clock::now() < taken_up_by) {
    auto next = open_consumer(server.config());
    left = numbers(take(*next, 10));
    next->close();
  }
  EXPECT_EQ(left, expected(50, 60));
}

TEST(Consumer, SaysThatTheConnectionWasLostWhileItWaited) {
  NatsServer server;
  server.start();
  auto consumer = open_consumer(server.config());
  EXPECT_TRUE(nothing_comes(*consumer, milliseconds(100)));  // it has subscribed
  std::thread killer([&] {
    std::this_thread::sleep_for(milliseconds(200));  // amid the wait
    server.kill();
  });
  EXPECT_TRUE(nothing_comes(*consumer, milliseconds(1000)));
  killer.join();
  const std::string said = events(*consumer);
  EXPECT_TRUE(contains(said, "connection to " + server.url() + " lost")) << said;
}

TEST(Consumer, WaitsForAServerThatIsNotThereYet) {
  NatsServer server;
  auto consumer = open_consumer(server.config());
  ASSERT_NE(consumer, nullptr);
  EXPECT_TRUE(nothing_comes(*consumer, milliseconds(300)));
  EXPECT_TRUE(contains(events(*consumer), server.url() + ": cannot be reached"));
  server.start();
  EXPECT_TRUE(nothing_comes(*consumer, milliseconds(1500)));  // it makes the stream
  publish_all(server, 0, 5);
  EXPECT_EQ(numbers(take(*consumer, 5)), expected(0, 5));
  EXPECT_TRUE(contains(events(*consumer), "stream NETSPECTRA created"));
}

TEST(Consumer, IsMadeAgainWhenItWasDeletedAndGetsEverythingThen) {
  NatsServer server;
  server.start();
  publish_all(server, 0, 20);
  auto consumer = open_consumer(server.config());
  ASSERT_EQ(take(*consumer, 20).size(), 20u);
  auto link = NatsLink::connect(server.config());
  ASSERT_TRUE(link.ok());
  ASSERT_EQ(js_DeleteConsumer((*link)->jetstream(), "NETSPECTRA", "test", nullptr, nullptr), NATS_OK);
  EXPECT_EQ(numbers(take(*consumer, 20)), expected(0, 20));
}

TEST(Consumer, TakesOnlyWhatItsFilterSays) {
  NatsServer server;
  server.start();
  publish_all(server, 0, 5);
  auto other = open_consumer(server.config(), {"netspectra.v1.fra.*.snapshot.>", "fra", seconds(1)});
  auto ours = open_consumer(server.config(), {"netspectra.v1.ams.*.snapshot.>", "ams", seconds(1)});
  EXPECT_EQ(numbers(take(*ours, 5)), expected(0, 5));
  EXPECT_TRUE(nothing_comes(*other, milliseconds(500)));
}

TEST(Consumer, WithoutJetStreamSubscribesPlainlyAndSaysSo) {
  NatsServer server(false);
  server.start();
  auto consumer = open_consumer(server.config());
  EXPECT_TRUE(nothing_comes(*consumer, milliseconds(300)));
  EXPECT_TRUE(contains(events(*consumer), "has no JetStream"));
  EXPECT_FALSE(consumer->redelivers());
  auto publisher = open_publisher(server.config());
  for (uint64_t n = 0; n < 5; ++n) publish(*publisher, n, n, 1000);
  ASSERT_TRUE(publisher->flush(seconds(30)));
  const std::vector<DeliveredMessage> messages = take(*consumer, 5);
  EXPECT_EQ(numbers(messages), expected(0, 5));
  for (const DeliveredMessage& message : messages) consumer->acknowledge(message.ticket);
}

TEST(Consumer, RefusesALoginThatIsRefused) {
  NatsServer server(true, "authorization { user: a, password: b }");
  server.start();
  EXPECT_TRUE(absl::IsPermissionDenied(Consumer::open(server.config(), kConfig).status()));
}

}  // namespace
}  // namespace netspectra

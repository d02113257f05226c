#include <gtest/gtest.h>

#include <thread>

#include "bus/nats_link.h"
#include "bus/publisher.h"
#include "bus/subscriber.h"
#include "messages.h"
#include "nats_server.h"

namespace netspectra {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Publish, AcknowledgesEveryMessageAndTheStreamHoldsEachAsItWas) {
  NatsServer server;
  server.start();
  auto publisher = open_publisher(server.config());
  for (uint64_t n = 0; n < 300; ++n) publish(*publisher, n, n / 30, 2000 + n);
  EXPECT_TRUE(publisher->flush(seconds(60)));
  const PublisherStats stats = publisher->stats();
  EXPECT_TRUE(stats.connected);
  EXPECT_EQ(stats.published, 300u);
  EXPECT_EQ(stats.published_bytes, 300u * 2000 + 300 * 299 / 2);
  EXPECT_EQ(stats.queued + stats.queued_bytes + stats.spooled + stats.dropped + stats.retries, 0u);
  EXPECT_TRUE(publisher->close().ok());
  const std::vector<IncomingMessage> messages = stream_content(server.config());
  ASSERT_EQ(messages.size(), 300u);
  for (uint64_t n = 0; n < 300; ++n) {
    EXPECT_EQ(messages[n].subject, kSubject);
    EXPECT_EQ(messages[n].id, id_of(n));
    EXPECT_EQ(messages[n].bytes, content_of(n, 2000 + n));
  }
  const std::string events = events_text(*publisher);
  EXPECT_TRUE(contains(events, "connected to nats://127.0.0.1:")) << events;
  EXPECT_TRUE(contains(events, "stream NETSPECTRA created over netspectra.v1.>")) << events;
}

TEST(Publish, StoresAMessageThatIsPublishedTwiceWithOneIdOnce) {
  NatsServer server;
  server.start();
  auto publisher = open_publisher(server.config());
  for (int i = 0; i < 3; ++i) publish(*publisher, 1, 0, 100);
  EXPECT_TRUE(publisher->flush(seconds(60)));
  EXPECT_EQ(publisher->stats().published, 3u);
  EXPECT_EQ(stream_content(server.config()).size(), 1u);
}

TEST(Publish, DeliversWhatWasPublishedBeforeTheServerCameUp) {
  NatsServer server;
  auto publisher = open_publisher(server.config());
  for (uint64_t n = 0; n < 100; ++n) publish(*publisher, n, n / 10, 3000);
  EXPECT_FALSE(publisher->flush(milliseconds(50)));
  EXPECT_FALSE(publisher->stats().connected);
  EXPECT_EQ(publisher->stats().queued, 100u);
  EXPECT_TRUE(contains(events_text(*publisher), server.url() + ": cannot be reached"));
  server.start();
  EXPECT_TRUE(publisher->flush(seconds(60)));
  const std::vector<IncomingMessage> messages = stream_content(server.config());
  expect_exactly_once(messages, 100, 3000);
  for (uint64_t n = 0; n < messages.size(); ++n) EXPECT_EQ(messages[n].id, id_of(n)) << "oldest first";
}

// Each time the server dies in the middle of what is under way.
void survives_five_kills(const NatsConfig& config, NatsServer& server) {
  server.start();
  auto publisher = open_publisher(config);
  constexpr uint64_t kCount = 1200;
  constexpr size_t kBytes = 20'000;
  for (uint64_t n = 0; n < kCount; ++n) {
    publish(*publisher, n, n / 50, kBytes);
    if (n % 240 == 150) server.kill();
    if (n % 240 == 190) server.start();
    if (n % 50 == 0) std::this_thread::sleep_for(milliseconds(30));
  }
  EXPECT_TRUE(publisher->flush(seconds(60)));
  const PublisherStats stats = publisher->stats();
  EXPECT_EQ(stats.published, kCount);
  EXPECT_GT(stats.retries, 0u) << "nothing was under way when the server died";
  EXPECT_EQ(stats.dropped, 0u);
  EXPECT_EQ(stats.queued + stats.spooled + stats.spooled_bytes, 0u);
  expect_exactly_once(stream_content(server.config()), kCount, kBytes);
  EXPECT_TRUE(publisher->close().ok());
}

TEST(Publish, DeliversEachMessageOnceThoughTheServerIsKilledFiveTimes) {
  NatsServer server;
  survives_five_kills(server.config(), server);
}

TEST(Publish, DeliversEachMessageOnceFromTheSpoolThoughTheServerIsKilledFiveTimes) {
  NatsServer server;
  TempDir spool;
  NatsConfig config = server.config();
  config.spool.dir = spool.path();
  survives_five_kills(config, server);
  for (const auto& file : std::filesystem::directory_iterator(spool.path())) {
    EXPECT_EQ(file.path().filename(), "lock") << "acknowledged messages stay on disk";
  }
}

TEST(Publish, LeavesAStreamThatIsThereAsItIs) {
  NatsServer server;
  server.start();
  NatsConfig config = server.config();
  config.stream_max_age_ns = 60'000'000'000;
  auto first = open_publisher(config);
  publish(*first, 0, 0, 10);
  ASSERT_TRUE(first->flush(seconds(60)));
  config.stream_max_age_ns = 3600'000'000'000;
  auto publisher = open_publisher(config);
  publish(*publisher, 1, 0, 10);
  EXPECT_TRUE(publisher->flush(seconds(60)));
  const std::string events = events_text(*publisher);
  EXPECT_FALSE(contains(events, "created")) << events;
  EXPECT_TRUE(contains(events, "duplicate window is 1 min 00 s")) << events;
}

TEST(Publish, WarnsAndPublishesPlainlyWithoutJetStream) {
  NatsServer server(false);
  server.start();
  auto subscriber = Subscriber::open(server.config(), "netspectra.v1.>", false);
  ASSERT_TRUE(subscriber.ok()) << subscriber.status();
  auto publisher = open_publisher(server.config());
  for (uint64_t n = 0; n < 50; ++n) publish(*publisher, n, 0, 5000);
  EXPECT_TRUE(publisher->flush(seconds(60)));
  EXPECT_EQ(publisher->stats().published, 50u);
  expect_exactly_once(receive_all(**subscriber), 50, 5000);
  const std::string events = events_text(*publisher);
  EXPECT_TRUE(contains(events, "has no JetStream")) << events;
}

TEST(Publish, WaitsForAServerThatComesBackWithItsJetStream) {
  NatsServer server;
  server.start();
  auto publisher = open_publisher(server.config());
  publish(*publisher, 0, 0, 100);
  ASSERT_TRUE(publisher->flush(seconds(60)));
  server.kill();
  publish(*publisher, 1, 0, 100);
  server.start();
  // What went out unanswered is sent again after 5 s.
  EXPECT_TRUE(publisher->flush(seconds(20))) << events_text(*publisher);
  expect_exactly_once(stream_content(server.config()), 2, 100);
}

TEST(Publish, RetriesWhatTheStreamDoesNotTake) {
  NatsServer server(true, "max_payload: 1000");
  server.start();
  auto publisher = open_publisher(server.config());
  publish(*publisher, 0, 0, 5000);
  publish(*publisher, 1, 0, 100);
  EXPECT_FALSE(publisher->flush(milliseconds(500)));
  EXPECT_EQ(publisher->stats().published, 1u) << "one that is too large must not hold up the others";
  EXPECT_EQ(publisher->stats().queued, 1u);
  EXPECT_TRUE(contains(events_text(*publisher), "5000 bytes"));
}

// A stream that refuses instead of discarding its oldest.
void make_full_stream(const NatsConfig& config, int64_t max_messages) {
  auto link = NatsLink::connect(config);
  ASSERT_TRUE(link.ok()) << link.status();
  const char* subjects[] = {"netspectra.v1.>"};
  jsStreamConfig stream;
  jsStreamConfig_Init(&stream);
  stream.Name = "NETSPECTRA";
  stream.Subjects = subjects;
  stream.SubjectsLen = 1;
  stream.MaxMsgs = max_messages;
  stream.Discard = js_DiscardNew;
  ASSERT_EQ(js_AddStream(nullptr, (*link)->jetstream(), &stream, nullptr, nullptr), NATS_OK);
}

TEST(Publish, KeepsWhatTheStreamRefusesAndSaysWhy) {
  NatsServer server;
  server.start();
  make_full_stream(server.config(), 3);
  auto publisher = open_publisher(server.config());
  for (uint64_t n = 0; n < 5; ++n) publish(*publisher, n, 0, 100);
  EXPECT_FALSE(publisher->flush(milliseconds(500)));
  EXPECT_EQ(publisher->stats().published, 3u);
  EXPECT_EQ(publisher->stats().queued, 2u);
  const std::string events = events_text(*publisher);
  EXPECT_TRUE(contains(events, "is not taken: maximum messages exceeded; retried")) << events;
}

TEST(Publish, SaysWhyTheStreamCannotBeMade) {
  NatsServer server(false);
  server.configure(false, "jetstream { store_dir: \"" + server.dir() + "/store\", max_file_store: 1MB }");
  server.start();
  auto publisher = open_publisher(server.config());
  publish(*publisher, 0, 0, 100);
  EXPECT_FALSE(publisher->flush(milliseconds(500)));
  const std::string events = events_text(*publisher);
  EXPECT_TRUE(contains(events, "stream NETSPECTRA cannot be created: insufficient storage resources"))
      << events;
  EXPECT_EQ(publisher->stats().queued, 1u);
}

TEST(Publish, MakesTheStreamAgainWhenItWasDeleted) {
  NatsServer server;
  server.start();
  auto publisher = open_publisher(server.config());
  publish(*publisher, 0, 0, 100);
  ASSERT_TRUE(publisher->flush(seconds(60)));
  {
    auto link = NatsLink::connect(server.config());
    ASSERT_TRUE(link.ok()) << link.status();
    ASSERT_EQ(js_DeleteStream((*link)->jetstream(), "NETSPECTRA", nullptr, nullptr), NATS_OK);
  }
  publish(*publisher, 1, 0, 100);
  EXPECT_TRUE(publisher->flush(seconds(60)));
  expect_exactly_once(stream_content(server.config()), 1, 2, 100);
}

TEST(Publish, GoesOnAfterAConnectionThatBrokeInTheMiddleOfAMessage) {
  for (const bool jetstream : {true, false}) {
    NatsServer server(jetstream, "max_payload: 64MB");
    server.start();
    auto publisher = open_publisher(server.config());
    publish(*publisher, 0, 0, 100);
    ASSERT_TRUE(publisher->flush(seconds(60)));
    server.signal(SIGSTOP);
    publish(*publisher, 1, 0, 30'000'000);  // more than its socket takes
    const auto until = std::chrono::steady_clock::now() + seconds(30);
    while (publisher->stats().connected && std::chrono::steady_clock::now() < until) {
      std::this_thread::sleep_for(milliseconds(10));
    }
    EXPECT_FALSE(publisher->stats().connected);
    server.signal(SIGCONT);
    EXPECT_TRUE(publisher->flush(seconds(60))) << events_text(*publisher);
    EXPECT_EQ(publisher->stats().published, 2u);
  }
}

TEST(Publish, DoesNotWaitForAServerThatHangs) {
  NatsServer server;
  server.start();
  auto publisher = open_publisher(server.config());
  publish(*publisher, 0, 0, 100'000);
  ASSERT_TRUE(publisher->flush(seconds(60)));
  server.signal(SIGSTOP);
  const auto before = std::chrono::steady_clock::now();
  for (uint64_t n = 1; n < 200; ++n) publish(*publisher, n, 0, 100'000);
  EXPECT_LT(std::chrono::steady_clock::now() - before, seconds(1));
  server.signal(SIGCONT);
  EXPECT_TRUE(publisher->flush(seconds(60)));
  expect_exactly_once(stream_content(server.config()), 200, 100'000);
}

TEST(Subscribe, FollowsTheStreamAcrossARestartOfTheServer) {
  NatsServer server;
  server.start();
  auto publisher = open_publisher(server.config());
  publish(*publisher, 0, 0, 100);
  ASSERT_TRUE(publisher->flush(seconds(60)));
  auto subscriber = Subscriber::open(server.config(), "netspectra.v1.>", true);
  ASSERT_TRUE(subscriber.ok()) << subscriber.status();
  std::vector<IncomingMessage> seen = receive_all(**subscriber, milliseconds(200));
  EXPECT_EQ(seen.size(), 1u);
  server.kill();
  publish(*publisher, 1, 0, 100);
  server.start();
  ASSERT_TRUE(publisher->flush(seconds(60)));
  for (IncomingMessage& message : receive_all(**subscriber, milliseconds(1500))) seen.push_back(message);
  expect_exactly_once(seen, 2, 100);
  EXPECT_FALSE((*subscriber)->take_events().empty());
}

TEST(Subscribe, SaysThatTheConnectionWasLostWhileItWaited) {
  NatsServer server;
  server.start();
  auto publisher = open_publisher(server.config());
  publish(*publisher, 0, 0, 100);
  ASSERT_TRUE(publisher->flush(seconds(60)));
  auto subscriber = Subscriber::open(server.config(), "netspectra.v1.>", false);
  ASSERT_TRUE(subscriber.ok()) << subscriber.status();
  std::thread killer([&] {
    std::this_thread::sleep_for(milliseconds(200));  // amid the wait
    server.kill();
  });
  IncomingMessage message;
  EXPECT_FALSE((*subscriber)->next(message, milliseconds(1000)));
  killer.join();
  const std::string said = absl::StrJoin((*subscriber)->take_events(), "\n");
  EXPECT_TRUE(contains(said, "connection to " + server.url() + " lost")) << said;
}

TEST(Subscribe, StartsWithWhatComesNextUnlessToldOtherwise) {
  NatsServer server;
  server.start();
  auto publisher = open_publisher(server.config());
  publish(*publisher, 0, 0, 100);
  ASSERT_TRUE(publisher->flush(seconds(60)));
  auto subscriber = Subscriber::open(server.config(), "netspectra.v1.>", false);
  ASSERT_TRUE(subscriber.ok()) << subscriber.status();
  publish(*publisher, 1, 0, 100);
  const std::vector<IncomingMessage> seen = receive_all(**subscriber);
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_EQ(seen[0].id, id_of(1));
}

TEST(Subscribe, LosesNothingWhenItIsSlow) {
  NatsServer server;
  server.start();
  auto publisher = open_publisher(server.config());
  publish(*publisher, 0, 0, 1000);
  ASSERT_TRUE(publisher->flush(seconds(60)));
  auto subscriber = Subscriber::open(server.config(), "netspectra.v1.>", true);
  ASSERT_TRUE(subscriber.ok()) << subscriber.status();
  for (uint64_t n = 1; n < 20'000; ++n) publish(*publisher, n, 0, 1000);
  ASSERT_TRUE(publisher->flush(seconds(60)));
  expect_exactly_once(receive_all(**subscriber), 20'000, 1000);
}

TEST(Subscribe, SaysThatTheServerCannotBeReached) {
  NatsServer server;
  const auto subscriber = Subscriber::open(server.config(), "netspectra.v1.>", false);
  EXPECT_FALSE(subscriber.ok());
  EXPECT_TRUE(contains(std::string(subscriber.status().message()), server.url())) << subscriber.status();
}

}  // namespace
}  // namespace netspectra

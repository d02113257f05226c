#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <thread>

#include "bus/publisher.h"
#include "bus/spool_file.h"
#include "messages.h"
#include "nats_server.h"

namespace {
std::atomic<unsigned> files_synced{0};
}  // namespace

// In the place of the C library's: nothing else tells that a file was brought to the disk.
extern "C" int fdatasync(int fd) {
  ++files_synced;
  return static_cast<int>(syscall(SYS_fdatasync, fd));
}

namespace netspectra {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

NatsConfig with_spool(const NatsServer& server, const std::string& dir) {
  NatsConfig config = server.config();
  config.spool.dir = dir;
  return config;
}

std::vector<std::string> spool_files(const std::string& dir) {
  std::vector<std::string> files;
  for (const auto& file : std::filesystem::directory_iterator(dir)) {
    if (file.path().extension() == ".spool") files.push_back(file.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

TEST(Spool, ChecksumIsThatOfRfc3720) {
  const std::string digits = "123456789";
  const auto* bytes = reinterpret_cast<const uint8_t*>(digits.data());
  EXPECT_EQ(crc32c(0, {bytes, 9}), 0xe3069283u);
  EXPECT_EQ(crc32c(crc32c(0, {bytes, 4}), {bytes + 4, 5}), 0xe3069283u) << "in pieces";
  EXPECT_EQ(crc32c(0, std::vector<uint8_t>(32)), 0x8a9136aau);
}

TEST(Spool, IsDeliveredByTheNextRunOldestFirst) {
  NatsServer server;
  TempDir dir;
  const NatsConfig config = with_spool(server, dir.path() + "/spool");
  auto first = open_publisher(config);
  for (uint64_t n = 0; n < 60; ++n) publish(*first, n, n / 20, 10'000);
  EXPECT_EQ(first->stats().spooled, 60u);
  EXPECT_EQ(first->stats().queued, 0u);
  EXPECT_TRUE(first->close().ok());
  EXPECT_EQ(spool_files(config.spool.dir).size(), 3u);

  auto second = open_publisher(config);
  EXPECT_EQ(second->stats().spooled, 60u);
  for (uint64_t n = 60; n < 100; ++n) publish(*second, n, n / 20, 10'000);
  server.start();
  EXPECT_TRUE(second->flush(seconds(60)));
  EXPECT_EQ(second->stats().published, 100u);
  const std::vector<IncomingMessage> messages = stream_content(config);
  expect_exactly_once(messages, 100, 10'000);
  for (uint64_t n = 0; n < messages.size(); ++n) EXPECT_EQ(messages[n].id, id_of(n));
  EXPECT_TRUE(second->close().ok());
  EXPECT_TRUE(spool_files(config.spool.dir).empty());
}

TEST(Spool, PastEpochsAreBroughtToTheDiskWhileNatsIsAway) {
  NatsServer server;  // not started
  TempDir dir;
  auto publisher = open_publisher(with_spool(server, dir.path() + "/spool"));
  constexpr unsigned kEpochs = 10;
  const auto began = std::chrono::steady_clock::now();
  for (unsigned epoch = 0; epoch <= kEpochs; ++epoch) {
    const unsigned before = files_synced;
    publish(*publisher, epoch, epoch, 1000);
    if (epoch == 0) continue;  // it may grow
    while (files_synced == before && std::chrono::steady_clock::now() - began < seconds(60)) {
      std::this_thread::sleep_for(milliseconds(1));
    }
  }
  // 0.25 s each; the attempts to connect are soon 2 s apart, and 13 s would pass if each file waited for one.
  EXPECT_LT(std::chrono::steady_clock::now() - began, seconds(8));
  EXPECT_TRUE(publisher->close().ok());
}

// The process that is killed below: publishes until then, and notes how far it came.
TEST(Child, DISABLED_PublishesUntilItIsKilled) {
  const char* url = std::getenv("NS_TEST_URL");
  const char* dir = std::getenv("NS_TEST_DIR");
  ASSERT_TRUE(url != nullptr && dir != nullptr);
  NatsConfig config;
  config.urls = {url};
  config.spool.dir = std::string(dir) + "/spool";
  auto publisher = open_publisher(config);
  const int fd = ::open((std::string(dir) + "/progress").c_str(), O_WRONLY | O_CREAT, 0600);
  for (uint64_t n = 0; n < 1'000'000; ++n) {
    publish(*publisher, n, n / 40, 4000);
    const uint64_t done = n + 1;
    ASSERT_EQ(::pwrite(fd, &done, sizeof(done), 0), 8);
    if (n % 10 == 0) std::this_thread::sleep_for(milliseconds(1));
  }
}

uint64_t progress(const std::string& dir) {
  uint64_t done = 0;
  const int fd = ::open((dir + "/progress").c_str(), O_RDONLY);
  if (fd >= 0 && ::pread(fd, &done, sizeof(done), 0) != 8) done = 0;
  if (fd >= 0) ::close(fd);
  return done;
}

void wait_for_progress(const std::string& dir, uint64_t count) {
  for (int i = 0; i < 1000 && progress(dir) < count; ++i) std::this_thread::sleep_for(milliseconds(5));
  ASSERT_GE(progress(dir), count);
}

pid_t start_child(const NatsServer& server, const std::string& dir) {
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::setenv("NS_TEST_URL", server.url().c_str(), 1);
  ::setenv("NS_TEST_DIR", dir.c_str(), 1);
  ::execl("/proc/self/exe", "bus_test", "--gtest_also_run_disabled_tests", "--gtest_brief=1",
          "--gtest_filter=Child.DISABLED_PublishesUntilItIsKilled", static_cast<char*>(nullptr));
  ::_exit(127);
}

// `server_dies`: before the process does, so that much waits in the spool.
void nothing_is_lost_with_the_process(bool server_dies) {
  NatsServer server;
  server.start();
  TempDir dir;
  const pid_t child = start_child(server, dir.path());
  wait_for_progress(dir.path(), 600);
  if (server_dies) server.kill();
  wait_for_progress(dir.path(), 1000);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  const uint64_t count = progress(dir.path());
  if (server_dies) server.start();

  const NatsConfig config = with_spool(server, dir.path() + "/spool");
  auto publisher = open_publisher(config);
  EXPECT_TRUE(publisher->flush(seconds(60)));
  std::vector<IncomingMessage> messages = stream_content(config);
  // The one that it was killed in may be there, or not.
  if (!messages.empty() && messages.back().id == id_of(count)) messages.pop_back();
  expect_exactly_once(messages, count, 4000);
  if (server_dies) {
    EXPECT_GT(publisher->stats().published, 300u);
  }
}

TEST(Spool, LosesNothingThatWasPublishedWhenTheProcessIsKilled) { nothing_is_lost_with_the_process(false); }

TEST(Spool, LosesNothingThatWasPublishedWhenServerAndProcessAreKilled) {
  nothing_is_lost_with_the_process(true);
}

TEST(Spool, IsRefusedToASecondProcess) {
  NatsServer server;
  TempDir dir;
  const NatsConfig config = with_spool(server, dir.path());
  auto first = open_publisher(config);
  const auto second = Publisher::open(config);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
  const std::string message(second.status().message());
  EXPECT_TRUE(contains(message, dir.path() + ": in use by process " + std::to_string(::getpid()))) << message;
  EXPECT_TRUE(first->close().ok());
  EXPECT_TRUE(Publisher::open(config).ok());
}

TEST(Spool, ThatCannotBeMadeIsAnError) {
  NatsServer server;
  const auto publisher = Publisher::open(with_spool(server, "/proc/nowhere/spool"));
  EXPECT_FALSE(publisher.ok());
  EXPECT_TRUE(contains(std::string(publisher.status().message()), "/proc/nowhere/spool"))
      << publisher.status();
}

TEST(Spool, DeliversTheWholeMessagesOfADamagedFileAndReportsTheRest) {
  NatsServer server;
  TempDir dir;
  const NatsConfig config = with_spool(server, dir.path());
  auto first = open_publisher(config);
  for (uint64_t n = 0; n < 20; ++n) publish(*first, n, n / 10, 1000);
  EXPECT_TRUE(first->close().ok());
  const std::vector<std::string> files = spool_files(dir.path());
  ASSERT_EQ(files.size(), 2u);
  const uint64_t record = std::filesystem::file_size(files[0]) / 10;
  std::fstream damaged(files[0], std::ios::in | std::ios::out | std::ios::binary);
  damaged.seekp(static_cast<std::streamoff>(record * 3 + 500));
  damaged.write("?????", 5);  // in the content of message 3
  damaged.seekp(static_cast<std::streamoff>(record * 6 + 8));
  damaged.write("\xff\xff\xff\xff", 4);  // the length of message 6
  damaged.close();
  const uint64_t second_record = std::filesystem::file_size(files[1]) / 10;
  std::filesystem::resize_file(files[1], second_record * 9 + 500);  // message 19 in part

  server.start();
  auto second = open_publisher(config);
  EXPECT_TRUE(second->flush(seconds(60)));
  EXPECT_EQ(second->stats().published, 17u);
  EXPECT_EQ(second->stats().spooled + second->stats().spooled_bytes, 0u);
  std::vector<std::string> ids;
  for (const IncomingMessage& message : stream_content(config)) ids.push_back(message.id);
  std::vector<std::string> expected;
  for (uint64_t n = 0; n < 19; ++n) {
    if (n != 3 && n != 6) expected.push_back(id_of(n));
  }
  EXPECT_EQ(ids, expected);
  const std::string events = events_text(*second);
  EXPECT_TRUE(contains(events, files[0])) << events;
  EXPECT_TRUE(contains(events, files[1] + ": 500 bytes are damaged")) << events;
  EXPECT_TRUE(second->close().ok());
  EXPECT_TRUE(spool_files(dir.path()).empty());
}

TEST(Limits, OldestWholeEpochsGoWhenTheMemoryIsFull) {
  NatsServer server;
  NatsConfig config = server.config();
  config.queue_limit_bytes = 55 * 10'300;  // 5.5 epochs of 10 messages
  auto publisher = open_publisher(config);
  for (uint64_t n = 0; n < 100; ++n) publish(*publisher, n, n / 10, 10'000);
  const PublisherStats stats = publisher->stats();
  EXPECT_EQ(stats.dropped, 50u);
  EXPECT_EQ(stats.dropped_epochs, 5u);
  EXPECT_EQ(stats.queued, 50u);
  EXPECT_LE(stats.queued_bytes, config.queue_limit_bytes);
  publish(*publisher, 100, 2, 10'000);
  EXPECT_EQ(publisher->stats().dropped, 51u) << "what comes late for an epoch that was given up";
  const std::string events = events_text(*publisher);
  EXPECT_TRUE(contains(events, "gave up epoch 1970-01-01 00:00:40.000000000Z: 10 messages")) << events;
  EXPECT_FALSE(contains(events, "00:00:50")) << events;
  server.start();
  EXPECT_TRUE(publisher->flush(seconds(60)));
  expect_exactly_once(stream_content(config), 50, 100, 10'000);
}

TEST(Limits, OldestWholeEpochsGoWhenSpoolAndMemoryAreFull) {
  NatsServer server;
  TempDir dir;
  NatsConfig config = with_spool(server, dir.path());
  config.spool.limit_bytes = 35 * 10'200;
  config.queue_limit_bytes = 15 * 10'300;
  auto publisher = open_publisher(config);
  for (uint64_t n = 0; n < 100; ++n) publish(*publisher, n, n / 10, 10'000);
  PublisherStats stats = publisher->stats();
  EXPECT_EQ(stats.dropped, stats.dropped_epochs * 10);
  EXPECT_EQ(stats.dropped + stats.queued + stats.spooled, 100u);
  EXPECT_LE(stats.spooled_bytes, config.spool.limit_bytes);
  EXPECT_LE(stats.queued_bytes, config.queue_limit_bytes);
  EXPECT_GE(stats.queued + stats.spooled, 40u);
  const uint64_t first_kept = stats.dropped;
  const std::string events = events_text(*publisher);
  EXPECT_TRUE(contains(events, "its limit of 357.0 kB is reached")) << events;
  server.start();
  EXPECT_TRUE(publisher->flush(seconds(60)));
  expect_exactly_once(stream_content(config), first_kept, 100, 10'000);
}

TEST(Limits, AnEpochThatIsLargerThanAllTheRoomIsGivenUpWhole) {
  NatsServer server;
  NatsConfig config = server.config();
  config.queue_limit_bytes = 100'000;
  auto publisher = open_publisher(config);
  publish(*publisher, 0, 0, 10'000);
  for (uint64_t n = 1; n < 30; ++n) publish(*publisher, n, 1, 10'000);
  EXPECT_EQ(publisher->stats().dropped, 30u);
  EXPECT_EQ(publisher->stats().dropped_epochs, 2u);
  EXPECT_EQ(publisher->stats().queued_bytes, 0u);
  publish(*publisher, 30, 2, 10'000);
  publish(*publisher, 31, 2, 200'000);
  EXPECT_EQ(publisher->stats().dropped, 31u) << "a message larger than all the room does not push others out";
  EXPECT_EQ(publisher->stats().queued, 1u);
}

TEST(Limits, ClosingWithoutASpoolCountsWhatIsLost) {
  NatsServer server;
  auto publisher = open_publisher(server.config());
  for (uint64_t n = 0; n < 7; ++n) publish(*publisher, n, 0, 100);
  const absl::Status status = publisher->close();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(contains(std::string(status.message()), "7 messages")) << status;
  EXPECT_EQ(publisher->stats().dropped, 7u);
}

// While the disk takes nothing, memory holds what comes; close() spools it when the disk takes it again.
TEST(Spool, KeepsInMemoryWhatTheDiskDoesNotTake) {
  NatsServer server;
  TempDir dir;
  const NatsConfig config = with_spool(server, dir.path());
  ::signal(SIGXFSZ, SIG_IGN);
  rlimit before;
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  auto first = open_publisher(config);
  const rlimit small = {50'000, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  for (uint64_t n = 0; n < 10; ++n) publish(*first, n, 0, 10'000);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_EQ(first->stats().spooled, 4u);
  EXPECT_EQ(first->stats().queued, 6u);
  EXPECT_EQ(first->stats().dropped, 0u);
  EXPECT_TRUE(first->close().ok());
  server.start();
  auto second = open_publisher(config);
  EXPECT_TRUE(second->flush(seconds(60)));
  expect_exactly_once(stream_content(config), 10, 10'000);
}

TEST(Spool, SurvivesAFullDisk) {
  TempDir dir;
  if (::mount("tmpfs", dir.path().c_str(), "tmpfs", 0, "size=256k") != 0)
    GTEST_SKIP() << "needs root, for a tmpfs";
  NatsServer server;
  {
    auto publisher = open_publisher(with_spool(server, dir.path()));
    for (uint64_t n = 0; n < 100; ++n) publish(*publisher, n, n / 10, 10'000);
    const PublisherStats stats = publisher->stats();
    EXPECT_GT(stats.spooled, 10u);
    EXPECT_LT(stats.spooled, 26u);
    EXPECT_EQ(stats.spooled + stats.queued, 100u);
    const std::string events = events_text(*publisher);
    EXPECT_TRUE(contains(events, "No space left on device")) << events;
    EXPECT_EQ(events.find("No space"), events.rfind("No space")) << "told more than once: " << events;
    server.start();
    EXPECT_TRUE(publisher->flush(seconds(60)));
    expect_exactly_once(stream_content(server.config()), 100, 10'000);
    EXPECT_TRUE(publisher->close().ok());
  }
  EXPECT_EQ(::umount(dir.path().c_str()), 0);
}

}  // namespace
}  // namespace netspectra

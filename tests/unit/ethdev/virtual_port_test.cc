// Virtual devices as ports, and what every port does: counters, time, pausing for a reset. One EAL, no privileges.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rte_ethdev.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <memory>
#include <numeric>
#include <thread>

#include "ethdev/eal.h"
#include "ethdev/port.h"
#include "reset_event.h"

namespace {
std::function<int(uint16_t)>
    driver_reset;  // 0: resets by itself; by default as all virtual devices, not at all
}

// In DPDK's place: the one call whose outcome no virtual device decides.
extern "C" int rte_eth_dev_reset(uint16_t port) { return driver_reset ? driver_reset(port) : -ENOTSUP; }

namespace netspectra {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

// One packet, and then so many records of no possible length, each of which is an error of the device.
void write_capture(const std::string& path, unsigned broken_records) {
  std::FILE* const file = std::fopen(path.c_str(), "wb");
  const uint32_t header[6] = {0xa1b2c3d4, 0x00040002, 0, 0, 65535, 1};
  const uint32_t record[4] = {0, 0, 60, 60}, broken[4] = {0, 0, UINT32_MAX, UINT32_MAX};
  const std::array<char, 60> packet = {};
  std::fwrite(header, sizeof(header), 1, file);
  std::fwrite(record, sizeof(record), 1, file);
  std::fwrite(packet.data(), packet.size(), 1, file);
  for (unsigned i = 0; i < broken_records; ++i) std::fwrite(broken, sizeof(broken), 1, file);
  std::fclose(file);
}

template <class Condition>
bool comes_true(Condition condition) {
  for (int i = 0; i < 300'000; ++i, usleep(100)) {
    if (condition()) return true;
  }
  return false;
}

class VirtualPort : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    EalConfig config;
    config.polling_lcores = 0;
    config.memory_mib = 128;
    const auto eal = start_eal(config);
    ASSERT_TRUE(eal.ok()) << eal.status();
  }
  void open(const std::string& spec, unsigned queues = 1) {
    PortConfig config;
    config.spec = spec;
    config.queues = queues;
    absl::StatusOr<std::unique_ptr<Port>> port = Port::open(config, stop_);
    ASSERT_TRUE(port.ok()) << port.status();
    port_ = *std::move(port);
    ASSERT_TRUE(port_->start().ok());
  }
  void TearDown() override {
    stop_polling();
    driver_reset = nullptr;
  }
  // All queues, until they are finished.
  void start_polling() {
    worker_ = std::thread([this] {
      auto burst = std::make_unique<FrameBurst>();
      bool finished = false;
      while (!finished) {
        finished = true;
        for (unsigned q = 0; q < port_->queues(); ++q) {
          port_->queue(q).receive(*burst);
          if (burst->count != 0) port_->queue(q).release(*burst);
          finished &= port_->queue(q).finished();
        }
        rounds_.fetch_add(1);
      }
    });
    await_rounds(1000);
  }
  void await_rounds(uint64_t rounds) {
    ASSERT_TRUE(comes_true([this, end = rounds_.load() + rounds] { return rounds_.load() >= end; }));
  }
  void stop_polling() {
    stop_ = true;
    if (worker_.joinable()) worker_.join();
  }
  uint16_t poll(unsigned queue = 0) {
    port_->queue(queue).receive(*burst_);
    const uint16_t count = burst_->count;
    if (count != 0) port_->queue(queue).release(*burst_);
    return count;
  }

  std::atomic<bool> stop_{false};
  std::atomic<uint64_t> rounds_{0};
  std::thread worker_;
  std::unique_ptr<Port> port_;
  std::unique_ptr<FrameBurst> burst_ = std::make_unique<FrameBurst>();
};

TEST_F(VirtualPort, CountsWhatItDeliversAndHowFullItsBurstsAre) {
  open("vdev:net_null0,size=64");
  uint64_t received = 0;
  for (int i = 0; i < 1000; ++i) received += poll();
  const SourceStats stats = port_->stats(0);
  EXPECT_EQ(received, 64'000u);
  EXPECT_EQ(stats.received, received);
  EXPECT_EQ(stats.lost(), 0u);
  EXPECT_EQ(stats.polls[7], 1000u);
  EXPECT_EQ(std::accumulate(stats.polls.begin(), stats.polls.end(), uint64_t{0}), 1000u);
  EXPECT_GT(stats.busy_ns, 0u);
  EXPECT_EQ(stats.busy_ns, stats.total_ns);
  EXPECT_EQ(port_->info().driver, "net_null");
}

TEST_F(VirtualPort, GivesItsTimeAlsoWithoutPacketsAndNeverBackwards) {
  open("vdev:net_null1,size=64,no-rx=1");
  uint64_t last = 0;
  for (int i = 0; i < 2000; ++i) {
    if (i % 100 == 0) port_->watch();
    EXPECT_EQ(poll(), 0);
    ASSERT_GE(burst_->clock_ns, last);
    last = burst_->clock_ns;
  }
  EXPECT_EQ(port_->stats(0).polls[0], 2000u);
  EXPECT_EQ(port_->stats(0).busy_ns, 0u);
  EXPECT_GT(port_->stats(0).total_ns, 0u);
}

TEST_F(VirtualPort, WarnsWhenNothingSpreadsOverItsQueues) {
  open("vdev:net_null4,size=64", 4);
  EXPECT_EQ(port_->queues(), 4u);
  EXPECT_THAT(port_->info().warnings, testing::Contains(testing::HasSubstr("RSS")));
}

TEST_F(VirtualPort, HasNoMoreQueuesThanItsDevice) {
  const std::string path = testing::TempDir() + "empty.pcap";
  std::FILE* const file = std::fopen(path.c_str(), "wb");
  const uint32_t header[6] = {0xa1b2c3d4, 0x00040002, 0, 0, 65535, 1};
  std::fwrite(header, sizeof(header), 1, file);
  std::fclose(file);
  open("vdev:net_pcap5,rx_pcap=" + path, 4);
  EXPECT_EQ(port_->queues(), 1u);
  EXPECT_THAT(port_->info().warnings, testing::Contains("has 1 RX queues, not 4: 3 workers fewer"));
  std::remove(path.c_str());
}

TEST_F(VirtualPort, IsResetWhileItIsPolled) {
  open("vdev:net_null2,size=64", 4);
  const std::vector<std::string> warnings = port_->info().warnings;
  start_polling();
  for (int i = 0; i < 3; ++i) {
    test::ask_for_reset();
    // What was known before is not told again.
    EXPECT_THAT(port_->watch(), ElementsAre(HasSubstr("was reset:")));
    EXPECT_EQ(port_->info().warnings, warnings);
    for (unsigned q = 0; q < 4; ++q) {
      const uint64_t received = port_->stats(q).received;
      ASSERT_TRUE(comes_true([&] { return port_->stats(q).received != received; })) << "queue " << q;
    }
    EXPECT_THAT(port_->watch(), IsEmpty());
  }
}

TEST_F(VirtualPort, IsResetWithItsBooksKeptWhenThatWorksAtLast) {
  const std::string path = testing::TempDir() + "reset.pcap";
  write_capture(path, 7);
  open("vdev:net_pcap6,rx_pcap=" + path);
  start_polling();
  ASSERT_TRUE(comes_true([this] { return port_->stats(0).nic_errors == 7; }));
  EXPECT_EQ(port_->stats(0).received, 1u);

  std::filesystem::remove(path);  // which the device opens when it is started
  test::ask_for_reset();
  const std::string named = "port vdev:net_pcap6,rx_pcap=" + path + ": ";
  EXPECT_THAT(
      port_->watch(),
      ElementsAre(
          StartsWith(named + "the device asked for a reset, which fails and is tried again; until then "
                             "nothing of it is measured: net_pcap cannot start: "),
          StartsWith(named + "link is down")));
  const auto told = std::chrono::steady_clock::now();
  EXPECT_EQ(port_->stats(0).lost(), 7u);
  while (std::chrono::steady_clock::now() - told < std::chrono::milliseconds(50)) {
    EXPECT_THAT(port_->watch(), IsEmpty());  // tried again, and not told again
    await_rounds(100);
  }
  EXPECT_EQ(port_->stats(0).received, 1u);  // its queue stands still
  EXPECT_EQ(port_->stats(0).lost(), 7u);

  write_capture(path, 0);
  const std::vector<std::string> lines = port_->watch();
  ASSERT_THAT(
      lines, ElementsAre(HasSubstr("the device asked for a reset and was reset: "), HasSubstr("link is up")));
  // All the time since the queues stood still, and not that of the last try.
  int ms = 0;
  ASSERT_EQ(std::sscanf(lines[0].c_str() + lines[0].find("was reset: "), "was reset: %d ms", &ms), 1);
  EXPECT_GE(ms, 50);
  ASSERT_TRUE(comes_true([this] { return port_->stats(0).received != 1; }));
  await_rounds(100);
  EXPECT_EQ(port_->stats(0).received, 2u);  // the file from its beginning
  EXPECT_EQ(port_->stats(0).lost(), 7u);
  EXPECT_THAT(port_->watch(), IsEmpty());
  std::filesystem::remove(path);
}

TEST_F(VirtualPort, KeepsTheBooksOfADeviceThatFailsWithItsCountersCleared) {
  const std::string path = testing::TempDir() + "cleared.pcap";
  write_capture(path, 7);
  open("vdev:net_pcap7,rx_pcap=" + path);
  start_polling();
  ASSERT_TRUE(comes_true([this] { return port_->stats(0).nic_errors == 7; }));
  driver_reset = [](uint16_t port) {
    rte_eth_dev_stop(port);
    rte_eth_stats_reset(port);
    return -EIO;
  };
  test::ask_for_reset();
  EXPECT_THAT(port_->watch(), ElementsAre(HasSubstr("nothing of it is measured: Input/output error"),
                                          HasSubstr("link is down")));
  EXPECT_EQ(port_->stats(0).lost(), 7u);
  driver_reset = [](uint16_t) { return -ETIMEDOUT; };
  EXPECT_THAT(port_->watch(), ElementsAre(HasSubstr("Connection timed out")));  // another cause
  EXPECT_EQ(port_->stats(0).lost(), 7u);

  write_capture(path, 0);
  driver_reset = [](uint16_t) { return 0; };
  EXPECT_THAT(port_->watch(), ElementsAre(HasSubstr("was reset"), HasSubstr("link is up")));
  ASSERT_TRUE(comes_true([this] { return port_->stats(0).received != 1; }));
  EXPECT_EQ(port_->stats(0).lost(), 7u);
  std::filesystem::remove(path);
}

TEST_F(VirtualPort, EndsAlsoWhileItsResetFails) {
  open("vdev:net_null8,size=64", 2);
  start_polling();
  driver_reset = [](uint16_t) { return -EIO; };
  test::ask_for_reset();
  EXPECT_THAT(port_->watch(), testing::Contains(HasSubstr("which fails and is tried again")));
  const uint64_t received = port_->stats(0).received + port_->stats(1).received;
  stop_polling();
  EXPECT_TRUE(port_->queue(0).finished() && port_->queue(1).finished());
  EXPECT_EQ(port_->stats(0).received + port_->stats(1).received, received);
}

TEST_F(VirtualPort, IsNotResetUnderAPollerThatDoesNotStandStill) {
  open("vdev:net_null3,size=64");
  poll();  // and never again
  test::ask_for_reset();
  EXPECT_TRUE(port_->watch().empty());
  EXPECT_EQ(poll(), 64);  // still polled
}

}  // namespace
}  // namespace netspectra

// Virtual devices as ports, and what every port does: counters, time, pausing for a reset. One EAL, no privileges.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rte_ethdev.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <numeric>
#include <thread>

#include "ethdev/eal.h"
#include "ethdev/port.h"

// What a driver calls on its interrupt; in DPDK's driver header, which is not installed.
extern "C" int rte_eth_dev_callback_process(void* device, rte_eth_event_type event, void* parameter);
extern "C" char rte_eth_devices[];

namespace netspectra {
namespace {

// REQUIRES: one port, which has the number 0 then.
void ask_for_reset() { rte_eth_dev_callback_process(rte_eth_devices, RTE_ETH_EVENT_INTR_RESET, nullptr); }

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
  uint16_t poll(unsigned queue = 0) {
    port_->queue(queue).receive(*burst_);
    const uint16_t count = burst_->count;
    if (count != 0) port_->queue(queue).release(*burst_);
    return count;
  }

  std::atomic<bool> stop_{false};
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
  open("vdev:net_null2,size=64");
  std::atomic<bool> polling{true};
  std::atomic<uint64_t> polls{0};
  std::thread worker([&] {
    auto burst = std::make_unique<FrameBurst>();
    while (!port_->queue(0).finished()) {
      port_->queue(0).receive(*burst);
      if (burst->count != 0) port_->queue(0).release(*burst);
      polls.fetch_add(1);
    }
    polling = false;
  });
  while (polls.load() < 1000) usleep(100);
  ask_for_reset();
  const std::vector<std::string> lines = port_->watch();
  EXPECT_THAT(lines, testing::ElementsAre(testing::HasSubstr("was reset:")));
  const uint64_t received = port_->stats(0).received;
  while (port_->stats(0).received == received) usleep(100);  // it goes on
  EXPECT_TRUE(port_->watch().empty());
  stop_ = true;
  worker.join();
  EXPECT_FALSE(polling);
}

TEST_F(VirtualPort, IsNotResetUnderAPollerThatDoesNotStandStill) {
  open("vdev:net_null3,size=64");
  poll();  // and never again
  ask_for_reset();
  EXPECT_TRUE(port_->watch().empty());
  EXPECT_EQ(poll(), 64);  // still polled
}

}  // namespace
}  // namespace netspectra

// A kernel interface through AF_XDP, on a veth pair with a real sender.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <thread>

#include "ethdev/eal.h"
#include "ethdev/port.h"
#include "packet/decode.h"
#include "test_network.h"

namespace netspectra {
namespace {

std::string no_network;

TEST(XdpPort, AccountsForEveryPacketAlsoUnderOverload) {
  if (!no_network.empty()) GTEST_SKIP() << no_network;
  std::atomic<bool> stop{false};
  PortConfig config;
  config.spec = test::kNear;
  config.queues = 1;
  config.kernel_driver = "af_xdp";
  absl::StatusOr<std::unique_ptr<Port>> opened = Port::open(config, stop);
  if (!opened.ok()) GTEST_SKIP() << "AF_XDP cannot be had here: " << opened.status().message();
  Port& port = **opened;
  ASSERT_TRUE(port.start().ok());
  test::Sender sender;
  auto burst = std::make_unique<FrameBurst>();
  uint64_t received = 0, bytes = 0;
  const auto poll = [&] {
    port.queue(0).receive(*burst);
    for (uint16_t i = 0; i < burst->count; ++i) bytes += burst->frames[i].wire_len;
    received += burst->count;
    if (burst->count != 0) port.queue(0).release(*burst);
    return burst->count;
  };
  const auto drain = [&] {
    for (int idle = 0; idle < 100; ++idle) {
      if (poll() != 0) idle = 0;
      usleep(200);
    }
  };
  for (int i = 0; i < 1000; ++i) sender.send(test::udp_frame({0x0a000001, 0x0a000002, 1, 2}));
  drain();
  EXPECT_EQ(received, sender.sent());
  EXPECT_EQ(bytes, sender.sent_bytes());
  EXPECT_EQ(port.stats(0).lost(), 0u);

  for (int i = 0; i < 50'000; ++i) sender.send(test::udp_frame({0x0a000001, 0x0a000002, 1, 2}));
  drain();
  const SourceStats stats = port.stats(0);
  std::cerr << "sent " << sender.sent() << ", received " << received << ", missed " << stats.nic_missed
            << ", no mbuf " << stats.no_mbuf << ", errors " << stats.nic_errors << ", kernel dropped "
            << stats.kernel_dropped << "\n";
  EXPECT_GT(stats.lost(), 1000u);
  EXPECT_EQ(sender.sent(), stats.received + stats.lost());
}

TEST(XdpPort, LeavesTheInterfacesPromiscuousFlagAsItFoundIt) {
  if (!no_network.empty()) GTEST_SKIP() << no_network;
  constexpr const char* kFlag = "ip link show near0 | grep -q PROMISC";
  std::atomic<bool> stop{false};
  PortConfig config;
  config.spec = test::kNear;
  config.kernel_driver = "af_xdp";
  for (const bool promiscuous : {true, false}) {
    // An interface that this process opened once is refused a second AF_XDP socket.
    ASSERT_TRUE(test::run("ip link del near0") && test::make_pair(1).empty());
    ASSERT_TRUE(test::run(std::string("ip link set near0 promisc ") + (promiscuous ? "on" : "off")));
    absl::StatusOr<std::unique_ptr<Port>> port = Port::open(config, stop);
    if (!port.ok()) GTEST_SKIP() << "AF_XDP cannot be had here: " << port.status().message();
    ASSERT_TRUE((*port)->start().ok());
    EXPECT_TRUE(test::run(kFlag));  // it is how this driver hears what is addressed to others
    port->reset();
    EXPECT_EQ(test::run(kFlag), promiscuous);
  }
}

}  // namespace
}  // namespace netspectra

// libxdp keeps 80 bytes of a socket's memory that is shared by nobody.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() { return "leak:xsk_umem__create\n"; }

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  netspectra::no_network = netspectra::test::enter_network(1);
  netspectra::EalConfig config;
  config.polling_lcores = 0;
  config.memory_mib = 192;
  const auto eal = netspectra::start_eal(config);
  if (!eal.ok()) {
    std::cerr << eal.status() << "\n";
    return 1;
  }
  return RUN_ALL_TESTS();
}

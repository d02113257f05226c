// A kernel interface as a port, on a veth pair with a real sender. One EAL: the tests share the process.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <filesystem>
#include <memory>
#include <set>
#include <thread>

#include "ethdev/eal.h"
#include "ethdev/port.h"
#include "packet/decode.h"
#include "test_network.h"

namespace netspectra {
namespace {

using test::FlowEnds;
using test::Sender;
using test::udp_frame;

constexpr unsigned kPairQueues = 4;
std::string no_network;

class KernelPort : public testing::Test {
 protected:
  void SetUp() override {
    if (!no_network.empty()) GTEST_SKIP() << no_network;
  }
  void TearDown() override { port_.reset(); }

  void open(unsigned queues, PresetOverrides overrides = {}) {
    PortConfig config;
    config.spec = test::kNear;
    config.queues = queues;
    config.overrides = std::move(overrides);
    absl::StatusOr<std::unique_ptr<Port>> port = Port::open(config, stop_);
    ASSERT_TRUE(port.ok()) << port.status();
    port_ = *std::move(port);
    const absl::Status started = port_->start();
    ASSERT_TRUE(started.ok()) << started;
    for (unsigned q = 0; q < port_->queues(); ++q) queues_.insert(q);
  }

  // Polls all queues until nothing came for a while; what came goes to use(packet, frame, queue).
  template <class Use>
  uint64_t drain(Use&& use) {
    uint64_t received = 0;
    for (int idle = 0; idle < 50;) {
      uint64_t before = received;
      for (unsigned q : queues_) received += poll(q, use);
      idle = received == before ? idle + 1 : 0;
      if (idle != 0) usleep(200);
    }
    return received;
  }
  uint64_t drain() {
    return drain([](const Packet&, const Frame&, unsigned) {});
  }
  template <class Use>
  uint64_t poll(unsigned q, Use&& use) {
    port_->queue(q).receive(*burst_);
    const uint16_t count = burst_->count;
    for (uint16_t i = 0; i < count; ++i) {
      Packet packet;
      EXPECT_EQ(decode(burst_->frames[i], packet).reason, DropReason::kNone);
      use(packet, burst_->frames[i], q);
    }
    if (count != 0) port_->queue(q).release(*burst_);
    return count;
  }
  SourceStats stats() {
    SourceStats sum;
    for (unsigned q : queues_) sum += port_->stats(q);
    return sum;
  }

  std::atomic<bool> stop_{false};
  std::unique_ptr<Port> port_;
  std::set<unsigned> queues_;
  std::unique_ptr<FrameBurst> burst_ = std::make_unique<FrameBurst>();
};

FlowEnds flow(uint32_t i) {
  return {0x0a000001 + i, 0x0a010001 + i / 7, static_cast<uint16_t>(1024 + i), 53};
}
FlowEnds back(const FlowEnds& ends) { return {ends.dst, ends.src, ends.dst_port, ends.src_port}; }

TEST_F(KernelPort, KeepsEachFlowOnOneQueueInBothDirectionsAndUsesAllQueues) {
  open(4);
  Sender sender;
  constexpr uint32_t kFlows = 200;
  for (int round = 0; round < 10; ++round) {
    for (uint32_t i = 0; i < kFlows; ++i) {
      sender.send(udp_frame(flow(i)));
      sender.send(udp_frame(back(flow(i))));
    }
  }
  std::array<std::set<unsigned>, kFlows> seen;
  std::array<uint64_t, 4> packets{};
  const uint64_t received = drain([&](const Packet& packet, const Frame&, unsigned q) {
    ++packets[q];
    const uint16_t port = std::max(ntohs(packet.key.be_src_port), ntohs(packet.key.be_dst_port));
    seen[port - 1024].insert(q);
  });
  EXPECT_EQ(received, sender.sent());
  for (const std::set<unsigned>& queues : seen) EXPECT_EQ(queues.size(), 1u);
  for (uint64_t count : packets) EXPECT_GT(count, 300u);  // fair: 1000
  std::cerr << "spread: " << packets[0] << " " << packets[1] << " " << packets[2] << " " << packets[3]
            << "\n";
}

TEST_F(KernelPort, ConfessesExactlyWhatTheKernelDroppedUnderOverload) {
  for (unsigned queues : {1u, 4u}) {
    queues_.clear();
    open(queues, {{"rx_descriptors", "512"}});
    Sender sender;
    for (uint32_t i = 0; i < 10'000; ++i)
      sender.send(udp_frame(flow(i % 97), 100));  // more than all rings hold
    std::atomic<bool> sending{true};
    std::thread overload([&] {
      for (uint32_t i = 0; i < 50'000; ++i) sender.send(udp_frame(flow(i % 97), 100));
      sending = false;
    });
    uint64_t received = 0;
    while (sending) {
      for (unsigned q : queues_) received += poll(q, [](const Packet&, const Frame&, unsigned) {});
      usleep(1000);
    }
    overload.join();
    received += drain();
    const SourceStats stats = this->stats();
    std::cerr << queues << " queues: sent " << sender.sent() << ", received " << received
              << ", kernel dropped " << stats.kernel_dropped << "\n";
    EXPECT_EQ(stats.received, received);
    EXPECT_GT(stats.kernel_dropped, 1000u);
    EXPECT_EQ(sender.sent(), stats.received + stats.lost());
    EXPECT_EQ(stats.lost(), this->stats().lost());  // reading does not lose what was read
    port_.reset();
  }
}

TEST_F(KernelPort, CountsNothingFromBeforeItStarted) {
  PortConfig config;
  config.spec = test::kNear;
  config.queues = 2;
  absl::StatusOr<std::unique_ptr<Port>> port = Port::open(config, stop_);
  ASSERT_TRUE(port.ok()) << port.status();
  port_ = *std::move(port);
  queues_ = {0, 1};
  Sender sender;
  for (int i = 0; i < 50; ++i) sender.send(udp_frame(flow(1)));
  ASSERT_TRUE(port_->start().ok());
  EXPECT_EQ(drain(), 0u);
  sender.send(udp_frame(flow(1)));
  EXPECT_EQ(drain(), 1u);
  EXPECT_EQ(stats().lost(), 0u);
}

TEST_F(KernelPort, KeepsVlanTagsAndTheirBytes) {
  open(1);
  Sender sender;
  sender.send(udp_frame(flow(1), 100));
  sender.send(udp_frame(flow(1), 100, 42));
  sender.send(udp_frame(flow(1), 100, (5 << 13) | 4094));  // with a priority
  std::vector<std::pair<unsigned, uint32_t>> seen;
  drain([&](const Packet& packet, const Frame&, unsigned) {
    seen.emplace_back(packet.key.vlan, packet.len_bytes);
  });
  const std::vector<std::pair<unsigned, uint32_t>> sent = {{0, 142}, {42, 146}, {4094, 146}};
  EXPECT_EQ(seen, sent);
}

TEST_F(KernelPort, DeliversFragmentsOneByOne) {
  open(2);
  Sender sender;
  sender.send(udp_frame(flow(1), 64, -1, 0x2000));  // first, more to come
  sender.send(udp_frame(flow(1), 64, -1, 0x2000 | (92 - 20) / 8));
  sender.send(udp_frame(flow(1), 64, -1, 2 * (92 - 20) / 8));  // last
  EXPECT_EQ(drain(), 3u);
}

TEST_F(KernelPort, HearsWhatThisHostSendsOnlyIfAskedTo) {
  for (const unsigned queues : {1u, 4u}) {
    queues_.clear();
    open(queues);
    Sender(test::kNear).send(udp_frame(flow(1)));
    EXPECT_EQ(drain(), 0u) << queues;
    EXPECT_EQ(stats().lost(), 0u) << queues;
    port_.reset();
    open(queues, {{"outgoing", "true"}});
    Sender(test::kNear).send(udp_frame(flow(1)));
    EXPECT_EQ(drain(), 1u) << queues;
    port_.reset();
  }
}

TEST_F(KernelPort, TakesJumboFramesWhereTheInterfaceDoes) {
  ASSERT_TRUE(test::run("ip link set near0 mtu 9000 && ip link set far0 mtu 9000"));
  open(1);
  Sender sender;
  sender.send(udp_frame(flow(1), 8900));
  std::vector<uint32_t> lengths;
  drain([&](const Packet& packet, const Frame&, unsigned) { lengths.push_back(packet.len_bytes); });
  EXPECT_EQ(lengths, std::vector<uint32_t>{8942});
  EXPECT_TRUE(test::run("ip link set near0 mtu 1500 && ip link set far0 mtu 1500"));
}

// The same packet over IPv6, with the header as long as IPv4's and UDP's, and a hop limit of 64.
std::vector<uint8_t> over_ipv6(std::vector<uint8_t> frame) {
  constexpr uint8_t kIpv6[] = {0x60, 0, 0, 0, 0, 0, 17, 64};
  const size_t payload = frame.size() - 14 - 20;
  frame.insert(frame.begin() + 14, 20, 0);
  std::copy(std::begin(kIpv6), std::end(kIpv6), frame.begin() + 14);
  std::fill(frame.begin() + 22, frame.begin() + 54, 0x11);
  frame[12] = 0x86;
  frame[13] = 0xdd;
  frame[18] = static_cast<uint8_t>(payload >> 8);
  frame[19] = static_cast<uint8_t>(payload);
  return frame;
}

TEST_F(KernelPort, MeasuresFramesThatTheKernelCutsByTheirIpHeader) {
  constexpr unsigned kRoom = 2048 - 66;  // of the ring's frame, behind its header
  open(1);
  ASSERT_TRUE(test::run("ip link set near0 mtu 9000 && ip link set far0 mtu 9000"));
  Sender sender;
  const auto measured = [&](const std::vector<uint8_t>& frame) {
    sender.send(frame);
    uint32_t length = 0;
    drain([&](const Packet& packet, const Frame&, unsigned) { length = packet.len_bytes; });
    return length;
  };
  EXPECT_EQ(measured(udp_frame(flow(1), kRoom - 42)), kRoom);
  EXPECT_EQ(measured(over_ipv6(udp_frame(flow(1), kRoom - 62))), kRoom);
  EXPECT_TRUE(port_->watch().empty());  // they just fit
  EXPECT_EQ(measured(udp_frame(flow(1), kRoom - 42 + 1)), kRoom + 1);
  EXPECT_THAT(port_->watch(),
              testing::ElementsAre(testing::StartsWith(
                  "port near0: frames of more than 1982 bytes arrive, which the kernel cuts")));
  EXPECT_EQ(measured(udp_frame(flow(1), 8900)), 8942u);
  EXPECT_EQ(measured(udp_frame(flow(1), 8900, 42)), 8946u);
  EXPECT_EQ(measured(over_ipv6(udp_frame(flow(1), 8900))), 8962u);
  std::vector<uint8_t> no_length = udp_frame(flow(1), 8900);
  no_length[16] = no_length[17] = 0;
  EXPECT_EQ(measured(no_length), kRoom);
  EXPECT_TRUE(port_->watch().empty());  // said once
  EXPECT_TRUE(test::run("ip link set near0 mtu 1500 && ip link set far0 mtu 1500"));
}

TEST_F(KernelPort, MeasuresAgainAfterTheLinkWentDownAndUp) {
  open(2);
  EXPECT_TRUE(port_->watch().empty());
  ASSERT_TRUE(test::run("ip link set far0 down"));
  ASSERT_TRUE(test::wait_for_state(test::kNear, "LOWERLAYERDOWN"));
  EXPECT_EQ(port_->watch(),
            std::vector<std::string>{"port near0: link is down: nothing arrives until it is up again"});
  EXPECT_FALSE(port_->info().link_up);
  ASSERT_TRUE(test::run("ip link set near0 down && ip link set near0 up && ip link set far0 up"));
  ASSERT_TRUE(test::wait_for_state(test::kNear, "UP"));
  EXPECT_EQ(port_->watch(), std::vector<std::string>{"port near0: link is up"});
  Sender sender;
  for (int i = 0; i < 10; ++i) sender.send(udp_frame(flow(1)));
  EXPECT_EQ(drain(), 10u);
}

TEST_F(KernelPort, NeverSaysThatAnInterfaceIsUpWhichWasDeletedAndMadeAnew) {
  for (const bool seen : {false, true}) {  // whether somebody looked while there was none of that name
    open(2);
    ASSERT_TRUE(test::run("ip link del near0"));
    const std::vector<std::string> gone = {
        "port near0: the interface is gone (deleted, made anew, or moved to another network namespace): "
        "nothing of "
        "it is measured until ns-probe is started again"};
    if (seen) {
      EXPECT_EQ(port_->watch(), gone);
      EXPECT_FALSE(port_->info().link_up);
    }
    ASSERT_EQ(test::make_pair(kPairQueues), "");
    EXPECT_EQ(port_->watch(), seen ? std::vector<std::string>{} : gone);
    EXPECT_FALSE(port_->info().link_up);
    Sender().send(udp_frame(flow(1)));
    EXPECT_EQ(drain(), 0u);
    EXPECT_TRUE(port_->watch().empty());
    EXPECT_FALSE(port_->info().link_up);
    port_.reset();
  }
  open(2);  // started again, it measures the new one
  Sender().send(udp_frame(flow(1)));
  EXPECT_EQ(drain(), 1u);
}

TEST_F(KernelPort, SeesThatItsInterfaceWasAwayInAnotherNamespace) {
  open(2);
  const unsigned index = if_nametoindex(test::kNear);
  ASSERT_TRUE(
      test::run("unshare --net sh -c \"nsenter --target=$$ --net ip link set near0 netns \\$\\$ && "
                "ip link set near0 netns $$\" && ip link set near0 up"));
  ASSERT_TRUE(test::wait_for_state(test::kNear, "UP"));
  ASSERT_EQ(if_nametoindex(test::kNear), index);  // nothing but the socket knows
  EXPECT_THAT(port_->watch(), testing::ElementsAre(testing::HasSubstr("the interface is gone")));
  EXPECT_FALSE(port_->info().link_up);
  Sender().send(udp_frame(flow(1)));
  EXPECT_EQ(drain(), 0u);
}

TEST_F(KernelPort, FollowsAnInterfaceThatIsRenamed) {
  open(1);
  ASSERT_TRUE(test::run("ip link set near0 down && ip link set near0 name other0 && ip link set other0 up"));
  ASSERT_TRUE(test::wait_for_state("other0", "UP"));
  EXPECT_TRUE(port_->watch().empty());
  EXPECT_TRUE(port_->info().link_up);
  Sender().send(udp_frame(flow(1)));
  EXPECT_EQ(drain(), 1u);
  ASSERT_TRUE(test::run("ip link set other0 down"));
  EXPECT_FALSE(port_->info().link_up);
  ASSERT_TRUE(test::run("ip link set other0 name near0 && ip link set near0 up"));
  ASSERT_TRUE(test::wait_for_state(test::kNear, "UP"));
}

TEST_F(KernelPort, StampsPacketsWithTheTimeAndFinishesWhenStopped) {
  open(1);
  Sender sender;
  timespec before = {}, after = {};
  clock_gettime(CLOCK_REALTIME, &before);
  sender.send(udp_frame(flow(1)));
  uint64_t ts_ns = 0;
  drain([&](const Packet& packet, const Frame& frame, unsigned) {
    ts_ns = packet.ts_ns;
    EXPECT_EQ(frame.clock_ns, frame.ts_ns);
  });
  clock_gettime(CLOCK_REALTIME, &after);
  const auto ns = [](const timespec& t) { return uint64_t(t.tv_sec) * 1'000'000'000 + uint64_t(t.tv_nsec); };
  EXPECT_GE(ts_ns + 1'000'000, ns(before));
  EXPECT_LE(ts_ns, ns(after) + 1'000'000);
  EXPECT_FALSE(port_->queue(0).finished());
  sender.send(udp_frame(flow(1)));
  stop_ = true;
  const auto receive = [this] { return poll(0, [](const Packet&, const Frame&, unsigned) {}); };
  EXPECT_EQ(receive(), 1u);  // it came before
  EXPECT_FALSE(port_->queue(0).finished());
  EXPECT_EQ(receive(), 0u);
  EXPECT_GE(burst_->clock_ns, ts_ns);
  EXPECT_TRUE(port_->queue(0).finished());
  sender.send(udp_frame(flow(1)));
  EXPECT_EQ(receive(), 0u);
}

TEST_F(KernelPort, LeavesNothingBehind) {
  open(2);
  port_.reset();
  EXPECT_FALSE(test::run("ip -d link show near0 | grep -q 'promiscuity [1-9]'"));
  open(2);  // and can be opened again
}

TEST_F(KernelPort, LeavesTheInterfacesPromiscuousFlagAsItFindsIt) {
  constexpr const char* kFlag = "ip link show near0 | grep -q PROMISC";
  for (const bool promiscuous : {true, false}) {
    ASSERT_TRUE(test::run(std::string("ip link set near0 promisc ") + (promiscuous ? "on" : "off")));
    for (const char* asked : {"true", "false"}) {
      open(2, {{"promiscuous", asked}});
      EXPECT_EQ(test::run(kFlag), promiscuous) << asked;
      port_.reset();
      EXPECT_EQ(test::run(kFlag), promiscuous) << asked;
    }
  }
}

TEST_F(KernelPort, NamesWhatIsWrongWithASpec) {
  const auto refusal = [this](const std::string& spec, const std::string& kernel_driver = "af_packet") {
    PortConfig config;
    config.spec = spec;
    config.kernel_driver = kernel_driver;
    const absl::StatusOr<std::unique_ptr<Port>> port = Port::open(config, stop_);
    return port.ok() ? "opened" : std::string(port.status().message());
  };
  EXPECT_EQ(refusal("eth99"),
            "port eth99: there is no such interface, and it is no PCI address; see \"ip -br link\"");
  EXPECT_EQ(refusal("0000:ff:1f.7"), "port 0000:ff:1f.7: there is no such PCI device; see \"lspci -D\"");
  // A NIC that the kernel uses is not taken away from it.
  std::error_code none;
  for (const auto& device : std::filesystem::directory_iterator("/sys/bus/pci/devices", none)) {
    const std::string driver = std::filesystem::read_symlink(device.path() / "driver", none).filename();
    const std::string address = device.path().filename();
    if (driver.empty() || driver == "vfio-pci" || driver.starts_with("mlx")) continue;
    EXPECT_EQ(refusal(address), "port " + address + ": belongs to the kernel driver " + driver +
                                    "; give it to DPDK with \"scripts/bind-nic.sh --bind vfio-pci " +
                                    address + "\"");
    break;
  }
  EXPECT_THAT(refusal("vdev:net_pcap0,rx_pcap=/no/such/file.pcap"),
              testing::HasSubstr("port vdev:net_pcap0"));
  EXPECT_THAT(refusal("vdev:net_nosuch0"), testing::HasSubstr("DPDK cannot open it as net_nosuch0"));
}

}  // namespace
}  // namespace netspectra

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  netspectra::no_network = netspectra::test::enter_network(netspectra::kPairQueues);
  netspectra::EalConfig config;
  config.polling_lcores = 0;
  config.memory_mib = 128;
  const auto eal = netspectra::start_eal(config);
  if (!eal.ok()) {
    std::cerr << eal.status() << "\n";
    return 1;
  }
  return RUN_ALL_TESTS();
}

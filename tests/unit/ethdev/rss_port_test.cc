// A port whose NIC spreads by a redirection table, as the control core watches it: what rebalancing does to the table
// and to the packets, and what a reset leaves of it. net_null keeps key and table but spreads nothing: the frames that
// its queues deliver are put there by a callback, each on the queue that the device's table has for it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rte_ethdev.h>
#include <rte_thash.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <numeric>
#include <random>
#include <thread>

#include "ethdev/eal.h"
#include "ethdev/port.h"
#include "reset_event.h"
#include "test_network.h"

namespace netspectra {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr unsigned kQueues = 4, kFlows = 400, kEntries = 128;
constexpr const char* kSpec = "vdev:net_null0,size=60";
constexpr uint16_t kPort = 0;  // the only one

using Table = std::vector<uint16_t>;

Table device_table() {
  std::array<rte_eth_rss_reta_entry64, kEntries / RTE_ETH_RETA_GROUP_SIZE> groups = {};
  for (auto& group : groups) group.mask = UINT64_MAX;
  EXPECT_EQ(rte_eth_dev_rss_reta_query(kPort, groups.data(), kEntries), 0);
  Table table;
  for (const auto& group : groups) table.insert(table.end(), std::begin(group.reta), std::end(group.reta));
  return table;
}

void set_device_table(const Table& table) {
  std::array<rte_eth_rss_reta_entry64, kEntries / RTE_ETH_RETA_GROUP_SIZE> groups = {};
  for (auto& group : groups) group.mask = UINT64_MAX;
  for (size_t i = 0; i < kEntries; ++i) {
    groups[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE] = table[i];
  }
  ASSERT_EQ(rte_eth_dev_rss_reta_update(kPort, groups.data(), kEntries), 0);
}

// A wrong table: nearly all to queue 0.
Table lopsided_table() {
  Table table(kEntries, 0);
  for (size_t i = 0; i < 12; ++i) table[i] = static_cast<uint16_t>(i % kQueues);
  return table;
}

std::array<uint8_t, 40> symmetric_key() {
  std::array<uint8_t, 40> key;
  for (size_t i = 0; i < key.size(); ++i) key[i] = i % 2 == 0 ? 0x6d : 0x5a;
  return key;
}

void set_device_key(std::array<uint8_t, 40> key) {
  rte_eth_rss_conf conf = {key.data(), static_cast<uint8_t>(key.size()), RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP};
  ASSERT_EQ(rte_eth_dev_rss_hash_update(kPort, &conf), 0);
}

// Its number stands in its ports.
test::FlowEnds flow_ends(unsigned flow) {
  return {0x0a000000 + flow * 77, 0x0b000000 + flow * 13, static_cast<uint16_t>(1024 + flow), 53};
}

size_t entry_of(unsigned flow) {
  const test::FlowEnds ends = flow_ends(flow);
  std::array<uint32_t, 3> tuple = {ends.src, ends.dst, uint32_t{ends.src_port} << 16 | ends.dst_port};
  return rte_softrss(tuple.data(), tuple.size(), symmetric_key().data()) % kEntries;
}

// What arrives, and waits in its queues.
struct Wire {
  std::array<std::deque<unsigned>, kQueues> waiting;  // flows
  std::vector<std::vector<uint8_t>> frames;
};

// rte_rx_callback_fn: of what net_null made up, as many packets as wait.
uint16_t deliver(uint16_t, uint16_t queue, rte_mbuf** packets, uint16_t count, uint16_t, void* user) {
  auto& wire = *static_cast<Wire*>(user);
  auto& waiting = wire.waiting[queue];
  const auto taken = static_cast<uint16_t>(std::min<size_t>(count, waiting.size()));
  for (uint16_t i = 0; i < taken; ++i, waiting.pop_front()) {
    const std::vector<uint8_t>& frame = wire.frames[waiting.front()];
    std::memcpy(rte_pktmbuf_mtod(packets[i], uint8_t*), frame.data(), frame.size());
  }
  rte_pktmbuf_free_bulk(packets + taken, count - taken);
  return taken;
}

class RssPort : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    EalConfig config;
    config.polling_lcores = 0;
    config.memory_mib = 128;
    const auto eal = start_eal(config);
    ASSERT_TRUE(eal.ok()) << eal.status();
  }
  void open(bool rebalance, const Table& table) {
    PortConfig config;
    config.spec = kSpec;
    config.queues = kQueues;
    config.overrides = {{"rss", "true"}, {"rebalance", rebalance ? "true" : "false"}};
    absl::StatusOr<std::unique_ptr<Port>> port = Port::open(config, stop_);
    ASSERT_TRUE(port.ok()) << port.status();
    port_ = *std::move(port);
    ASSERT_NO_FATAL_FAILURE(set_device_key(symmetric_key()));  // net_null takes none with its configuration
    ASSERT_NO_FATAL_FAILURE(set_device_table(table));
    for (unsigned flow = 0; flow < kFlows; ++flow) wire_.frames.push_back(test::udp_frame(flow_ends(flow)));
    for (uint16_t q = 0; q < kQueues; ++q)
      callbacks_.push_back(rte_eth_add_rx_callback(kPort, q, deliver, &wire_));
    ASSERT_TRUE(port_->start().ok());
  }
  void TearDown() override {  // callbacks stay with the port's number, whoever has it next
    for (uint16_t q = 0; q < callbacks_.size(); ++q) rte_eth_remove_rx_callback(kPort, q, callbacks_[q]);
  }
  void poll(unsigned queue) {
    port_->queue(queue).receive(*burst_);
    for (uint16_t i = 0; i < burst_->count; ++i) {
      const uint8_t* ports = burst_->frames[i].data + 34;
      ++measured_[ports[0] * 256u + ports[1] - 1024];
    }
    if (burst_->count != 0) port_->queue(queue).release(*burst_);
  }
  // `queue_of` a flow; by default as the device's table has it.
  template <class QueueOf>
  void traffic(QueueOf&& queue_of) {
    for (int i = 0; i < 16'384; ++i) {
      const unsigned flow = random_() % kFlows;
      ++sent_[flow];
      wire_.waiting[queue_of(flow)].push_back(flow);
    }
    for (unsigned q = 0; q < kQueues; ++q) {
      for (int polls = 0; !wire_.waiting[q].empty() && polls < 10'000; ++polls) poll(q);
    }
  }
  void traffic() {
    const Table table = device_table();
    traffic([&table](unsigned flow) { return table[entry_of(flow)]; });
  }
  // What is told over so much traffic: a window of the RSS watch is full after 16 of its samples.
  template <class... QueueOf>
  std::vector<std::string> watch_windows(int windows, QueueOf&&... queue_of) {
    std::vector<std::string> lines;
    for (int i = 0; i < windows * 17; ++i) {
      traffic(queue_of...);
      for (std::string& line : port_->watch()) lines.push_back(std::move(line));
    }
    return lines;
  }
  // The packets of each queue in a while of traffic.
  std::vector<uint64_t> spread() {
    std::vector<uint64_t> packets;
    for (unsigned q = 0; q < kQueues; ++q) packets.push_back(port_->stats(q).received);
    traffic();
    for (unsigned q = 0; q < kQueues; ++q) packets[q] = port_->stats(q).received - packets[q];
    return packets;
  }
  std::vector<std::string> watch_a_reset() {
    std::atomic<bool> over{false};
    std::thread worker([&] {
      while (!over) {
        for (unsigned q = 0; q < kQueues; ++q) poll(q);
      }
    });
    test::ask_for_reset();
    std::vector<std::string> lines = port_->watch();
    over = true;
    worker.join();
    return lines;
  }
  void expect_every_packet_measured() {
    EXPECT_EQ(measured_, sent_);
    uint64_t received = 0, sent = 0;
    for (unsigned q = 0; q < kQueues; ++q) {
      received += port_->stats(q).received;
      EXPECT_EQ(port_->stats(q).lost(), 0u);
    }
    for (const auto& [flow, packets] : sent_) sent += packets;
    EXPECT_EQ(received, sent);
  }

  std::atomic<bool> stop_{false};
  Wire wire_;
  std::vector<const rte_eth_rxtx_callback*> callbacks_;
  std::unique_ptr<Port> port_;
  std::unique_ptr<FrameBurst> burst_ = std::make_unique<FrameBurst>();
  std::mt19937 random_{1};
  std::map<unsigned, uint64_t> sent_, measured_;
};

const auto kOverloaded = AllOf(HasSubstr("port vdev:net_null0,size=60: queue 0 receives "),
                               HasSubstr("many flows, so the hash or the redirection table spreads badly"));
const auto kRebalanced = testing::Eq(
    "port vdev:net_null0,size=60: the redirection table was rebalanced: flows may change their queue once");

TEST_F(RssPort, MovesSharesOfItsTableOffAnOverloadedQueue) {
  const Table before = lopsided_table();
  open(true, before);
  EXPECT_THAT(port_->info().rss, HasSubstr("NIC, symmetric Toeplitz"));
  EXPECT_GT(spread()[0], 14'000u);  // of 16,384
  EXPECT_THAT(watch_windows(1), ElementsAre(kOverloaded, kRebalanced));

  const Table after = device_table();
  unsigned moved = 0;
  for (size_t i = 0; i < kEntries; ++i) {
    ASSERT_LT(after[i], kQueues);
    if (after[i] == before[i]) continue;
    ++moved;
    EXPECT_EQ(before[i], 0u) << "entry " << i << " was not on the overloaded queue";
  }
  EXPECT_GT(moved, kEntries / 2);
  EXPECT_LT(moved, kEntries - kEntries / 8);
  const std::vector<uint64_t> packets = spread();
  EXPECT_LT(*std::max_element(packets.begin(), packets.end()), 8'192u);
  EXPECT_GT(*std::min_element(packets.begin(), packets.end()), 1'024u);

  // Flows on another queue than before are no fault of the NIC.
  EXPECT_THAT(watch_windows(3), ElementsAre(HasSubstr("the queues are in balance again")));
  EXPECT_EQ(device_table(), after);
  expect_every_packet_measured();
}

TEST_F(RssPort, LeavesItsTableAsItIsWhereThatIsNotAskedFor) {
  open(false, lopsided_table());
  EXPECT_THAT(watch_windows(3), ElementsAre(kOverloaded));
  EXPECT_EQ(device_table(), lopsided_table());
}

TEST_F(RssPort, SaysOnceThatItsDriverRefusesAnotherTable) {
  open(true, lopsided_table());
  // A device without its RSS mode takes none.
  ASSERT_EQ(rte_eth_dev_stop(kPort), 0);
  const rte_eth_conf conf = {};
  ASSERT_EQ(rte_eth_dev_configure(kPort, kQueues, 0, &conf), 0);
  ASSERT_EQ(rte_eth_dev_start(kPort), 0);
  const Table table = lopsided_table();
  const auto by_table = [&table](unsigned flow) { return table[entry_of(flow)]; };
  EXPECT_THAT(watch_windows(3, by_table),
              ElementsAre(kOverloaded,
                          "port vdev:net_null0,size=60: the redirection table cannot be rebalanced: "
                          "Operation not supported"));
  expect_every_packet_measured();
}

TEST_F(RssPort, LeavesTheTableOfANicThatDoesNotGoByIt) {
  Table usual(kEntries);
  for (size_t i = 0; i < kEntries; ++i) usual[i] = static_cast<uint16_t>(i % kQueues);
  open(true, usual);
  // What it cannot read has the hash 0: PPPoE, MPLS.
  const auto unread = [](unsigned) { return device_table()[0]; };
  EXPECT_THAT(watch_windows(3, unread),
              ElementsAre(HasSubstr("does not spread by its hash key and redirection table"), kOverloaded));
  EXPECT_EQ(device_table(), usual);
}

TEST_F(RssPort, RebalancesAnewWhatAResetPutBack) {
  open(true, lopsided_table());
  EXPECT_THAT(watch_windows(1), ElementsAre(kOverloaded, kRebalanced));
  set_device_table(lopsided_table());
  EXPECT_THAT(watch_a_reset(), ElementsAre(HasSubstr("was reset")));
  EXPECT_THAT(watch_windows(1), ElementsAre(kOverloaded, kRebalanced));
  EXPECT_NE(device_table(), lopsided_table());
  expect_every_packet_measured();
}

TEST_F(RssPort, TellsWhatAResetTookFromIt) {
  open(true, lopsided_table());
  std::array<uint8_t, 40> other = symmetric_key();
  other[7] = 0;
  set_device_key(other);
  const auto of_its_own = testing::Eq(
      "port vdev:net_null0,size=60: warning: net_null keeps an RSS key of its own: the two directions of "
      "a flow may come on different queues");
  EXPECT_THAT(port_->info().warnings, IsEmpty());
  EXPECT_THAT(watch_a_reset(), ElementsAre(of_its_own, HasSubstr("warning: nothing can be rebalanced"),
                                           HasSubstr("was reset")));
  EXPECT_THAT(port_->info().rss, HasSubstr("its own key"));
  EXPECT_THAT(watch_a_reset(), ElementsAre(HasSubstr("was reset")));  // known by now
  EXPECT_THAT(watch_windows(3), ElementsAre(kOverloaded));            // by a hash that is not known
  EXPECT_EQ(device_table(), lopsided_table());
}

}  // namespace
}  // namespace netspectra

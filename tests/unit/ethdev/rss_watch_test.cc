#include "ethdev/rss_watch.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace netspectra {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Packet udp_packet(uint32_t flow, bool back) {
  Packet packet = {};
  FlowKey& key = packet.key;
  key.src_ip = key.dst_ip = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 0};
  key.src_ip[14] = static_cast<uint8_t>(flow >> 8);
  key.src_ip[15] = static_cast<uint8_t>(flow);
  key.dst_ip[13] = 1;
  key.be_src_port = htons(static_cast<uint16_t>(1024 + flow * 7));
  key.be_dst_port = htons(53);
  key.protocol = 17;
  key.ip_version = 4;
  if (back) {
    std::swap(key.src_ip, key.dst_ip);
    std::swap(key.be_src_port, key.be_dst_port);
  }
  return packet;
}

std::vector<uint16_t> usual_redirection(unsigned queues) {
  std::vector<uint16_t> table(128);
  for (size_t i = 0; i < table.size(); ++i) table[i] = static_cast<uint16_t>(i % queues);
  return table;
}

// A window's worth of samples of 400 flows, both directions, on the queues that queue_of(packet, flow, back) says.
template <class QueueOf>
std::vector<uint64_t> feed(RssWatch& watch, unsigned queues, std::vector<uint64_t> received,
                           QueueOf&& queue_of) {
  received.resize(queues);
  for (uint32_t flow = 0; flow < 400; ++flow) {
    for (bool back : {false, true}) {
      const Packet packet = udp_packet(flow, back);
      const unsigned queue = queue_of(packet, flow, back);
      watch.sample(packet, queue);
      received[queue] += 50;
    }
  }
  return received;
}

unsigned by_hash(const Packet& packet, const std::vector<uint16_t>& table) {
  return table[SymmetricToeplitz()(packet.key) % table.size()];
}

TEST(RssWatch, SaysNothingOfASymmetricEvenSpread) {
  const std::vector<uint16_t> table = usual_redirection(4);
  RssWatch watch({4, table});
  std::vector<uint64_t> received;
  for (int window = 0; window < 3; ++window) {
    received = feed(watch, 4, received,
                    [&](const Packet& packet, uint32_t, bool) { return by_hash(packet, table); });
    EXPECT_THAT(watch.judge(received), IsEmpty());
  }
  EXPECT_TRUE(watch.better_redirection().empty());
}

TEST(RssWatch, JudgesNothingFromBeforeItsFirstWindow) {
  const std::vector<uint16_t> table = usual_redirection(4);
  const std::vector<uint64_t> before = {10'000'000, 0, 0, 0};  // on one queue, before a reset
  RssWatch watch({4, table, true, before});
  const std::vector<uint64_t> received =
      feed(watch, 4, before, [&](const Packet& packet, uint32_t, bool) { return by_hash(packet, table); });
  EXPECT_THAT(watch.judge(received), IsEmpty());
}

TEST(RssWatch, ReportsDirectionsOfAFlowOnTwoQueuesOnceAndWhenItIsOver) {
  RssWatch watch({4, {}});
  const auto asymmetric = [](const Packet&, uint32_t flow, bool back) { return (flow + (back ? 1 : 0)) % 4; };
  const auto symmetric = [](const Packet&, uint32_t flow, bool) { return flow % 4; };
  std::vector<uint64_t> received = feed(watch, 4, {}, asymmetric);
  EXPECT_THAT(watch.judge(received),
              ElementsAre(AllOf(
                  HasSubstr("RSS does not keep flows together: 400 of 400 sampled flows came on two queues "
                            "(400 of the 400 that were seen in both directions), e.g. 10.0."),
                  HasSubstr("10.1.0.0:53, protocol 17"))));
  received = feed(watch, 4, received, asymmetric);
  EXPECT_THAT(watch.judge(received), IsEmpty());
  received = feed(watch, 4, received, symmetric);
  EXPECT_THAT(watch.judge(received),
              ElementsAre("RSS keeps flows together again: 400 sampled flows, 400 in both directions"));
}

TEST(RssWatch, ReportsOneStrayFlowAmongMany) {
  RssWatch watch({4, {}});
  const auto queue_of = [](const Packet&, uint32_t flow, bool back) {
    return flow == 7 && back ? 0u : flow % 4;
  };
  EXPECT_THAT(
      watch.judge(feed(watch, 4, {}, queue_of)),
      ElementsAre(AllOf(HasSubstr("1 of 400 sampled flows"), HasSubstr("10.0.0.7:1073 <-> 10.1.0.0:53"))));
}

TEST(RssWatch, ReportsANicThatDoesNotFollowItsOwnHash) {
  RssWatch watch({4, usual_redirection(4)});
  const auto other = [](const Packet&, uint32_t flow, bool) { return flow % 4; };
  const std::vector<std::string> lines = watch.judge(feed(watch, 4, {}, other));
  EXPECT_THAT(lines, ElementsAre(AllOf(HasSubstr("does not spread by its hash key and redirection table"),
                                       HasSubstr("its hash says"))));
}

TEST(RssWatch, NamesTheElephantThatFillsAQueue) {
  RssWatch watch({4, {}});
  std::vector<uint64_t> received =
      feed(watch, 4, {}, [](const Packet&, uint32_t flow, bool) { return flow % 4; });
  for (int i = 0; i < 800; ++i) watch.sample(udp_packet(3, false), 3);
  received[3] += 40'000;
  EXPECT_THAT(watch.judge(received),
              ElementsAre(AllOf(
                  HasSubstr("queue 3 receives 62 % of the packets, its share of 4 queues is 25 %: one flow, "
                            "10.0.0.3:1045 <-> 10.1.0.0:53, protocol 17, is 80 % of it"))));
  EXPECT_TRUE(watch.better_redirection().empty());
  received = feed(watch, 4, received, [](const Packet&, uint32_t flow, bool) { return flow % 4; });
  EXPECT_THAT(watch.judge(received), ElementsAre(HasSubstr("the queues are in balance again")));
}

TEST(RssWatch, ProposesARedirectionThatSpreadsManyFlowsBetter) {
  std::vector<uint16_t> table(128, 0);  // a wrong table: nearly all to queue 0
  for (size_t i = 0; i < 12; ++i) table[i] = static_cast<uint16_t>(i % 4);
  RssWatch watch({4, table});
  std::vector<uint64_t> received =
      feed(watch, 4, {}, [&](const Packet& packet, uint32_t, bool) { return by_hash(packet, table); });
  EXPECT_THAT(watch.judge(received), ElementsAre(HasSubstr("many flows")));
  const std::vector<uint16_t> better = watch.better_redirection();
  ASSERT_EQ(better.size(), table.size());
  std::vector<uint64_t> spread =
      feed(watch, 4, {}, [&](const Packet& packet, uint32_t, bool) { return by_hash(packet, better); });
  EXPECT_LT(*std::max_element(spread.begin(), spread.end()), 14'000u);  // of 40,000

  // Flows that move with the table are our own doing, and no fault.
  watch.redirected(better);
  for (unsigned q = 0; q < 4; ++q) received[q] += spread[q];
  EXPECT_THAT(watch.judge(received), IsEmpty());
  received =
      feed(watch, 4, received, [&](const Packet& packet, uint32_t, bool) { return by_hash(packet, better); });
  EXPECT_THAT(watch.judge(received), ElementsAre(HasSubstr("in balance again")));
}

TEST(RssWatch, JudgesNothingByTooFewPackets) {
  RssWatch watch({2, {}});
  for (uint32_t flow = 0; flow < 100; ++flow) watch.sample(udp_packet(flow, false), flow % 2);
  for (uint32_t flow = 0; flow < 100; ++flow) watch.sample(udp_packet(flow, true), (flow + 1) % 2);
  EXPECT_THAT(watch.judge({1000, 0}), IsEmpty());
}

TEST(RssWatch, TakesFragmentsAndASingleQueueForGranted) {
  RssWatch one({1, {}});
  for (uint32_t i = 0; i < 1000; ++i) one.sample(udp_packet(i, false), 0);
  EXPECT_THAT(one.judge({1'000'000}), IsEmpty());

  RssWatch two({2, {}});
  for (uint32_t i = 0; i < 1000; ++i) two.sample(udp_packet(i % 100, false), i % 100 % 2);
  for (uint32_t i = 0; i < 1000; ++i) {
    Packet fragment = udp_packet(i % 100, false);
    fragment.fragment = true;
    two.sample(fragment, 0);
  }
  EXPECT_THAT(two.judge({500'000, 500'000}), IsEmpty());
}

}  // namespace
}  // namespace netspectra

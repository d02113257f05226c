#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "samples.h"

namespace netspectra {
namespace {

using namespace netspectra::testing;

constexpr uint64_t kSecond = 1'000'000'000;
constexpr uint64_t kStart = 1398798000 * kSecond;  // 2014-04-29 19:00:00 UTC

FlowCounters during(uint64_t duration_ns, uint64_t packets, uint64_t bytes, uint8_t tcp_flags = 0) {
  return {packets, bytes, kStart, kStart + duration_ns, tcp_flags};
}

std::string table(const EpochResult& epoch, uint64_t top = 10) {
  return written(Format::kTable, top, {epoch});
}

TEST(TableWriter, ColumnsAreAlignedAndTheRestAndTheOverflowAreRows) {
  const TaskConfig config = task("per_five_tuple", KeyFields::five_tuple(), 1000);
  EpochResult epoch;
  epoch.tasks.push_back(
      exact(config,
            {{five_tuple("192.168.100.201", 51234, "10.0.0.1", 443, 6),
              during(8 * kSecond, 123456, 1'000'000, 0x1b)},
             {five_tuple("10.0.0.1", 53, "10.0.0.2", 5353, 17), during(kSecond, 99, 80'000)},
             {five_tuple("10.0.0.7", 4000, "10.0.0.2", 22, 6), during(0, 1, 60, 2)},
             {five_tuple("10.0.0.7", 4001, "10.0.0.2", 22, 6), during(0, 1, 60, 2)}},
            during(2 * kSecond, 55, 4400, 0x12)));
  EXPECT_EQ(table(epoch, 2), R"(per_five_tuple: top 2 of 4 flows by bytes
  source            port  destination  port  protocol  packets    bytes   share  duration   average rate  flags
  192.168.100.201  51234  10.0.0.1      443  TCP       123,456   1.0 MB  92.2 %     8.0 s    1.00 Mbit/s  AP.SF
  10.0.0.1            53  10.0.0.2     5353  UDP            99  80.0 kB   7.4 %     1.0 s  640.00 kbit/s  -
  2 more flows                                               2    120 B  <0.1 %         -              -
  unattributed                                              55   4.4 kB   0.4 %     2.0 s   17.60 kbit/s
  Unattributed: 55 packets (4.4 kB) of flows that found no room; raise the task's capacity (now 1,000 per worker).

)");
}

TEST(TableWriter, LongAddressesWidenTheirColumn) {
  const TaskConfig config = task("hosts", fields({KeyField::kSrcIp}));
  EpochResult epoch;
  epoch.tasks.push_back(exact(config, {{source("2001:db8:85a3:1:2:8a2e:370:7334"), during(kSecond, 2, 300)},
                                       {source("10.0.0.1"), during(0, 1, 100)}}));
  EXPECT_EQ(table(epoch), R"(hosts: 2 flows, by bytes
  source                           packets  bytes   share  duration  average rate
  2001:db8:85a3:1:2:8a2e:370:7334        2  300 B  75.0 %     1.0 s   2.40 kbit/s
  10.0.0.1                               1  100 B  25.0 %         -             -

)");
}

TEST(TableWriter, PortsWithoutAddressesAreNamedInFull) {
  const TaskConfig config = task("services", fields({KeyField::kSrcPort, KeyField::kDstPort}));
  EpochResult epoch;
  epoch.tasks.push_back(exact(config, {{ports(443, 50000), during(kSecond, 1'000'000, 300, 0xc2)}}));
  EXPECT_EQ(table(epoch), R"(services: 1 flow, by bytes
  source port  destination port    packets  bytes    share  duration  average rate  flags
          443             50000  1,000,000  300 B  100.0 %     1.0 s   2.40 kbit/s  CE....S.

)");
}

TEST(TableWriter, UntaggedPacketsHaveNoVlan) {
  const TaskConfig config = task("vlans", fields({KeyField::kVlan}), 0);
  EpochResult epoch;
  epoch.tasks.push_back(
      exact(config, {{vlan(100), during(kSecond, 2, 300)}, {vlan(0), during(0, 1, 100)}}, during(0, 1, 100)));
  EXPECT_EQ(table(epoch), R"(vlans: 2 flows, by bytes
          VLAN  packets  bytes   share  duration  average rate
           100        2  300 B  60.0 %     1.0 s   2.40 kbit/s
          none        1  100 B  20.0 %         -             -
  unattributed        1  100 B  20.0 %         -             -
  Unattributed: 1 packet (100 B) of flows that found no room; raise the task's capacity.

)");
}

TEST(TableWriter, PacketsWithoutTimestampsHaveNoDuration) {
  const TaskConfig config = task("vlans", fields({KeyField::kVlan}));
  EpochResult epoch;
  epoch.tasks.push_back(exact(config, {{vlan(1), {2, 200, 0, kStart, 0}}}));
  EXPECT_EQ(table(epoch), R"(vlans: 1 flow, by bytes
  VLAN  packets  bytes    share  duration  average rate
     1        2  200 B  100.0 %         -             -

)");
}

TEST(TableWriter, EachEpochHasItsTimeAndATaskWithoutFlowsSaysSo) {
  const TaskConfig config = task("hosts", fields({KeyField::kSrcIp}));
  std::vector<EpochResult> epochs(2);
  for (size_t i = 0; i < 2; ++i) {
    epochs[i].start_ns = kStart + i * kSecond / 2;
    epochs[i].period_ns = kSecond / 2;
    epochs[i].ledger.rx_packets = 1 + i * 2000;
    epochs[i].ledger.rx_bytes = 60;
    epochs[i].tasks.push_back(exact(config, {}));
  }
  EXPECT_EQ(written(Format::kTable, 10, epochs), R"(Epoch 2014-04-29 19:00:00 UTC, 500ms: 1 packet, 60 B
----------------------------------------------------
hosts: no flows

Epoch 2014-04-29 19:00:00.5 UTC, 500ms: 2,001 packets, 60 B
-----------------------------------------------------------
hosts: no flows

)");
}

TEST(TableSummary, SaysWhatEveryPacketWas) {
  RunSummary summary;
  summary.files = {"a.pcap", "b\n\x1b[2J.pcap"};
  summary.elapsed_s = 0.5;
  summary.overflow_packets = 55;
  summary.read_errors = {"a.pcap: breaks off", "b: too"};
  Ledger& ledger = summary.ledger;
  ledger.rx_packets = 1'000'000;
  ledger.rx_bytes = 1'250'000'000;
  ledger.ip_packets = 998'433;
  ledger.filtered_out = 12;
  ledger.first_seen_ns = kStart + 123'456'000;
  ledger.last_seen_ns = kStart + 123'456'000 + 100 * kSecond;
  for (int i = 0; i < 1490; ++i) ledger.ethertypes.count(0x0806);
  for (int i = 0; i < 10; ++i) ledger.ethertypes.count(0x1234);
  ledger.dropped[size_t(DropReason::kEthertype)] = 1500;
  ledger.dropped[size_t(DropReason::kLlc)] = 64;
  ledger.dropped[size_t(DropReason::kIpv6BadVersion)] = 1;
  ledger.dropped[size_t(DropReason::kIpv4HeaderTruncated)] = 2;
  ASSERT_TRUE(ledger.balanced());
  EXPECT_EQ(written(Format::kTable, 10, {}, &summary), R"(Summary
  files         a.pcap, b??[2J.pcap
  packets       1,000,000 (1.2 GB on the wire)
  filtered out  12 packets, not measured (--filter)
  time          2014-04-29 19:00:00.123456 to 2014-04-29 19:01:40.123456 UTC (1 min 40 s)
  average       10.00 k packets/s, 100.00 Mbit/s
  IP            998,433 packets (99.8 %)
  not IP        1,564 packets: 1,490 ARP, 64 LLC (STP, IS-IS, ...), 10 ethertype 0x1234
  malformed     3 packets: 2 IPv4 header cut short, 1 IPv6 with a wrong version
  unattributed  55 packets found no room in a task's table, see above
  measured in   500.0 ms, 2.00 M packets/s
  read errors   a.pcap: breaks off
                b: too
)");
}

TEST(TableSummary, OfNothingIsShort) {
  RunSummary summary;
  summary.files = {"empty.pcap"};
  summary.elapsed_s = 0.001;
  EXPECT_EQ(written(Format::kTable, 10, {}, &summary), R"(Summary
  file          empty.pcap
  packets       0 (0 B on the wire)
  measured in   1.0 ms
)");
}

TEST(TableSummary, SaysWhereTimestampsAreMissing) {
  RunSummary summary;
  summary.files = {"a"};
  summary.ledger.rx_packets = summary.ledger.ip_packets = 2;
  summary.ledger.first_seen_ns = 0;
  EXPECT_NE(
      written(Format::kTable, 10, {}, &summary).find("  time          the packets have no timestamps\n  IP "),
      std::string::npos);
  summary.ledger.last_seen_ns = kStart;
  EXPECT_NE(written(Format::kTable, 10, {}, &summary)
                .find("  time          until 2014-04-29 19:00:00 UTC; some packets have no timestamp\n  IP "),
            std::string::npos);
}

TEST(TableSummary, ManyFilesAreWrappedAndCounted) {
  RunSummary summary;
  for (int i = 0; i < 12; ++i) summary.files.push_back("captures/monday/part-" + std::to_string(i) + ".pcap");
  const std::string text = written(Format::kTable, 10, {}, &summary);
  EXPECT_EQ(text.substr(0, text.find("  packets")), R"(Summary
  files         captures/monday/part-0.pcap, captures/monday/part-1.pcap,
                captures/monday/part-2.pcap, captures/monday/part-3.pcap,
                captures/monday/part-4.pcap, captures/monday/part-5.pcap,
                captures/monday/part-6.pcap, captures/monday/part-7.pcap, 4 more
)");
}

}  // namespace
}  // namespace netspectra

#include "telemetry/period_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace netspectra {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr uint64_t kPeriod = 10'000'000'000;

WorkerStatus worker(const std::string& port, uint32_t queue, uint64_t packets, unsigned busy_percent) {
  WorkerStatus worker;
  worker.port = port;
  worker.queue = queue;
  worker.last.rx_packets = packets;
  worker.last.rx_bytes = 84 * packets;
  worker.last.ip_packets = packets;
  worker.last.source.received = packets;
  worker.last.source.busy_ns = kPeriod / 100 * busy_percent;
  worker.last.source.total_ns = kPeriod;
  return worker;
}

// A healthy probe: four queues of a 10 GbE port at line rate, a million flows, NATS there.
ProbeStatus healthy() {
  ProbeStatus status;
  status.period_ns = kPeriod;
  status.last_epoch_start_ns = 1'700'000'000 * uint64_t{1'000'000'000};
  status.last_elapsed_s = 10;
  status.epochs = 1;
  status.workers = {worker("eth1", 0, 37'200'000, 61), worker("eth1", 1, 37'200'000, 60),
                    worker("eth1", 2, 38'688'000, 63), worker("eth1", 3, 35'712'000, 59)};
  status.ports = {{.spec = "eth1", .driver = "net_ixgbe", .link_up = true, .rss = "symmetric"}};
  status.tasks = {{.name = "flows",
                   .kind = "exact",
                   .capacity = 1'000'000,
                   .last_records = 1'204'000,
                   .peak_records = 310'000},
                  {.name = "hosts", .kind = "exact", .derived = true, .last_records = 9'000}};
  status.publishes = true;
  status.nats.connected = true;
  return status;
}

TEST(PeriodLine, IsShortWhileAllIsWell) {
  EXPECT_EQ(period_line(healthy()),
            "2023-11-14T22:13:20Z 10s: 14.88 Mpps 10.00 Gbit/s, 1.20 M flows, lost 0, queues 25 25 26 24 %, "
            "busy 61 60 63 59 %, nats ok");
}

TEST(PeriodLine, SaysAllThatIsNotWell) {
  ProbeStatus status = healthy();
  WorkerStatus::Counts& last = status.workers[0].last;
  last.source.nic_missed = 1'200'000;
  last.source.no_mbuf = 12'000;
  last.source.nic_errors = 34;
  last.source.kernel_dropped = 5;
  status.workers[3].last.source.nic_missed = 34'567;
  last.overflow_packets = 1'488'000;
  last.malformed = 99;
  last.not_ip = 4'464'000;
  status.workers[1].last.source.epoch_overruns = 1;
  status.workers[2].last.source.epoch_overruns = 1;
  status.last_elapsed_s = 20;
  status.tasks[0].peak_records = 996'000;
  status.ports[0].link_up = false;
  status.nats = {.connected = false,
                 .queued = 120,
                 .queued_bytes = 3'200'000,
                 .spooled = 2'048,
                 .spooled_bytes = 1'073'700'000,
                 .dropped = 1'234,
                 .dropped_epochs = 3};
  EXPECT_EQ(
      period_line(status),
      "2023-11-14T22:13:20Z 20s (period 10s): 7.44 Mpps 5.00 Gbit/s, 1.20 M flows, "
      "LOST 1,246,606 = 0.83 % (nic_missed 1,234,567, no_mbuf 12,000, nic_errors 34, kernel_dropped 5), "
      "OVERFLOW 1,488,000 = 1.00 %, table flows 100 % full, EPOCH OVERRUNS 2, malformed 99 = <0.01 %, "
      "not IP 4,464,000 = 3.00 %, LINK DOWN eth1, queues 25 25 26 24 %, busy 61 60 63 59 %, "
      "NATS LOST, queued 120 (3.2 MB), spooled 2,048 (1.1 GB), NATS DROPPED 1,234 of 3 epochs since the "
      "start");
}

TEST(PeriodLine, SaysOnlyTheKindsOfLossThatThereAre) {
  ProbeStatus status = healthy();
  status.workers[2].last.source.kernel_dropped = 14'881'488;  // 148,800,000 measured beside them
  EXPECT_THAT(period_line(status),
              HasSubstr(", LOST 14,881,488 = 9.09 % (kernel_dropped 14,881,488), queues"));
}

TEST(PeriodLine, LeavesTheRunsTotalsOut) {
  ProbeStatus status = healthy();
  const std::string before = period_line(status);
  status.workers[0].total.source.nic_missed = 5;
  status.workers[0].total.overflow_packets = 6;
  status.workers[0].total.rx_packets = 7;
  status.tasks[0].overflow_packets = 6;
  EXPECT_EQ(period_line(status), before);
}

TEST(PeriodLine, SummarisesTheQueuesOfALargePort) {
  ProbeStatus status = healthy();
  status.workers.clear();
  // 30 queues alike, an idle one, and one with two fifths of all.
  for (uint32_t queue = 0; queue < 30; ++queue)
    status.workers.push_back(worker("eth1", queue, 1000, 40 + queue));
  status.workers.push_back(worker("eth1", 30, 0, 0));
  status.workers.push_back(worker("eth1", 31, 20'000, 99));
  EXPECT_EQ(period_line(status),
            "2023-11-14T22:13:20Z 10s: 5.00 kpps 3.36 Mbit/s, 1.20 M flows, lost 0, "
            "queues min 0 median 2 max 40 at queue 31 %, busy min 0 median 54 max 99 at queue 31 %, nats ok");
}

TEST(PeriodLine, BalancesEachPortForItself) {
  ProbeStatus status = healthy();
  status.workers = {worker("eth1", 0, 3000, 30), worker("0000:3b:00.0", 0, 600, 11),
                    worker("eth1", 1, 1000, 10), worker("0000:3b:00.0", 1, 400, 9)};
  EXPECT_THAT(period_line(status),
              HasSubstr(", queues eth1 75 25 | 0000:3b:00.0 60 40 %, busy 30 10 | 11 9 %, "));
}

TEST(PeriodLine, HasNoBalanceWhereEachPortHasOneQueue) {
  ProbeStatus status = healthy();
  status.workers.resize(1);
  EXPECT_THAT(period_line(status), HasSubstr(", lost 0, busy 61 %, nats ok"));
  status.workers.push_back(worker("eth2", 0, 100, 7));
  EXPECT_THAT(period_line(status), HasSubstr(", lost 0, busy 61 | 7 %, nats ok"));
}

TEST(PeriodLine, ScalesItsUnits) {
  ProbeStatus status = healthy();
  status.workers = {worker("eth1", 0, 0, 0)};
  EXPECT_THAT(period_line(status), HasSubstr("Z 10s: 0 pps 0 bit/s, "));
  status.workers = {worker("eth1", 0, 1'230, 0)};
  EXPECT_THAT(period_line(status), HasSubstr("Z 10s: 123 pps 82.66 kbit/s, "));
  status.workers = {worker("eth1", 0, 12'345'600, 0)};
  EXPECT_THAT(period_line(status), HasSubstr("Z 10s: 1.23 Mpps 829.62 Mbit/s, "));
  status.tasks[0].last_records = 12;
  status.tasks[1].last_records = 3;
  EXPECT_THAT(period_line(status), HasSubstr(", 12 flows, "));
}

TEST(PeriodLine, WritesTimesAsShortAsTheyAreExact) {
  ProbeStatus status = healthy();
  status.period_ns = 250'000'000;
  status.last_elapsed_s = 0.2501;
  status.last_epoch_start_ns += 250'000'000;
  EXPECT_THAT(period_line(status), testing::StartsWith("2023-11-14T22:13:20.25Z 250ms: 594.96 Mpps"));
  status.last_elapsed_s = 0.5;
  EXPECT_THAT(period_line(status), HasSubstr("Z 0.5s (period 250ms): "));
}

TEST(PeriodLine, LeavesOutWhatThisProbeDoesNotDo) {
  ProbeStatus status = healthy();
  status.publishes = false;
  status.nats.connected = false;
  status.tasks = {{.name = "scan", .kind = "super_spreader"}};
  const std::string line = period_line(status);
  EXPECT_THAT(line, Not(HasSubstr("flows")));
  EXPECT_THAT(line, testing::EndsWith("busy 61 60 63 59 %"));
}

TEST(PeriodLine, HasNoRateWithoutALength) {
  ProbeStatus status = healthy();
  status.period_ns = UINT64_MAX;
  status.last_elapsed_s = 0;
  EXPECT_THAT(period_line(status),
              testing::StartsWith("2023-11-14T22:13:20Z 148.80 M packets 12.5 GB, 1.20 M flows, "));
}

TEST(PeriodLine, SaysThatThereIsNoPeriodYet) { EXPECT_EQ(period_line(ProbeStatus{}), "no whole period yet"); }

}  // namespace
}  // namespace netspectra

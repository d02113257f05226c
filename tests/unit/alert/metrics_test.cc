// What each metric is in an epoch.
#include <chrono>
#include <iostream>

#include "epochs.h"

namespace netspectra {
namespace {

std::string fired(AlertRule r, const EpochResult& epoch) { return Desk(std::move(r)).feed(epoch); }

const std::vector<FlowRecord>& some_flows() {
  static const std::vector<FlowRecord> flows = {
      record(flow(1, 1, 1000, 80), 5, 500, 0x02), record(flow(1, 1, 1001, 80), 7, 700, 0x02),
      record(flow(1, 2, 1002, 443), 20, 9000, 0x12), record(flow(2, 1, 53, 53, 17), 40, 4000)};
  return flows;
}

TEST(AlertMetrics, PacketsAndBytesWithoutATaskAreThoseOfTheLedger) {
  EXPECT_EQ(fired(rule(AlertMetric::kPackets, 99), Epoch(0).ledger(100, 7000)), "firing 100");
  EXPECT_EQ(fired(rule(AlertMetric::kPackets, 100), Epoch(0).ledger(100, 7000)), "");
  EXPECT_EQ(fired(rule(AlertMetric::kBytes, 6999), Epoch(0).ledger(100, 7000)), "firing 7000");
}

TEST(AlertMetrics, PacketsOfATaskAreOfAllItsRecordsAndTheOverflow) {
  EXPECT_EQ(fired(rule(AlertMetric::kPackets, 0, "flows"), Epoch(0).flows(some_flows(), 3)), "firing 75");
  EXPECT_EQ(fired(rule(AlertMetric::kBytes, 0, "flows"), Epoch(0).flows(some_flows())), "firing 14200");
}

TEST(AlertMetrics, RecordsAreGroupedByTheFieldsAskedFor) {
  AlertRule r = rule(AlertMetric::kPackets, 11, "flows");
  r.by = fields("dst_ip");
  EXPECT_EQ(fired(r, Epoch(0).flows(some_flows())),
            "firing dst_ip 192.168.0.1 52; firing dst_ip 192.168.0.2 20");
  r.by = fields("src_ip,dst_port");
  EXPECT_EQ(fired(r, Epoch(0).flows(some_flows())),
            "firing src_ip 10.0.0.2, dst_port 53 40; firing src_ip 10.0.0.1, dst_port 443 20; "
            "firing src_ip 10.0.0.1, dst_port 80 12");
}

TEST(AlertMetrics, RecordsAreThoseThatSatisfyWhere) {
  AlertRule r = rule(AlertMetric::kRecords, 1, "flows");
  r.by = fields("dst_ip");
  where(r, "protocol = 6 and tcp_flags = S");
  EXPECT_EQ(fired(r, Epoch(0).flows(some_flows())), "firing dst_ip 192.168.0.1 2");
  r.by = {};
  EXPECT_EQ(fired(r, Epoch(0).flows(some_flows())), "firing 2");
  where(r, "dst_port = 443,53");
  EXPECT_EQ(fired(r, Epoch(0).flows(some_flows(), 9)), "firing 2");
}

TEST(AlertMetrics, ShareIsWhatIsCertainOfAHeavyHitter) {
  const auto epoch = [](RankBy by) {
    return Epoch(0)
        .ledger(1000, 50'000)
        .hitters({{source(1), 400, 10'000, 100, 5000}, {source(2), 290, 2000, 0, 0}}, by);
  };
  EXPECT_EQ(fired(rule(AlertMetric::kShare, 29, "top_src"), epoch(RankBy::kPackets)),
            "firing src_ip 10.0.0.1 30");
  EXPECT_EQ(fired(rule(AlertMetric::kShare, 9, "top_src"), epoch(RankBy::kBytes)),
            "firing src_ip 10.0.0.1 10");
  EXPECT_EQ(fired(rule(AlertMetric::kPackets, 299, "top_src"), epoch(RankBy::kBytes)),
            "firing src_ip 10.0.0.1 300");
}

TEST(AlertMetrics, SpreadAndCardinalityAreTheEstimates) {
  EXPECT_EQ(
      fired(rule(AlertMetric::kSpread, 100, "scan"), Epoch(0).spreads({{source(9), 812}, {source(8), 100}})),
      "firing src_ip 10.0.0.9 812");
  EXPECT_EQ(fired(rule(AlertMetric::kCardinality, 100, "hosts"), Epoch(0).cardinality(101)), "firing 101");
}

TEST(AlertMetrics, LostIsWhatTheSourceLostAndWhatFoundNoRecord) {
  const auto epoch = [] { return Epoch(0).ledger(960).lost(40).flows(some_flows(), 5); };
  EXPECT_EQ(fired(rule(AlertMetric::kLost, 0), epoch()), "firing 45");
  EXPECT_EQ(fired(rule(AlertMetric::kLost, 0, "flows"), epoch()), "firing 45");
  EXPECT_EQ(fired(rule(AlertMetric::kLostShare, 4), epoch()), "firing 4.5");
  EXPECT_EQ(fired(rule(AlertMetric::kLostShare, 0), Epoch(0)), "");
}

TEST(AlertMetrics, IncompleteIsTheNumberOfMissingSnapshots) {
  Desk desk(rule(AlertMetric::kIncomplete, 0));
  EXPECT_EQ(desk.feed(Epoch(0)), "");
  EXPECT_EQ(desk.feed(Epoch(1).missing(3)), "firing 3");
  EXPECT_EQ(desk.feed(Epoch(1).missing(1, 1)), "");
  EXPECT_EQ(desk.state(), "firing 1");
  EXPECT_EQ(desk.feed(Epoch(1).missing(0, 2)), "resolved 0");
}

TEST(AlertMetrics, RatesAreDividedByThePeriodAndLeftOutForWholeCaptures) {
  AlertRule r = rule(AlertMetric::kPackets, 9);
  r.per_second = true;
  EXPECT_EQ(fired(r, Epoch(0).ledger(105)), "firing 10.5");
  EXPECT_EQ(fired(r, Epoch(0).whole_capture().ledger(1'000'000)), "");
  EXPECT_EQ(fired(rule(AlertMetric::kPackets, 9), Epoch(0).whole_capture().ledger(10)), "firing 10");
}

TEST(AlertMetrics, ARuleThatATaskCannotServeIsNamedOnce) {
  AlertRule records = rule(AlertMetric::kRecords, 0, "hosts");
  AlertRule absent = rule(AlertMetric::kRecords, 0, "nothing");
  absent.name = "absent";
  AlertRule by = rule(AlertMetric::kPackets, 0, "top_src");
  by.name = "by";
  by.by = fields("src_ip");
  AlertRule flags = rule(AlertMetric::kPackets, 0, "top_src");
  flags.name = "flags";
  where(flags, "tcp_flags = S");
  Desk desk({records, absent, by, flags});
  for (int i = 0; i < 2; ++i)
    EXPECT_EQ(desk.feed(Epoch(0).cardinality(5).hitters({{source(1), 5, 5, 0, 0}})), "");
  EXPECT_EQ(desk->take_notes(),
            (std::vector<std::string>{
                "alerts: rule r does not apply to ams/edge-1: task hosts is of a kind that has no records",
                "alerts: rule absent does not apply to ams/edge-1: there is no task nothing",
                "alerts: rule by does not apply to ams/edge-1: task top_src has keys of its own: the rule's "
                "by must be "
                "left out",
                "alerts: rule flags does not apply to ams/edge-1: task top_src does not have all fields of "
                "the rule's "
                "where"}));
}

TEST(AlertMetrics, SitesAndProbesAreChosenByPatterns) {
  EXPECT_TRUE(matches_pattern("*", ""));
  EXPECT_TRUE(matches_pattern("edge-*", "edge-1"));
  EXPECT_TRUE(matches_pattern("*ab*ab", "xabyabzab"));
  EXPECT_FALSE(matches_pattern("edge-*", "core-1"));
  EXPECT_FALSE(matches_pattern("*ab*ab", "xab"));
  EXPECT_FALSE(matches_pattern("edge", "edge-1"));
  AlertRule r = rule(AlertMetric::kPackets, 0);
  r.probe = "edge-*";
  Desk desk(r);
  EXPECT_EQ(desk.feed(Epoch(0, "core-1").ledger(5)), "");
  EXPECT_EQ(desk.feed(Epoch(0, "edge-2").ledger(5)), "firing 5");
}

// 200,000 records, 10 rules, of which each looks at every record.
TEST(AlertMetrics, AnEpochOfManyRecordsIsJudgedInAFractionOfItsPeriod) {
  std::vector<FlowRecord> records;
  for (uint32_t i = 0; i < 200'000; ++i) {
    records.push_back(
        record(flow(i, i % 5000, static_cast<uint16_t>(1024 + i % 60'000), 80), 1 + i % 7, 60, 0x02));
  }
  std::vector<AlertRule> rules;
  const char* const kBy[] = {"src_ip", "dst_ip", "src_ip,dst_ip", "dst_port", ""};
  for (int i = 0; i < 10; ++i) {
    AlertRule r = rule(i < 5 ? AlertMetric::kRecords : AlertMetric::kPackets, 1e9, "flows");
    r.name = "r" + std::to_string(i);
    if (*kBy[i % 5] != '\0') r.by = fields(kBy[i % 5]);
    where(r, "protocol = 6 and tcp_flags = S");
    rules.push_back(r);
  }
  Desk desk(rules);
  const Epoch epoch = std::move(Epoch(0).ledger(800'000).flows(std::move(records)));
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(desk.feed(epoch), "");
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  std::cout << "10 rules over 200,000 records: " << took.count() * 1e3 << " ms\n";
  EXPECT_LT(took.count(), 10.0);
}

}  // namespace
}  // namespace netspectra

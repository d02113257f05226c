#include <algorithm>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "samples.h"

namespace netspectra {
namespace {

using namespace netspectra::testing;

std::string json(const std::vector<EpochResult>& epochs, uint64_t top = 0) {
  return written(Format::kJson, top, epochs);
}

TEST(JsonWriter, ARecordHasItsKeysInTheDocumentedOrder) {
  const TaskConfig config = task("per_five_tuple", KeyFields::five_tuple());
  EpochResult epoch;
  epoch.tasks.push_back(
      exact(config, {{five_tuple("10.0.0.1", 1234, "10.0.0.2", 80, 6), {3, 1800, 1, 9, 27}}}));
  EXPECT_EQ(json({epoch}),
            R"({"type":"record","task":"per_five_tuple","epoch_start_ns":0,"src_ip":"10.0.0.1",)"
            R"("dst_ip":"10.0.0.2","src_port":1234,"dst_port":80,"protocol":6,"packets":3,"bytes":1800,)"
            R"("first_seen_ns":1,"last_seen_ns":9,"tcp_flags":27})"
            "\n");
}

TEST(JsonWriter, EveryFieldAndTheLargestValuesAreExact) {
  KeyFields all = KeyFields::five_tuple();
  all.add(KeyField::kVlan);
  const TaskConfig config = task("all", all);
  FlowKey key = five_tuple("2001:db8:1111:2222:3333:4444:5555:6666", 65535,
                           "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535, 255);
  key.vlan = 4094;
  EpochResult epoch;
  epoch.start_ns = UINT64_MAX;
  epoch.tasks.push_back(exact(config, {{key, {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, 255}}}));
  EXPECT_EQ(
      json({epoch}),
      R"({"type":"record","task":"all","epoch_start_ns":18446744073709551615999,)"
      R"("src_ip":"2001:db8:1111:2222:3333:4444:5555:6666",)"
      R"("dst_ip":"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff","src_port":65535,"dst_port":65535,)"
      R"("protocol":255,"vlan":4094,"packets":18446744073709551615,"bytes":18446744073709551615,)"
      R"("first_seen_ns":18446744073709551615999,"last_seen_ns":18446744073709551615999,"tcp_flags":255})"
      "\n");
}

TEST(JsonWriter, FieldsThatTheTaskDoesNotHaveAreLeftOut) {
  const TaskConfig vlans = task("vlans", fields({KeyField::kVlan}));
  const TaskConfig services = task("services", fields({KeyField::kSrcPort, KeyField::kDstPort}));
  EpochResult epoch;
  epoch.tasks.push_back(exact(vlans, {{vlan(0), {1, 60, 5, 5, 0}}}));
  epoch.tasks.push_back(exact(services, {{ports(443, 50000), {2, 120, 5, 6, 2}}}));
  EXPECT_EQ(json({epoch}),
            R"({"type":"record","task":"vlans","epoch_start_ns":0,"vlan":0,"packets":1,"bytes":60,)"
            R"("first_seen_ns":5,"last_seen_ns":5,"tcp_flags":0})"
            "\n"
            R"({"type":"record","task":"services","epoch_start_ns":0,"src_port":443,"dst_port":50000,)"
            R"("packets":2,"bytes":120,"first_seen_ns":5,"last_seen_ns":6,"tcp_flags":2})"
            "\n");
}

TEST(JsonWriter, AMappedIpv6AddressIsNotTakenForIpv4) {
  const TaskConfig config = task("hosts", fields({KeyField::kSrcIp}));
  EpochResult epoch;
  epoch.tasks.push_back(
      exact(config, {{source("::ffff:10.0.0.1"), {1, 60, 1, 1, 0}}, {source("10.0.0.1"), {1, 60, 1, 1, 0}}}));
  const std::string text = json({epoch});
  EXPECT_NE(text.find(R"("src_ip":"::ffff:10.0.0.1")"), std::string::npos);
  EXPECT_NE(text.find(R"("src_ip":"10.0.0.1")"), std::string::npos);
}

TEST(JsonWriter, EpochsAndTasksKeepTheirOrderAndEachTaskIsCutToTheTop) {
  const TaskConfig a = task("a", fields({KeyField::kVlan})), b = task("b", fields({KeyField::kVlan}));
  const std::vector<FlowRecord> records = {
      {vlan(3), {1, 300, 1, 1, 0}}, {vlan(2), {1, 200, 1, 1, 0}}, {vlan(1), {1, 100, 1, 1, 0}}};
  std::vector<EpochResult> epochs(2);
  epochs[0].start_ns = 10;
  epochs[1].start_ns = 20;
  for (EpochResult& epoch : epochs) {
    epoch.period_ns = 10;
    epoch.tasks = {exact(b, records), exact(a, records)};
  }
  const auto heads = [](const std::string& text) {
    std::string out;
    for (size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) {
      const size_t from = text.find("\"task\"", at), to = text.find(",\"packets\"", at);
      out += text.substr(from, to - from) + "\n";
    }
    return out;
  };
  EXPECT_EQ(
      heads(json(epochs, 2)),
      "\"task\":\"b\",\"epoch_start_ns\":10,\"vlan\":3\n\"task\":\"b\",\"epoch_start_ns\":10,\"vlan\":2\n"
      "\"task\":\"a\",\"epoch_start_ns\":10,\"vlan\":3\n\"task\":\"a\",\"epoch_start_ns\":10,\"vlan\":2\n"
      "\"task\":\"b\",\"epoch_start_ns\":20,\"vlan\":3\n\"task\":\"b\",\"epoch_start_ns\":20,\"vlan\":2\n"
      "\"task\":\"a\",\"epoch_start_ns\":20,\"vlan\":3\n\"task\":\"a\",\"epoch_start_ns\":20,\"vlan\":2\n");
  const std::string all = json(epochs, 0);
  EXPECT_EQ(std::count(all.begin(), all.end(), '\n'), 12);
  EXPECT_EQ(json(epochs, 3), all);
  EXPECT_EQ(json(epochs, UINT64_MAX), all);
}

TEST(JsonWriter, AnOverflowFollowsItsTasksRecords) {
  const TaskConfig config = task("v", fields({KeyField::kVlan}), 1);
  EpochResult epoch;
  epoch.start_ns = 10;
  epoch.tasks.push_back(exact(config, {{vlan(1), {1, 60, 3, 3, 0}}}, {7, 700, 4, 9, 18}));
  EXPECT_EQ(json({epoch}),
            R"({"type":"record","task":"v","epoch_start_ns":10,"vlan":1,"packets":1,"bytes":60,)"
            R"("first_seen_ns":3,"last_seen_ns":3,"tcp_flags":0})"
            "\n"
            R"({"type":"overflow","task":"v","epoch_start_ns":10,"packets":7,"bytes":700,)"
            R"("first_seen_ns":4,"last_seen_ns":9,"tcp_flags":18})"
            "\n");
}

TEST(JsonWriter, AHeavyHitterHasItsBounds) {
  const TaskConfig config = estimator("top_src", TaskKind::kHeavyHitters, fields({KeyField::kSrcIp}));
  EpochResult epoch;
  epoch.tasks = {hitters(config,
                         {{source("10.0.0.1"), 3, 1800, 0, 0},
                          {source("2001:db8::1"), UINT64_MAX, UINT64_MAX, UINT64_MAX - 1, UINT64_MAX - 2}},
                         3)};
  EXPECT_EQ(json({epoch}),
            R"({"type":"heavy_hitter","task":"top_src","epoch_start_ns":0,"src_ip":"10.0.0.1","packets":3,)"
            R"("bytes":1800,"error_packets":0,"error_bytes":0})"
            "\n"
            R"({"type":"heavy_hitter","task":"top_src","epoch_start_ns":0,"src_ip":"2001:db8::1",)"
            R"("packets":18446744073709551615,"bytes":18446744073709551615,)"
            R"("error_packets":18446744073709551614,"error_bytes":18446744073709551613})"
            "\n");
}

TEST(JsonWriter, ASpreadShowsTheKeyAndNotTheElements) {
  const TaskConfig config = estimator("spreaders", TaskKind::kSuperSpreader, fields({KeyField::kSrcIp}),
                                      fields({KeyField::kDstIp, KeyField::kDstPort}));
  EpochResult epoch;
  epoch.tasks = {spreads(config, {{source("10.0.0.1"), 812}}, 100, 0.09)};
  EXPECT_EQ(json({epoch}),
            R"({"type":"spread","task":"spreaders","epoch_start_ns":0,"src_ip":"10.0.0.1","spread":812})"
            "\n");
}

TEST(JsonWriter, ACardinalityIsOneRowAlsoOfNothing) {
  const TaskConfig config = estimator("hosts", TaskKind::kCardinality, fields({KeyField::kSrcIp}));
  EpochResult first, second;
  first.tasks = {cardinality(config, 812, 0.016)};
  second.start_ns = 10;
  second.tasks = {cardinality(config, 0)};
  EXPECT_EQ(json({first, second}, 1),
            R"({"type":"cardinality","task":"hosts","epoch_start_ns":0,"cardinality":812})"
            "\n"
            R"({"type":"cardinality","task":"hosts","epoch_start_ns":10,"cardinality":0})"
            "\n");
}

TEST(JsonWriter, EstimatesAreCutToTheTopToo) {
  const TaskConfig top = estimator("t", TaskKind::kHeavyHitters, fields({KeyField::kVlan}));
  const TaskConfig spreaders = estimator("s", TaskKind::kSuperSpreader, fields({KeyField::kVlan}));
  EpochResult epoch;
  epoch.tasks = {hitters(top, {{vlan(1), 2, 2, 0, 0}, {vlan(2), 1, 1, 0, 0}}),
                 spreads(spreaders, {{vlan(3), 4}, {vlan(4), 3}})};
  const std::string two =
      R"({"type":"heavy_hitter","task":"t","epoch_start_ns":0,"vlan":1,"packets":2,"bytes":2,)"
      R"("error_packets":0,"error_bytes":0})"
      "\n"
      R"({"type":"spread","task":"s","epoch_start_ns":0,"vlan":3,"spread":4})"
      "\n";
  EXPECT_EQ(json({epoch}, 1), two);
  const std::string all = json({epoch}, 0);
  EXPECT_EQ(std::count(all.begin(), all.end(), '\n'), 4);
}

TEST(JsonWriter, NoKeysAreNoRows) {
  const TaskConfig top = estimator("t", TaskKind::kHeavyHitters, fields({KeyField::kVlan}));
  const TaskConfig spreaders = estimator("s", TaskKind::kSuperSpreader, fields({KeyField::kVlan}));
  EpochResult epoch;
  epoch.tasks = {hitters(top, {}), spreads(spreaders, {})};
  EXPECT_EQ(json({epoch}), "");
}

TEST(JsonWriter, TheSummaryNamesOnlyTheReasonsThatOccurred) {
  RunSummary summary;
  summary.files = {"a.pcap", "odd \"name\".pcap"};
  summary.ledger.rx_packets = 12;
  summary.ledger.rx_bytes = 5400;
  summary.ledger.ip_packets = 8;
  summary.ledger.dropped[size_t(DropReason::kEthertype)] = 1;
  summary.ledger.dropped[size_t(DropReason::kIpv4HeaderTruncated)] = 2;
  summary.ledger.dropped[size_t(DropReason::kIpv6BadVersion)] = 1;
  summary.ledger.first_seen_ns = 1;
  summary.ledger.last_seen_ns = 9;
  summary.overflow_packets = 3;
  summary.elapsed_s = 0.01;
  summary.read_errors = {"a.pcap: cut off"};
  EXPECT_EQ(written(Format::kJson, 0, {}, &summary),
            R"({"type":"summary","files":["a.pcap","odd \"name\".pcap"],"packets":12,"bytes":5400,)"
            R"("ip_packets":8,"not_ip":1,"malformed":{"ipv4_header_truncated":2,"ipv6_bad_version":1},)"
            R"("overflow_packets":3,"first_seen_ns":1,"last_seen_ns":9,"elapsed_s":0.01,)"
            R"("read_errors":["a.pcap: cut off"]})"
            "\n");
}

TEST(JsonWriter, TheSummaryOfNothingHasNoTimes) {
  RunSummary summary;
  summary.files = {"empty.pcap"};
  EXPECT_EQ(written(Format::kJson, 0, {EpochResult{}}, &summary),
            R"({"type":"summary","files":["empty.pcap"],"packets":0,"bytes":0,"ip_packets":0,"not_ip":0,)"
            R"("malformed":{},"overflow_packets":0,"first_seen_ns":0,"last_seen_ns":0,"elapsed_s":0,)"
            R"("read_errors":[]})"
            "\n");
}

TEST(JsonWriter, WhatTheFilterRefusedStandsBehindTheMalformed) {
  RunSummary summary;
  summary.ledger.filtered_out = 4;
  EXPECT_NE(
      written(Format::kJson, 0, {}, &summary).find(R"("malformed":{},"filtered_out":4,"overflow_packets":0)"),
      std::string::npos);
}

TEST(JsonWriter, SecondsHaveAtMostSixDecimals) {
  const std::pair<double, const char*> cases[] = {{1.0 / 3, "0.333333"}, {12, "12"},  {100, "100"},
                                                  {0.5, "0.5"},          {1e-9, "0"}, {86400.25, "86400.25"}};
  for (const auto& [seconds, text] : cases) {
    RunSummary summary;
    summary.elapsed_s = seconds;
    EXPECT_NE(written(Format::kJson, 0, {}, &summary).find(std::string("\"elapsed_s\":") + text + ","),
              std::string::npos)
        << text;
  }
}

}  // namespace
}  // namespace netspectra

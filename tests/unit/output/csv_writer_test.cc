#include <algorithm>
#include <string>

#include "gtest/gtest.h"
#include "samples.h"

namespace netspectra {
namespace {

using namespace netspectra::testing;

const std::string kHeader =
    "type,task,epoch_start_ns,src_ip,dst_ip,src_port,dst_port,protocol,vlan,packets,bytes,first_seen_ns,"
    "last_seen_ns,tcp_flags,error_packets,error_bytes,spread,cardinality\n";

TEST(CsvWriter, NothingMeasuredIsTheHeaderAlone) {
  const RunSummary summary;
  EXPECT_EQ(written(Format::kCsv, 0, {}, &summary), kHeader);
}

TEST(CsvWriter, FieldsOutsideTheTasksKeyAreEmpty) {
  const TaskConfig five = task("per_five_tuple", KeyFields::five_tuple());
  const TaskConfig vlans = task("vlans", fields({KeyField::kVlan}));
  const TaskConfig services = task("services", fields({KeyField::kSrcPort, KeyField::kDstPort}));
  EpochResult first, second;
  first.start_ns = 10;
  first.tasks.push_back(
      exact(five, {{five_tuple("10.0.0.1", 1234, "10.0.0.2", 80, 6), {3, 1800, 1, 9, 27}}}));
  first.tasks.push_back(exact(vlans, {{vlan(0), {1, 60, 5, 5, 0}}}));
  second.start_ns = 20;
  second.tasks.push_back(
      exact(five, {{five_tuple("2001:db8::1", 0, "::", 0, 58), {1, 90, 21, 21, 0}}}, {2, 200, 22, 23, 2}));
  second.tasks.push_back(
      exact(services, {{ports(443, 0), {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, 255}}}));
  EXPECT_EQ(written(Format::kCsv, 0, {first, second}),
            kHeader +
                "record,per_five_tuple,10,10.0.0.1,10.0.0.2,1234,80,6,,3,1800,1,9,27,,,,\n"
                "record,vlans,10,,,,,,0,1,60,5,5,0,,,,\n"
                "record,per_five_tuple,20,2001:db8::1,::,0,0,58,,1,90,21,21,0,,,,\n"
                "overflow,per_five_tuple,20,,,,,,,2,200,22,23,2,,,,\n"
                "record,services,20,,,443,0,,,18446744073709551615,18446744073709551615,"
                "18446744073709551615999,18446744073709551615999,255,,,,\n");
}

TEST(CsvWriter, ANameWithCommasOrQuotesIsQuoted) {
  const TaskConfig config = task("a \"b\", c", fields({KeyField::kVlan}));
  EpochResult epoch;
  epoch.tasks.push_back(exact(config, {{vlan(7), {1, 60, 5, 5, 0}}}));
  EXPECT_EQ(written(Format::kCsv, 0, {epoch}),
            kHeader + "record,\"a \"\"b\"\", c\",0,,,,,,7,1,60,5,5,0,,,,\n");
}

TEST(CsvWriter, EstimatesHaveTheirColumnsAtTheEnd) {
  const TaskConfig top =
      estimator("top", TaskKind::kHeavyHitters, fields({KeyField::kSrcIp, KeyField::kVlan}));
  const TaskConfig spreaders = estimator("spreaders", TaskKind::kSuperSpreader, fields({KeyField::kSrcIp}),
                                         fields({KeyField::kDstIp}));
  const TaskConfig hosts = estimator("hosts", TaskKind::kCardinality, fields({KeyField::kSrcIp}));
  EpochResult epoch;
  epoch.start_ns = 10;
  epoch.tasks = {hitters(top, {{source("10.0.0.1"), 9, 5400, 2, 1200}, {source("10.0.0.2"), 8, 480, 0, 0}}),
                 spreads(spreaders, {{source("2001:db8::1"), 812}, {source("10.0.0.1"), 100}}, 100),
                 cardinality(hosts, 0)};
  EXPECT_EQ(written(Format::kCsv, 0, {epoch}), kHeader +
                                                   "heavy_hitter,top,10,10.0.0.1,,,,,0,9,5400,,,,2,1200,,\n"
                                                   "heavy_hitter,top,10,10.0.0.2,,,,,0,8,480,,,,0,0,,\n"
                                                   "spread,spreaders,10,2001:db8::1,,,,,,,,,,,,,812,\n"
                                                   "spread,spreaders,10,10.0.0.1,,,,,,,,,,,,,100,\n"
                                                   "cardinality,hosts,10,,,,,,,,,,,,,,,0\n");
}

TEST(CsvWriter, EveryLineHasAsManyColumnsAsTheHeader) {
  KeyFields all = KeyFields::five_tuple();
  all.add(KeyField::kVlan);
  const FlowKey key = five_tuple("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535,
                                 "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535, 255);
  const FlowCounters most = {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, 255};
  const TaskConfig exact_task = task("a", all), top = estimator("b", TaskKind::kHeavyHitters, all),
                   spreaders = estimator("c", TaskKind::kSuperSpreader, all),
                   count = estimator("d", TaskKind::kCardinality, all);
  EpochResult epoch;
  epoch.tasks = {exact(exact_task, {{key, most}}, most),
                 hitters(top, {{key, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX}}),
                 spreads(spreaders, {{key, UINT64_MAX}}), cardinality(count, UINT64_MAX)};
  const std::string text = written(Format::kCsv, 0, {epoch});
  size_t lines = 0;
  for (size_t at = 0; at < text.size(); ++lines) {
    const size_t end = text.find('\n', at);
    EXPECT_EQ(std::count(text.begin() + long(at), text.begin() + long(end), ','), 17)
        << text.substr(at, end - at);
    at = end + 1;
  }
  EXPECT_EQ(lines, 6u);
}

TEST(CsvWriter, EachTaskIsCutToTheTop) {
  const TaskConfig config = task("v", fields({KeyField::kVlan}));
  EpochResult epoch;
  epoch.tasks.push_back(exact(config, {{vlan(7), {1, 60, 5, 5, 0}}, {vlan(8), {1, 50, 5, 5, 0}}}));
  EXPECT_EQ(written(Format::kCsv, 1, {epoch}), kHeader + "record,v,0,,,,,,7,1,60,5,5,0,,,,\n");
}

}  // namespace
}  // namespace netspectra

#include <string>

#include "gtest/gtest.h"
#include "samples.h"

namespace netspectra {
namespace {

using namespace netspectra::testing;

const std::string kHeader =
    "type,task,epoch_start_ns,src_ip,dst_ip,src_port,dst_port,protocol,vlan,packets,bytes,first_seen_ns,"
    "last_seen_ns,tcp_flags\n";

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
      {&five, {{five_tuple("10.0.0.1", 1234, "10.0.0.2", 80, 6), {3, 1800, 1, 9, 27}}}, {}});
  first.tasks.push_back({&vlans, {{vlan(0), {1, 60, 5, 5, 0}}}, {}});
  second.start_ns = 20;
  second.tasks.push_back(
      {&five, {{five_tuple("2001:db8::1", 0, "::", 0, 58), {1, 90, 21, 21, 0}}}, {2, 200, 22, 23, 2}});
  second.tasks.push_back(
      {&services, {{ports(443, 0), {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, 255}}}, {}});
  EXPECT_EQ(written(Format::kCsv, 0, {first, second}),
            kHeader +
                "record,per_five_tuple,10,10.0.0.1,10.0.0.2,1234,80,6,,3,1800,1,9,27\n"
                "record,vlans,10,,,,,,0,1,60,5,5,0\n"
                "record,per_five_tuple,20,2001:db8::1,::,0,0,58,,1,90,21,21,0\n"
                "overflow,per_five_tuple,20,,,,,,,2,200,22,23,2\n"
                "record,services,20,,,443,0,,,18446744073709551615,18446744073709551615,"
                "18446744073709551615999,18446744073709551615999,255\n");
}

TEST(CsvWriter, ANameWithCommasOrQuotesIsQuoted) {
  const TaskConfig config = task("a \"b\", c", fields({KeyField::kVlan}));
  EpochResult epoch;
  epoch.tasks.push_back({&config, {{vlan(7), {1, 60, 5, 5, 0}}}, {}});
  EXPECT_EQ(written(Format::kCsv, 0, {epoch}), kHeader + "record,\"a \"\"b\"\", c\",0,,,,,,7,1,60,5,5,0\n");
}

TEST(CsvWriter, EachTaskIsCutToTheTop) {
  const TaskConfig config = task("v", fields({KeyField::kVlan}));
  EpochResult epoch;
  epoch.tasks.push_back({&config, {{vlan(7), {1, 60, 5, 5, 0}}, {vlan(8), {1, 50, 5, 5, 0}}}, {}});
  EXPECT_EQ(written(Format::kCsv, 1, {epoch}), kHeader + "record,v,0,,,,,,7,1,60,5,5,0\n");
}

}  // namespace
}  // namespace netspectra

// Heavy hitters, super spreaders and cardinalities as people see them.
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "output/key_text.h"
#include "samples.h"

namespace netspectra {
namespace {

using namespace netspectra::testing;

const KeyFields kSource = fields({KeyField::kSrcIp}), kDestination = fields({KeyField::kDstIp});

// Of an epoch with 10,000 IP packets, 5 MB.
std::string table(TaskResult result, uint64_t top = 10) {
  EpochResult epoch;
  epoch.ledger.rx_packets = 20'000;
  epoch.ledger.ip_packets = 10'000;
  epoch.ledger.ip_bytes = 5'000'000;
  epoch.tasks = {std::move(result)};
  return written(Format::kTable, top, {epoch});
}

TEST(HeavyHittersTable, WithoutErrorsHasNoErrorColumn) {
  TaskConfig config = estimator("top_src", TaskKind::kHeavyHitters, kSource);
  config.threshold.share_ppm = 1'000;
  EXPECT_EQ(table(hitters(config,
                          {{source("10.0.0.1"), 9000, 540'000, 0, 0},
                           {source("192.168.100.200"), 500, 4'000'000, 0, 0},
                           {source("10.0.0.3"), 10, 600, 0, 0}},
                          10),
                  2),
            R"(top_src: top 2 of 3 heavy hitters by packets (each at least 10 packets, 0.1 % of all)
  source           packets     bytes   share
  10.0.0.1           9,000  540.0 kB  90.0 %
  192.168.100.200      500    4.0 MB   5.0 %

)");
}

TEST(HeavyHittersTable, ErrorsAreInTheUnitThatItRanksBy) {
  TaskConfig config =
      estimator("top", TaskKind::kHeavyHitters, fields({KeyField::kDstIp, KeyField::kDstPort}));
  FlowKey web = destination("10.0.0.9"), dns = destination("2001:db8::53");
  web.be_dst_port = htons(443);
  dns.be_dst_port = htons(53);
  const std::vector<HeavyHitterRecord> records = {{web, 9000, 4'000'000, 12, 8'400},
                                                  {dns, 5000, 500'000, 0, 0}};
  EXPECT_EQ(table(hitters(config, records, 100)),
            R"(top: 2 heavy hitters by packets (each at least 100 packets, 1.0 % of all)
  destination   port  packets     bytes   share  too high by at most
  10.0.0.9       443    9,000    4.0 MB  90.0 %                   12
  2001:db8::53    53    5,000  500.0 kB  50.0 %                    0

)");
  config.by = RankBy::kBytes;
  config.threshold.share_ppm = 125;
  EXPECT_EQ(table(hitters(config, records, 625)),
            R"(top: 2 heavy hitters by bytes (each at least 625 B, 0.0125 % of all)
  destination   port  packets     bytes   share  too high by at most
  10.0.0.9       443    9,000    4.0 MB  80.0 %               8.4 kB
  2001:db8::53    53    5,000  500.0 kB  10.0 %                  0 B

)");
}

TEST(HeavyHittersTable, OnlyRowsThatAreShownCallForTheErrorColumn) {
  const TaskConfig config = estimator("v", TaskKind::kHeavyHitters, fields({KeyField::kVlan}));
  EXPECT_EQ(table(hitters(config, {{vlan(0), 9000, 600, 0, 0}, {vlan(1), 10, 600, 5, 300}}, 1), 1),
            R"(v: top 1 of 2 heavy hitters by packets (each at least 1 packet, <0.1 % of all)
  VLAN  packets  bytes   share
  none    9,000  600 B  90.0 %

)");
}

TEST(HeavyHittersTable, WithoutAnySaysWhatNoneReached) {
  TaskConfig config = estimator("top_src", TaskKind::kHeavyHitters, kSource);
  EXPECT_EQ(table(hitters(config, {}, 4096)),
            "top_src: no heavy hitters (none reaches 4,096 packets, 41.0 % of all)\n\n");
  config.threshold.share_ppm = 10'000;
  config.by = RankBy::kBytes;
  EXPECT_EQ(table(hitters(config, {}, 50'000)),
            "top_src: no heavy hitters (none reaches 50.0 kB, 1 % of all)\n\n");
}

TEST(SuperSpreadersTable, SaysWhatIsCountedFromWhereOnAndHowWell) {
  const TaskConfig config = estimator("spread_src", TaskKind::kSuperSpreader, kSource, kDestination);
  const std::vector<SpreadRecord> records = {
      {source("10.0.0.1"), 12'345}, {source("192.168.100.200"), 812}, {source("10.0.0.2"), 100}};
  EXPECT_EQ(
      table(spreads(config, records, 100, 0.0919), 2),
      R"(spread_src: top 2 of 3 super spreaders (each at least 100 distinct destinations; estimated, about +-9.2 %)
  source           distinct destinations
  10.0.0.1                        12,345
  192.168.100.200                    812

)");
  EXPECT_EQ(table(spreads(config, {records[0]}, 1)),
            R"(spread_src: 1 super spreader (each at least 1 distinct destination; exact)
  source    distinct destinations
  10.0.0.1                 12,345

)");
}

TEST(SuperSpreadersTable, SeveralElementsAreOneTuple) {
  const TaskConfig config =
      estimator("scan", TaskKind::kSuperSpreader, kSource, fields({KeyField::kDstIp, KeyField::kDstPort}));
  EXPECT_EQ(table(spreads(config, {{source("10.0.0.1"), 812}}, 100)),
            R"(scan: 1 super spreader (each at least 100 distinct (destination, destination port); exact)
  source    distinct (destination, destination port)
  10.0.0.1                                       812

)");
}

TEST(SuperSpreadersTable, WithoutAnySaysWhatNoneReached) {
  const TaskConfig config = estimator("spread_dst", TaskKind::kSuperSpreader, kDestination, kSource);
  EXPECT_EQ(table(spreads(config, {}, 100)),
            "spread_dst: no super spreaders (none reaches 100 distinct sources; exact)\n\n");
  EXPECT_EQ(table(spreads(config, {}, 100, 0.09)),
            "spread_dst: no super spreaders (none reaches 100 distinct sources; estimated, about +-9 %)\n\n");
}

TEST(CardinalityLine, SaysWhatWasCountedAndHowWell) {
  const TaskConfig hosts = estimator("hosts", TaskKind::kCardinality, kSource);
  const TaskConfig flows = estimator("flows", TaskKind::kCardinality, KeyFields::five_tuple());
  EXPECT_EQ(table(cardinality(hosts, 0)), "hosts: 0 distinct sources (exact)\n\n");
  EXPECT_EQ(table(cardinality(hosts, 1)), "hosts: 1 distinct source (exact)\n\n");
  EXPECT_EQ(table(cardinality(hosts, 12'345, 0.008125)),
            "hosts: 12,345 distinct sources (estimated, about +-0.81 %)\n\n");
  EXPECT_EQ(table(cardinality(flows, 1)),
            "flows: 1 distinct (source, source port, destination, destination port, protocol) (exact)\n\n");
}

TEST(KeyText, EveryFieldHasItsPlural) {
  const std::pair<KeyField, const char*> names[] = {
      {KeyField::kSrcIp, "sources"},        {KeyField::kDstIp, "destinations"},
      {KeyField::kSrcPort, "source ports"}, {KeyField::kDstPort, "destination ports"},
      {KeyField::kProtocol, "protocols"},   {KeyField::kVlan, "VLANs"}};
  for (const auto& [field, name] : names) EXPECT_EQ(distinct_name(fields({field})), name);
}

}  // namespace
}  // namespace netspectra

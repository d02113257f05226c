// What survives a restart, and what happens where the state does not.
#include <sys/stat.h>

#include "epochs.h"

namespace netspectra {
namespace {

EpochResult packets(uint64_t number, uint64_t count) { return Epoch(number).ledger(count); }

TEST(AlertState, FiringAlertsStayFiringAndAreNotSaidAgain) {
  Desk desk(rule(AlertMetric::kPackets, 100));
  EXPECT_EQ(desk.feed(packets(0, 200)), "firing 200");
  desk.restart();
  EXPECT_EQ(desk.state(), "firing 200");
  EXPECT_EQ(desk.tick(kNow), "");
  EXPECT_EQ(desk.feed(packets(1, 201)), "");
  desk.restart();
  EXPECT_EQ(desk.feed(packets(2, 1)), "resolved 1");
}

TEST(AlertState, PendingAlertsKeepTheirTime) {
  AlertRule r = rule(AlertMetric::kPackets, 100);
  r.for_ns = 2 * kPeriod;
  Desk desk(r);
  desk.feed(packets(0, 200));
  desk.restart();
  EXPECT_EQ(desk.state(), "pending 200");
  EXPECT_EQ(desk.feed(packets(1, 200)), "firing 200");
  EXPECT_EQ(desk->alerts()[0].since_ns, kStart);
}

TEST(AlertState, BaselinesStayAndSoDoIncompleteEpochs) {
  AlertRule rise = rule(AlertMetric::kPackets, 0);
  rise.rise = AlertRise{.factor = 2, .over_ns = 0, .over_epochs = 3, .at_least = 1};
  AlertRule keyed = rule(AlertMetric::kPackets, 100, "flows");
  keyed.name = "keyed";
  keyed.by = fields("src_ip,dst_port");
  Desk desk({rise, keyed});
  for (uint64_t i = 0; i < 3; ++i) desk.feed(packets(i, 100));
  desk.feed(Epoch(3).missing(1).ledger(10).flows({record(flow(1, 1, 1, 80), 60)}));
  desk.restart();
  EXPECT_EQ(desk.feed(Epoch(3).missing(0, 1).ledger(200).flows({record(flow(1, 2, 1, 80), 41)})),
            "firing 210; firing src_ip 10.0.0.1, dst_port 80 101");
}

TEST(AlertState, OnlyTheNewestEpochDecidesWhatIsLateAlsoAfterARestart) {
  Desk desk(rule(AlertMetric::kPackets, 100));
  desk.feed(packets(5, 200));
  desk.restart();
  EXPECT_EQ(desk.feed(packets(4, 0)), "");
  EXPECT_EQ(desk.state(), "firing 200");
}

TEST(AlertState, WhatWasNewestByAClockThatWasAheadMakesNoneLateAfterARestart) {
  AlertRule r = rule(AlertMetric::kPackets, 100);
  r.for_ns = 2 * kPeriod;
  Desk desk(r);
  desk.feed(packets(kNowNumber + 8640, 200), kNow + 86'400 * kSecond + kPeriod);
  desk.restart();
  EXPECT_EQ(desk.feed(packets(1, 201)), "");
  EXPECT_EQ(desk.feed(packets(2, 202)), "firing 202");
  EXPECT_EQ(desk.feed(packets(1, 0)), "");
  EXPECT_EQ(desk.state(), "firing 202");
}

TEST(AlertState, AlertsOfARuleThatIsGoneAreResolved) {
  AlertRule other = rule(AlertMetric::kPackets, 1000);
  other.name = "other";
  Desk desk({rule(AlertMetric::kPackets, 100), other});
  desk.feed(packets(0, 200));
  desk.config().rules = {other};
  desk.restart();
  const std::vector<AlertEvent> events = desk->tick(kNow);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].alert.rule, "r");
  EXPECT_EQ(events[0].alert.state, AlertState::kResolved);
  EXPECT_EQ(events[0].note, "the rule was removed");
  EXPECT_EQ(events[0].receivers, std::vector<std::string>{"ops"});
  desk.restart();
  EXPECT_EQ(desk.tick(kNow), "");
}

TEST(AlertState, ARuleThatMeasuresSomethingElseBeginsAnewAndOneThatIsOnlyToldOtherwiseGoesOn) {
  Desk desk(rule(AlertMetric::kPackets, 100));
  desk.feed(packets(0, 200));
  desk.config().rules[0].severity = Severity::kCritical;
  desk.config().rules[0].receivers = {"mail"};
  desk.restart();
  EXPECT_EQ(desk.tick(kNow), "");
  EXPECT_EQ(desk.feed(packets(1, 200)), "");
  desk.config().rules[0].above = 150;
  desk.restart();
  const std::vector<AlertEvent> events = desk->tick(kNow);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].note, "the rule was changed");
  EXPECT_EQ(events[0].alert.severity, Severity::kCritical);
  EXPECT_EQ(desk.feed(packets(2, 200)), "firing 200");
}

TEST(AlertState, UndeliveredMessagesAreFoundAgain) {
  Desk desk(rule(AlertMetric::kPackets, 100));
  const AlertMessage message{"id-1", "ops", 5, "a\tb", "two\nlines \\n", "{\"a\":\"\\t\"}"};
  ASSERT_TRUE(desk->save({message}).ok());
  desk.start();
  const std::vector<AlertMessage> found = desk->take_undelivered();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].id, "id-1");
  EXPECT_EQ(found[0].receiver, "ops");
  EXPECT_EQ(found[0].created_ns, 5u);
  EXPECT_EQ(found[0].summary, message.summary);
  EXPECT_EQ(found[0].text, message.text);
  EXPECT_EQ(found[0].json, message.json);
}

TEST(AlertState, ThatIsBrokenIsSetAsideWithOneLineAndBegunAnew) {
  const auto breakages = std::vector<std::pair<std::string, std::function<std::string(std::string)>>>{
      {"it does not begin as one of version 1 does", [](std::string) { return std::string("{}"); }},
      {"it does not begin as one of version 1 does", [](std::string) { return std::string(); }},
      {"it is cut short", [](std::string s) { return s.substr(0, s.size() / 2); }},
      {"its checksum is wrong",
       [](std::string s) {
         s[s.find("ops")] = 'x';
         return s;
       }},
  };
  for (const auto& [why, breakage] : breakages) {
    Desk desk(rule(AlertMetric::kPackets, 100));
    desk.feed(packets(0, 200));
    ASSERT_TRUE(desk->save({}).ok());
    const std::string path = desk.config().state_file;
    const std::string broken = breakage(content_of(path));
    std::ofstream(path, std::ios::binary) << broken;
    desk.start();
    EXPECT_EQ(desk->take_notes(),
              (std::vector<std::string>{"alerts: state " + path + ": broken (" + why + "); set aside as " +
                                        path + ".broken, and begun anew: what is firing is told again"}));
    EXPECT_EQ(content_of(path + ".broken"), broken);
    EXPECT_EQ(desk.state(), "");
    EXPECT_EQ(desk.feed(packets(1, 200)), "firing 200");
  }
}

TEST(AlertState, CutAnywhereIsNeverTakenForWhole) {
  AlertRule r = rule(AlertMetric::kPackets, 100, "flows");
  r.by = fields("src_ip");
  Desk desk(r);
  desk.feed(Epoch(0).missing(1).flows({record(source(1), 200)}));
  ASSERT_TRUE(desk->save({{"id", "ops", 1, "s", "t", "{}"}}).ok());
  const std::string whole = content_of(desk.config().state_file);
  EXPECT_TRUE(read_saved_alerts(whole).ok());
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(read_saved_alerts(whole.substr(0, size)).ok()) << size;
  }
  for (size_t at = 0; at < whole.size(); ++at) {
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    EXPECT_FALSE(read_saved_alerts(changed).ok()) << at;
  }
}

TEST(AlertState, IsReadableByItsOwnerOnlyAndLeavesNoOtherFile) {
  Desk desk(rule(AlertMetric::kPackets, 100));
  ASSERT_TRUE(desk->save({}).ok());
  ASSERT_TRUE(desk->save({}).ok());
  struct stat found {};
  ASSERT_EQ(::stat(desk.config().state_file.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0600u);
  const auto folder = std::filesystem::path(desk.config().state_file).parent_path();
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder), {}), 1);
}

TEST(AlertState, ThatCannotBeWrittenIsAnErrorThatNamesIt) {
  AlertConfig config;
  config.state_file = "/nowhere/alerts.state";
  const auto engine = AlertEngine::open(config, kNow);
  ASSERT_FALSE(engine.ok());
  EXPECT_NE(engine.status().message().find("alerts: state /nowhere/alerts.state: /nowhere"),
            std::string::npos)
      << engine.status();
  Desk desk(rule(AlertMetric::kPackets, 100));
  std::filesystem::remove_all(std::filesystem::path(desk.config().state_file).parent_path());
  EXPECT_FALSE(desk->save({}).ok());
}

}  // namespace
}  // namespace netspectra

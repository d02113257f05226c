// When an alert fires, and when it clears.
#include "alert/alert_message.h"
#include "epochs.h"

namespace netspectra {
namespace {

AlertRule per_source(double above) {
  AlertRule r = rule(AlertMetric::kPackets, above, "flows");
  r.by = fields("src_ip");
  return r;
}

// A day after what the engine's clock shows.
constexpr uint64_t kFuture = kNowNumber + 8640;

EpochResult packets(uint64_t number, uint64_t count) { return Epoch(number).ledger(count); }

TEST(AlertRules, AnAlertIsSaidOnceWhenItFiresAndOnceWhenItClears) {
  Desk desk(rule(AlertMetric::kPackets, 100));
  EXPECT_EQ(desk.feed(packets(0, 100)), "");
  EXPECT_EQ(desk.feed(packets(1, 150)), "firing 150");
  EXPECT_EQ(desk.feed(packets(2, 170)), "");
  EXPECT_EQ(desk.state(), "firing 170");
  ASSERT_EQ(desk->alerts().size(), 1u);
  EXPECT_EQ(desk->alerts()[0].since_ns, kStart + kPeriod);
  EXPECT_EQ(desk->alerts()[0].threshold, 100);
  EXPECT_EQ(desk.feed(packets(3, 90)), "resolved 90");
  EXPECT_EQ(desk.state(), "");
  EXPECT_EQ(desk.feed(packets(4, 90)), "");
  EXPECT_EQ(desk.feed(packets(5, 101)), "firing 101");
}

TEST(AlertRules, ForIsTheTimeThatEveryEpochIsOver) {
  AlertRule r = rule(AlertMetric::kPackets, 100);
  r.for_ns = 3 * kPeriod;
  Desk desk(r);
  EXPECT_EQ(desk.feed(packets(0, 101)), "");
  EXPECT_EQ(desk.state(), "pending 101");
  EXPECT_EQ(desk.feed(packets(1, 101)), "");
  EXPECT_EQ(desk.feed(packets(2, 5)), "");
  EXPECT_EQ(desk.state(), "");
  EXPECT_EQ(desk.feed(packets(3, 101)), "");
  EXPECT_EQ(desk.feed(packets(4, 101)), "");
  EXPECT_EQ(desk.feed(packets(5, 101)), "firing 101");
  EXPECT_EQ(desk->alerts()[0].since_ns, kStart + 3 * kPeriod);
}

TEST(AlertRules, AGapLongerThanForBeginsItAnew) {
  AlertRule r = rule(AlertMetric::kPackets, 100);
  r.for_ns = 2 * kPeriod;
  Desk desk(r);
  EXPECT_EQ(desk.feed(packets(0, 101)), "");
  EXPECT_EQ(desk.feed(packets(4, 101)), "");  // three epochs are not there
  EXPECT_EQ(desk.feed(packets(5, 101)), "firing 101");
}

TEST(AlertRules, HysteresisKeepsAnAlertUntilItIsBelowForLongEnough) {
  AlertRule r = rule(AlertMetric::kPackets, 100);
  r.clear_below = 50;
  r.clear_for_ns = 2 * kPeriod;
  Desk desk(r);
  EXPECT_EQ(desk.feed(packets(0, 101)), "firing 101");
  EXPECT_EQ(desk.feed(packets(1, 50)), "");
  EXPECT_EQ(desk.feed(packets(2, 49)), "");
  EXPECT_EQ(desk.feed(packets(3, 60)), "");
  EXPECT_EQ(desk.feed(packets(4, 49)), "");
  EXPECT_EQ(desk.feed(packets(5, 48)), "resolved 48");
}

TEST(AlertRules, ARiseIsMeasuredAgainstWhatIsUsualAndDoesNotBecomeUsualWhileItLasts) {
  AlertRule r = rule(AlertMetric::kPackets, 0);
  r.rise = AlertRise{.factor = 3, .over_ns = 0, .over_epochs = 4, .at_least = 500};
  Desk desk(r);
  uint64_t number = 0;
  EXPECT_EQ(desk.feed(packets(number++, 10'000)), "");  // is being learned: nothing is usual yet
  for (int i = 0; i < 20; ++i) EXPECT_EQ(desk.feed(packets(number++, 100)), "");
  EXPECT_EQ(desk.feed(packets(number++, 450)), "") << "less than at_least";
  for (int i = 0; i < 20; ++i) EXPECT_EQ(desk.feed(packets(number++, 200)), "");
  EXPECT_EQ(desk.feed(packets(number++, 590)), "");
  for (int i = 0; i < 20; ++i) EXPECT_EQ(desk.feed(packets(number++, 200)), "");
  EXPECT_EQ(desk.feed(packets(number++, 620)), "firing 620");
  EXPECT_NEAR(desk->alerts()[0].threshold, 600, 1);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(desk.feed(packets(number++, 5000)), "");
  EXPECT_EQ(desk.feed(packets(number++, 550)), "resolved 550");
}

TEST(AlertRules, ABaselineIsUsedWhenItHasSeenAsManyEpochsAsItIsOver) {
  AlertRule r = rule(AlertMetric::kPackets, 0);
  r.rise = AlertRise{.factor = 2, .over_ns = 5 * kPeriod, .over_epochs = 0, .at_least = 1};
  Desk early(r), late(r);
  for (uint64_t i = 0; i < 4; ++i) early.feed(packets(i, 10));
  EXPECT_EQ(early.feed(packets(4, 1000)), "");
  for (uint64_t i = 0; i < 5; ++i) late.feed(packets(i, 10));
  EXPECT_EQ(late.feed(packets(5, 1000)), "firing 1000");
}

TEST(AlertRules, AmendmentsOfTheNewestEpochAddToIt) {
  Desk desk(per_source(100));
  EXPECT_EQ(desk.feed(Epoch(0).missing(2).flows({record(source(1), 60), record(source(2), 10)})), "");
  EXPECT_EQ(desk.feed(Epoch(0).missing(1, 1).flows({record(source(1), 30)})), "");
  EXPECT_EQ(desk.feed(Epoch(0).missing(0, 2).flows({record(source(1), 20), record(source(3), 1)})),
            "firing src_ip 10.0.0.1 110");
  EXPECT_EQ(desk.feed(Epoch(1).flows({record(source(1), 60)})), "resolved src_ip 10.0.0.1 60");
}

TEST(AlertRules, AmendmentsOfEstimatesCountWithTheLargest) {
  Desk desk(rule(AlertMetric::kCardinality, 100, "hosts"));
  EXPECT_EQ(desk.feed(Epoch(0).missing(1).cardinality(90)), "");
  EXPECT_EQ(desk.feed(Epoch(0).missing(1, 1).cardinality(80)), "");
  EXPECT_EQ(desk.feed(Epoch(0).missing(0, 2).cardinality(101)), "firing 101");
}

TEST(AlertRules, AnIncompleteEpochFiresAndDoesNotClear) {
  Desk desk(rule(AlertMetric::kPackets, 100));
  EXPECT_EQ(desk.feed(Epoch(0).missing(1).ledger(101)), "firing 101");
  EXPECT_EQ(desk.feed(Epoch(1).missing(1).ledger(5)), "");
  EXPECT_EQ(desk.state(), "firing 5");
  EXPECT_EQ(desk.feed(Epoch(1).missing(0, 1).ledger(6)), "resolved 11");
}

TEST(AlertRules, ALateEpochFiresWhatHasNoForAndClearsNothing) {
  AlertRule held = rule(AlertMetric::kPackets, 100);
  held.name = "held";
  held.for_ns = kPeriod;
  Desk desk({rule(AlertMetric::kPackets, 100), held});
  EXPECT_EQ(desk.feed(packets(5, 10)), "");
  EXPECT_EQ(desk.feed(packets(3, 200)), "firing 200");
  EXPECT_EQ(desk->alerts().size(), 1u);
  EXPECT_EQ(desk->alerts()[0].since_ns, kStart + 3 * kPeriod);
  EXPECT_EQ(desk.feed(packets(4, 10)), "");
  EXPECT_EQ(desk.feed(packets(6, 20)), "resolved 20");
  EXPECT_EQ(desk.feed(packets(7, 300)), "firing 300; firing 300");
  EXPECT_EQ(desk.feed(packets(2, 0)), "");
}

TEST(AlertRules, AnEpochOfTheFutureMakesNoneLate) {
  AlertRule r = rule(AlertMetric::kPackets, 100);
  r.for_ns = 2 * kPeriod;
  Desk desk(r);
  EXPECT_EQ(desk.feed(packets(0, 10)), "");
  EXPECT_EQ(desk.feed(packets(kFuture, 200)), "");
  EXPECT_EQ(desk.feed(packets(1, 201)), "");
  ASSERT_EQ(desk->alerts().size(), 1u);
  EXPECT_EQ(desk->alerts()[0].since_ns, kStart + kPeriod);
  EXPECT_EQ(desk.feed(packets(2, 202)), "firing 202");
  EXPECT_EQ(desk.feed(packets(kFuture, 202)), "");
  EXPECT_EQ(desk.feed(packets(1, 10)), "") << "late it is nevertheless";
  EXPECT_EQ(desk.state(), "firing 202");
  EXPECT_EQ(desk.feed(packets(3, 10)), "resolved 10");
}

TEST(AlertRules, AnEpochOfTheFutureClearsNoSooner) {
  AlertRule r = rule(AlertMetric::kPackets, 100);
  r.clear_for_ns = 2 * kPeriod;
  Desk desk(r);
  EXPECT_EQ(desk.feed(packets(0, 200)), "firing 200");
  EXPECT_EQ(desk.feed(packets(kFuture, 5)), "");
  EXPECT_EQ(desk.feed(packets(1, 6)), "");
  EXPECT_EQ(desk.feed(packets(2, 7)), "resolved 7");
}

TEST(AlertRules, WhatAnEpochOfTheFutureResolvedIsNoNewsOfThePastOnly) {
  Desk desk(rule(AlertMetric::kPackets, 100));
  EXPECT_EQ(desk.feed(packets(kNowNumber - 2, 200)), "firing 200");
  EXPECT_EQ(desk.feed(packets(kNowNumber - 1, 201)), "");
  EXPECT_EQ(desk.feed(packets(kFuture, 5)), "resolved 5");
  EXPECT_EQ(desk.feed(packets(kNowNumber - 2, 200)), "") << "comes again";
  EXPECT_EQ(desk.feed(packets(kNowNumber + 12, 10), kNow + 130 * kSecond), "");
  EXPECT_EQ(desk.feed(packets(kNowNumber + 11, 300), kNow + 130 * kSecond), "firing 300");
}

TEST(AlertRules, AProbeWhoseClockIsAheadIsJudgedNeverthelessAndNamed) {
  AlertRule r = rule(AlertMetric::kPackets, 100);
  r.for_ns = 2 * kPeriod;
  Desk desk(r);
  EXPECT_EQ(desk.feed(packets(kFuture, 200)), "");
  EXPECT_EQ(desk.feed(packets(kFuture + 1, 201)), "firing 201");
  EXPECT_EQ(desk.feed(packets(kFuture + 2, 5)), "resolved 5");
  EXPECT_EQ(
      desk->take_notes(),
      std::vector<std::string>{"alerts: ams/edge-1: its epochs end more than 60 s ahead of this machine's "
                               "clock: set right which is wrong; until then none of them counts as late"});
}

TEST(AlertRules, AnEpochThatEndsAMinuteAheadIsNoneOfTheFuture) {
  AlertRule r = rule(AlertMetric::kPackets, 100);
  r.for_ns = 2 * kPeriod;
  Desk at_most(r), ahead(r);
  at_most.feed(packets(kNowNumber + 5, 10));
  at_most.feed(packets(kNowNumber + 4, 200));
  EXPECT_EQ(at_most.state(), "");
  ahead.feed(packets(kNowNumber + 6, 10));
  ahead.feed(packets(kNowNumber + 4, 200));
  EXPECT_EQ(ahead.state(), "pending 200");
}

TEST(AlertRules, AnEpochThatComesAgainAfterItsAlertWasResolvedIsNoNews) {
  Desk desk(per_source(100));
  const auto sends = [](uint64_t epoch, uint64_t count) {
    return Epoch(epoch).flows({record(source(1), count)});
  };
  EXPECT_EQ(desk.feed(sends(1, 200)), "firing src_ip 10.0.0.1 200");
  EXPECT_EQ(desk.feed(sends(3, 10)), "resolved src_ip 10.0.0.1 10");
  EXPECT_EQ(desk.feed(sends(2, 300)), "");
  EXPECT_EQ(desk.feed(Epoch(2).flows({record(source(2), 300)})), "firing src_ip 10.0.0.2 300");
  EXPECT_EQ(desk.feed(sends(4, 400)), "resolved src_ip 10.0.0.2 0; firing src_ip 10.0.0.1 400");
}

TEST(AlertRules, ALateAmendmentAddsToItsOwnEpoch) {
  Desk desk(rule(AlertMetric::kPackets, 100));
  desk.feed(Epoch(0).missing(1).ledger(60));
  desk.feed(packets(1, 90));
  EXPECT_EQ(desk.feed(Epoch(0).missing(0, 1).ledger(50)), "firing 110");
  EXPECT_EQ(desk.feed(packets(2, 90)), "resolved 90");
}

TEST(AlertRules, ProbesDoNotDisturbOneAnother) {
  AlertRule r = rule(AlertMetric::kPackets, 100);
  r.for_ns = 2 * kPeriod;
  Desk desk(r);
  EXPECT_EQ(desk.feed(Epoch(0, "a").ledger(200)), "");
  EXPECT_EQ(desk.feed(Epoch(0, "b").ledger(1)), "");
  EXPECT_EQ(desk.feed(Epoch(9, "b").ledger(200)), "");
  EXPECT_EQ(desk.feed(Epoch(1, "a").ledger(201)), "firing 201");
  EXPECT_EQ(desk.state(), "firing 201; pending 200");
}

TEST(AlertRules, OfManyKeysTheLargestAreKeptAndTheRestIsCounted) {
  AlertRule r = per_source(100);
  r.max_keys = 3;
  Desk desk(r);
  std::vector<FlowRecord> records;
  for (uint32_t i = 1; i <= 10; ++i) records.push_back(record(source(i), 100 + i));
  const std::vector<AlertEvent> events = desk->on_epoch(Epoch(0).flows(records), kNow);
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[0].alert.value, 110);
  EXPECT_EQ(events[2].alert.value, 108);
  EXPECT_EQ(events[0].untracked, 7u);
  EXPECT_EQ(desk->counters().untracked_keys, 7u);
  EXPECT_EQ(desk->take_notes(),
            std::vector<std::string>{"alerts: rule r: more than 3 keys (max_keys) of ams/edge-1 "
                                     "are over the threshold: the largest are kept"});
  // One that clears makes room for the largest of those that were left out, from the next epoch on.
  records.erase(records.begin() + 9);
  EXPECT_EQ(desk.feed(Epoch(1).flows(records)), "resolved src_ip 10.0.0.10 0; firing src_ip 10.0.0.7 107");
}

TEST(AlertRules, ARiseLearnsOfTheLargestKeysOnly) {
  AlertRule r = per_source(0);
  r.rise = AlertRise{.factor = 2, .over_ns = 0, .over_epochs = 3, .at_least = 10};
  r.max_keys = 2;
  Desk desk(r);
  for (uint64_t i = 0; i < 3; ++i) desk.feed(Epoch(i).flows({record(source(1), 5), record(source(2), 6)}));
  for (uint64_t i = 3; i < 6; ++i) {
    desk.feed(Epoch(i).flows({record(source(1), 5), record(source(2), 6), record(source(3), 50)}));
  }
  EXPECT_EQ(
      desk.feed(Epoch(6).flows({record(source(1), 500), record(source(2), 600), record(source(3), 700)})),
      "firing src_ip 10.0.0.3 700; firing src_ip 10.0.0.2 600");
}

TEST(AlertRules, WhatIsMutedIsNotSaidUntilTheMuteIsOver) {
  Desk desk(rule(AlertMetric::kPackets, 100));
  desk.config().mutes = {
      {.rule = "r", .site = "*", .probe = "edge-*", .from_ns = kStart, .to_ns = kStart + 3 * kPeriod}};
  desk.start();
  EXPECT_EQ(desk.feed(packets(0, 200)), "");
  EXPECT_EQ(desk.state(), "firing 200");
  EXPECT_EQ(desk.feed(packets(1, 5)), "") << "nobody was told of it";
  EXPECT_EQ(desk.feed(packets(2, 300)), "");
  EXPECT_EQ(desk.feed(packets(3, 301)), "firing 301");
  EXPECT_EQ(desk.feed(packets(4, 302)), "");
  EXPECT_EQ(desk.feed(packets(5, 1)), "resolved 1");
  EXPECT_EQ(desk.feed(Epoch(1, "core-1").ledger(200)), "firing 200") << "not muted";
}

TEST(AlertRules, WhatFiresIsRepeatedWhereThatIsAskedFor) {
  AlertRule r = rule(AlertMetric::kPackets, 100);
  r.repeat_ns = 60 * kSecond;
  Desk desk(r);
  desk.feed(packets(0, 200));
  EXPECT_EQ(desk.tick(kNow + 59 * kSecond), "");
  EXPECT_EQ(desk.tick(kNow + 60 * kSecond), "firing 200");
  const std::vector<AlertEvent> again = desk->tick(kNow + 120 * kSecond);
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again[0].repeat, 2u);
  desk.feed(packets(1, 0));
  EXPECT_EQ(desk.tick(kNow + 500 * kSecond), "");
}

TEST(AlertMessages, OfOneRuleAndEpochAreOneMessageWithTheLargestKeys) {
  Desk desk(per_source(100));
  std::vector<FlowRecord> records;
  for (uint32_t i = 1; i <= 25; ++i) records.push_back(record(source(i), 100 + i));
  uint64_t last_id = 0;
  const std::vector<AlertMessage> messages =
      make_messages(desk->on_epoch(Epoch(0).flows(records), kNow), kNow, last_id);
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_EQ(messages[0].receiver, "ops");
  EXPECT_EQ(messages[0].summary,
            "warning firing: r on ams/edge-1: src_ip 10.0.0.25: 125 packets, above 100, and 24 more");
  const std::string& json = messages[0].json;
  const std::string start =
      R"({"type":"alert","id":")" + messages[0].id +
      R"(","time_ns":1800000000000000000,"rule":"r","severity":"warning","state":"firing","site":"ams",)"
      R"("probe":"edge-1","at_ns":1700000000000000000,"repeat":0,"summary":"warning firing: r on ams/edge-1: src_ip )"
      R"(10.0.0.25: 125 packets, above 100, and 24 more","note":"","count":25,"more":5,"untracked_keys":0,"alerts":[)"
      R"({"rule":"r","site":"ams","probe":"edge-1","key":{"src_ip":"10.0.0.25"},"state":"firing",)"
      R"("since_ns":1700000000000000000,"value":125,"threshold":100,"severity":"warning",)"
      R"("summary":"r on ams/edge-1: src_ip 10.0.0.25: 125 packets, above 100"},)";
  EXPECT_EQ(json.substr(0, start.size()), start);
  EXPECT_EQ(std::count(json.begin(), json.end(), '{'), 1 + 2 * 20);
  EXPECT_NE(messages[0].text.find("\nand 5 more\n"), std::string::npos) << messages[0].text;
}

TEST(AlertMessages, AreSeparateWhereTheyAreNotToBeGroupedAndForEachReceiver) {
  AlertRule r = per_source(100);
  r.group = false;
  r.receivers = {"ops", "mail"};
  Desk desk(r);
  uint64_t last_id = 0;
  const std::vector<AlertMessage> messages = make_messages(
      desk->on_epoch(Epoch(0).flows({record(source(1), 200), record(source(2), 300)}), kNow), kNow, last_id);
  ASSERT_EQ(messages.size(), 4u);
  EXPECT_EQ(messages[0].id, messages[1].id);
  EXPECT_NE(messages[0].id, messages[2].id);
  EXPECT_EQ(messages[1].receiver, "mail");
  EXPECT_EQ(messages[2].summary, "warning firing: r on ams/edge-1: src_ip 10.0.0.1: 200 packets, above 100");
}

TEST(AlertMessages, OfAKeyHaveItsFieldsByTheirNames) {
  ActiveAlert alert;
  alert.rule = "a \"b\"";
  alert.fields = fields("src_ip,dst_ip,src_port,dst_port,protocol,vlan");
  alert.key = flow(1, 2, 1024, 443, 17);
  alert.key.vlan = 7;
  alert.value = 2.0 / 3;
  EXPECT_EQ(
      alert_json(alert),
      R"({"rule":"a \"b\"","site":"","probe":"","key":{"src_ip":"10.0.0.1","dst_ip":"192.168.0.2",)"
      R"("src_port":1024,"dst_port":443,"protocol":17,"vlan":7},"state":"firing","since_ns":0,"value":0.667,)"
      R"("threshold":0,"severity":"warning","summary":"a \"b\" on /: src_ip 10.0.0.1, dst_ip 192.168.0.2, )"
      R"(src_port 1024, dst_port 443, protocol 17, vlan 7: 0.667 packets, above 0"})");
}

}  // namespace
}  // namespace netspectra

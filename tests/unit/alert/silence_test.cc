// Probes of which nothing comes.
#include "epochs.h"

namespace netspectra {
namespace {

AlertRule silence(uint64_t seconds) {
  AlertRule r = rule(AlertMetric::kSilence, 0);
  r.for_ns = seconds * kSecond;
  return r;
}

// A tick a second, as the engine gives them.
std::string wait(Desk& desk, uint64_t from_s, uint64_t to_s) {
  std::string all;
  for (uint64_t s = from_s; s <= to_s; ++s) {
    const std::string said = desk.tick(kNow + s * kSecond);
    if (!said.empty()) all += "at " + std::to_string(s) + ": " + said;
  }
  return all;
}

TEST(Silence, IsRaisedAfterItsTimeAndEndsWithTheNextEpoch) {
  Desk desk(silence(60));
  EXPECT_EQ(wait(desk, 1, 100), "") << "no probe is known";
  desk.feed(Epoch(0));
  EXPECT_EQ(wait(desk, 101, 300), "at 160: firing 60");
  EXPECT_EQ(desk.state(), "firing 200");
  EXPECT_EQ(desk->alerts()[0].since_ns, kNow + 100 * kSecond);
  EXPECT_EQ(desk.feed(Epoch(1, "edge-2")), "");
  EXPECT_EQ(desk.feed(Epoch(1)), "resolved 200");
  EXPECT_EQ(wait(desk, 301, 359), "");
}

TEST(Silence, OfAProbeThatIsNamedIsRaisedAlsoWhenItWasNeverHeard) {
  AlertRule r = silence(60);
  r.site = "ams";
  r.probe = "edge-9";
  Desk desk(r);
  EXPECT_EQ(wait(desk, 1, 100), "at 60: firing 60");
  EXPECT_EQ(desk.feed(Epoch(0, "edge-9")), "resolved 100");
}

TEST(Silence, IsNotRaisedByARestartNorByAPauseOfTheEngine) {
  Desk desk(silence(60));
  desk.feed(Epoch(0));
  EXPECT_EQ(wait(desk, 1, 30), "");
  EXPECT_EQ(desk.tick(kNow + 5000 * kSecond), "") << "nothing was listened to in between: 10 s of it count";
  EXPECT_EQ(wait(desk, 5001, 5019), "");
  desk.restart(kNow + 9000 * kSecond);
  EXPECT_EQ(wait(desk, 9001, 9100), "at 9060: firing 60");
}

TEST(Silence, ThatWasSaidIsNotSaidAgainAfterARestart) {
  Desk desk(silence(60));
  desk.feed(Epoch(0));
  EXPECT_EQ(wait(desk, 1, 70), "at 60: firing 60");
  desk.restart(kNow + 100 * kSecond);
  EXPECT_EQ(wait(desk, 101, 300), "");
  EXPECT_EQ(desk.state(), "firing 300");
  EXPECT_EQ(desk.feed(Epoch(1)), "resolved 300");
}

TEST(Silence, IsMutedByTheWallClock) {
  Desk desk(silence(60));
  desk.config().mutes = {{.from_ns = kNow, .to_ns = kNow + 200 * kSecond}};
  desk.start();
  desk.feed(Epoch(0));
  EXPECT_EQ(wait(desk, 1, 300), "at 200: firing 200");
}

TEST(Silence, OfSevenDaysMakesAProbeForgotten) {
  Desk desk({silence(60), [] {
               AlertRule r = rule(AlertMetric::kPackets, 100);
               r.name = "packets";
               return r;
             }()});
  desk.feed(Epoch(0).ledger(200));
  std::string said;
  std::vector<std::string> notes;
  for (uint64_t s = 10; s <= 7 * 86'400 + 10; s += 10) {
    for (const AlertEvent& event : desk->tick(kNow + s * kSecond)) {
      said += event.alert.rule + " " + kAlertStateNames[static_cast<size_t>(event.alert.state)] + "; ";
      notes.push_back(event.note);
    }
  }
  EXPECT_EQ(said, "r firing; r resolved; packets resolved; ");
  EXPECT_EQ(notes.back(), "nothing has come from the probe for 7 days: it is forgotten");
  EXPECT_EQ(desk.state(), "");
}

}  // namespace
}  // namespace netspectra

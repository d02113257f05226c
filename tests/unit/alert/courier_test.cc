// Delivery, to servers that are there, slow, broken, or away.
#include "alert/courier.h"

#include <cstdlib>

#include "alert/alert_desk.h"
#include "alert/post.h"
#include "sinks.h"

namespace netspectra {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Courier::Backoff kFast{milliseconds(5), milliseconds(20)};

uint64_t wall_ns() {
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                   std::chrono::system_clock::now().time_since_epoch())
                                   .count());
}

AlertMessage message(const std::string& id, const std::string& receiver = "ops") {
  return {id, receiver, wall_ns(), "warning firing: r", "r on ams/edge-1\n", "{\"id\":\"" + id + "\"}"};
}

AlertReceiver webhook(const std::string& url) {
  AlertReceiver receiver;
  receiver.name = "ops";
  receiver.kind = ReceiverKind::kWebhook;
  receiver.url = url;
  return receiver;
}

AlertReceiver mail(uint16_t port, MailTls tls = MailTls::kNone) {
  AlertReceiver receiver;
  receiver.name = "ops";
  receiver.kind = ReceiverKind::kEmail;
  receiver.host = "127.0.0.1";
  receiver.port = port;
  receiver.tls = tls;
  receiver.from = "netspectra@example.net";
  receiver.to = {"a@example.net", "b@example.net"};
  return receiver;
}

const Courier::Log kNoLog = [](const std::string& line) { ADD_FAILURE() << line; };

Courier::Counters counters(const Courier& courier) { return courier.counters().at(0); }

bool settles(const Courier& courier, uint64_t count) {
  return comes_true([&] { return courier.settled() >= count; });
}

TEST(Webhook, IsPostedWithItsIdTokenAndSignature) {
  const HttpSink sink;
  AlertReceiver receiver = webhook(sink.url());
  receiver.token = "t0ken";
  receiver.secret = "key";
  Courier courier({receiver}, kNoLog);
  courier.post({message("id-1")});
  ASSERT_TRUE(settles(courier, 1));
  ASSERT_EQ(sink.requests().size(), 1u);
  const HttpRequest request = sink.requests()[0];
  EXPECT_EQ(request.head.substr(0, request.head.find("\r\n")), "POST /hook HTTP/1.1");
  EXPECT_EQ(request.body, "{\"id\":\"id-1\"}");
  EXPECT_EQ(request.header("Content-Type"), "application/json");
  EXPECT_EQ(request.header("X-NetSpectra-Id"), "id-1");
  EXPECT_EQ(request.header("Authorization"), "Bearer t0ken");
  EXPECT_EQ(request.header("X-NetSpectra-Signature"), signature("key", request.body));
  EXPECT_EQ(counters(courier).delivered, 1u);
  EXPECT_TRUE(courier.undelivered().empty());
}

TEST(Webhook, SignatureIsHmacSha256) {
  // The well-known value of this key and text.
  EXPECT_EQ(signature("key", "The quick brown fox jumps over the lazy dog"),
            "sha256=f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8");
}

TEST(Webhook, ThatAnswersWithAnErrorIsTriedAgainInOrderAndTold) {
  const HttpSink sink({500, 503, 200});
  Courier courier({webhook(sink.url())}, kNoLog, kFast);
  courier.post({message("id-1"), message("id-2")});
  ASSERT_TRUE(settles(courier, 2));
  std::vector<std::string> ids;
  for (const HttpRequest& request : sink.requests()) ids.push_back(request.header("X-NetSpectra-Id"));
  EXPECT_EQ(ids, (std::vector<std::string>{"id-1", "id-1", "id-1", "id-2"}));
  EXPECT_EQ(counters(courier).attempts, 4u);
  EXPECT_EQ(counters(courier).delivered, 2u);
  EXPECT_EQ(counters(courier).failed, 0u);
  EXPECT_EQ(courier.take_notes(),
            (std::vector<std::string>{"alerts: receiver ops: answered with status 500; is tried again",
                                      "alerts: receiver ops: delivers again"}));
}

TEST(Webhook, ThatRefusesAMessageForWhatItIsDoesNotGetItAgain) {
  const HttpSink sink({400, 200});
  Courier courier({webhook(sink.url())}, kNoLog, kFast);
  courier.post({message("id-1"), message("id-2")});
  ASSERT_TRUE(settles(courier, 2));
  EXPECT_EQ(counters(courier).failed, 1u);
  EXPECT_EQ(counters(courier).delivered, 1u);
  EXPECT_EQ(courier.take_notes()[0],
            "alerts: receiver ops: gave up id-1 (warning firing: r): answered with status 400");
}

TEST(Webhook, ThatIsAwayIsTriedUntilTheMessageIsTooOld) {
  AlertReceiver receiver = webhook("http://127.0.0.1:" + std::to_string(closed_port()) + "/secret-path");
  receiver.give_up_ns = 200'000'000;
  Courier courier({receiver}, kNoLog, kFast);
  courier.post({message("id-1")});
  ASSERT_TRUE(settles(courier, 1));
  EXPECT_GT(counters(courier).attempts, 2u);
  EXPECT_EQ(counters(courier).failed, 1u);
  for (const std::string& note : courier.take_notes()) {
    EXPECT_EQ(note.find("secret-path"), std::string::npos) << note;
  }
}

TEST(Webhook, ThatIsSlowDelaysOnlyItself) {
  const HttpSink slow({0}), quick;
  AlertReceiver late = webhook(slow.url());
  late.name = "late";
  late.timeout_ns = 200'000'000;
  Courier courier({late, webhook(quick.url())}, kNoLog, kFast);
  courier.post({message("id-1", "late"), message("id-1"), message("id-2")});
  ASSERT_TRUE(quick.gets(2));
  ASSERT_TRUE(slow.gets(2)) << "it is not tried again after the timeout";
  EXPECT_EQ(courier.counters()[0].delivered, 0u);
  EXPECT_TRUE(comes_true([&] { return courier.undelivered().size() == 1; }));
  EXPECT_NE(courier.take_notes()[0].find("alerts: receiver late: "), std::string::npos);
}

TEST(Courier, StopsInTimeAndKeepsWhatIsUndelivered) {
  const HttpSink slow({0});
  Courier courier({webhook(slow.url())}, kNoLog);
  courier.post({message("id-1"), message("id-2")});
  ASSERT_TRUE(slow.gets(1));
  const auto began = std::chrono::steady_clock::now();
  courier.stop(milliseconds(100));
  EXPECT_LT(std::chrono::steady_clock::now() - began, seconds(8)) << "its timeout is 10 s";
  const std::vector<AlertMessage> left = courier.undelivered();
  ASSERT_EQ(left.size(), 2u);
  EXPECT_EQ(left[0].id, "id-1");
  EXPECT_EQ(counters(courier).failed, 0u);
}

TEST(Courier, DeliversWhatItCanBeforeItStops) {
  const HttpSink sink;
  Courier courier({webhook(sink.url())}, kNoLog);
  for (int i = 0; i < 20; ++i) courier.post({message("id-" + std::to_string(i))});
  courier.stop(seconds(30));
  EXPECT_EQ(sink.requests().size(), 20u);
  EXPECT_TRUE(courier.undelivered().empty());
}

TEST(Courier, DropsWhatFindsNoRoomAndCountsIt) {
  const HttpSink slow({0});
  Courier courier({webhook(slow.url())}, kNoLog);
  for (size_t i = 0; i < Courier::kMaxQueued + 5; ++i) courier.post({message("id")});
  EXPECT_EQ(counters(courier).dropped, 5u);
  EXPECT_EQ(counters(courier).queued, Courier::kMaxQueued);
}

TEST(Courier, TellsTheLogAtOnceAndNamesReceiversThatAreGone) {
  std::vector<std::string> lines;
  AlertReceiver log;
  log.name = "ops";
  Courier courier({log}, [&](const std::string& line) { lines.push_back(line); });
  courier.post({message("id-1"), message("id-2", "gone")});
  EXPECT_EQ(lines, std::vector<std::string>{"alert id-1: warning firing: r"});
  EXPECT_EQ(courier.take_notes(),
            std::vector<std::string>{
                "alerts: gave up id-2 (warning firing: r): there is no receiver gone any more"});
}

TEST(Mail, ReachesItsAddresses) {
  if (!SmtpSink::installed()) GTEST_SKIP() << "aiosmtpd is not installed";
  const SmtpSink sink;
  Courier courier({mail(sink.port())}, kNoLog, kFast);
  AlertMessage first = message("id-1");
  first.summary = "warning firing: r on ams\r\nBcc: x@example.net";
  first.text = "one line\n.\nand the last\n";
  courier.post({first, message("id-2")});
  ASSERT_TRUE(settles(courier, 2));
  const std::string got = sink.mail(1);
  EXPECT_EQ(got.substr(0, got.find('\n')),
            "netspectra@example.net -> a@example.net,b@example.net tls=False login=False");
  EXPECT_NE(got.find("\r\nSubject: [netspectra] warning firing: r on ams??Bcc: x@example.net\r\n"),
            std::string::npos)
      << got;
  EXPECT_NE(got.find("\r\nMessage-ID: <id-1@netspectra>\r\n"), std::string::npos) << got;
  EXPECT_NE(got.find("\r\n\r\none line\r\n.\r\nand the last\r\n\r\nid-1\r\n"), std::string::npos) << got;
  EXPECT_NE(sink.mail(2).find("id-2"), std::string::npos);
  EXPECT_EQ(counters(courier).delivered, 2u);
}

TEST(Mail, ToSomebodyUnknownIsGivenUp) {
  if (!SmtpSink::installed()) GTEST_SKIP() << "aiosmtpd is not installed";
  const SmtpSink sink;
  AlertReceiver receiver = mail(sink.port());
  receiver.to = {"nobody@example.net"};
  Courier courier({receiver}, kNoLog, kFast);
  courier.post({message("id-1")});
  ASSERT_TRUE(settles(courier, 1));
  EXPECT_EQ(counters(courier).failed, 1u);
  EXPECT_EQ(counters(courier).attempts, 1u);
}

TEST(Mail, IsNotSentInTheClearWhereEncryptionIsAskedForAndNotOffered) {
  if (!SmtpSink::installed()) GTEST_SKIP() << "aiosmtpd is not installed";
  const SmtpSink sink;
  AlertReceiver receiver = mail(sink.port(), MailTls::kStarttls);
  receiver.user = "u";
  receiver.password = "p";
  Courier courier({receiver}, kNoLog, kFast);
  courier.post({message("id-1")});
  ASSERT_TRUE(comes_true([&] { return counters(courier).attempts >= 3; }));
  EXPECT_EQ(courier.undelivered().size(), 1u);
  EXPECT_TRUE(sink.has_none());
  const std::vector<std::string> notes = courier.take_notes();
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_NE(notes[0].find("STARTTLS"), std::string::npos) << notes[0];
}

TEST(Mail, LogsInOverStarttlsWhereTheCertificateIsTrusted) {
  if (!SmtpSink::installed()) GTEST_SKIP() << "aiosmtpd is not installed";
  const TempDir dir;
  const std::string make =
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=127.0.0.1 "
      "-addext subjectAltName=IP:127.0.0.1 -keyout " +
      dir.file("key.pem") + " -out " + dir.file("cert.pem") + " 2>/dev/null";
  ASSERT_EQ(std::system(make.c_str()), 0);  // NOLINT
  const SmtpSink sink({"--tls", dir.file("cert.pem"), dir.file("key.pem"), "--login", "u", "p"});
  AlertReceiver good = mail(sink.port(), MailTls::kStarttls);
  good.ca_file = dir.file("cert.pem");
  good.user = "u";
  good.password = "p";
  AlertReceiver distrusting = good, mistaken = good;
  distrusting.name = "distrusting";
  distrusting.ca_file.clear();
  mistaken.name = "mistaken";
  mistaken.password = "wrong";
  Courier courier({good, distrusting, mistaken}, kNoLog, kFast);
  courier.post({message("id-1", "distrusting"), message("id-1", "mistaken")});
  ASSERT_TRUE(
      comes_true([&] { return courier.counters()[1].attempts >= 2 && courier.counters()[2].attempts >= 2; }));
  EXPECT_TRUE(sink.has_none());
  courier.post({message("id-2")});
  const std::string got = sink.mail(1);
  EXPECT_EQ(got.substr(0, got.find('\n')),
            "netspectra@example.net -> a@example.net,b@example.net tls=True login=True");
  EXPECT_TRUE(comes_true([&] { return courier.undelivered().size() == 2; }))
      << "the sink has it before its answer is read";
  for (const std::string& note : courier.take_notes())
    EXPECT_EQ(note.find("wrong"), std::string::npos) << note;
}

AlertConfig desk_config(const TempDir& dir, const AlertReceiver& receiver) {
  AlertConfig config;
  config.state_file = dir.file("alerts.state");
  config.receivers = {receiver};
  config.rules = {rule(AlertMetric::kPackets, 100)};
  return config;
}

TEST(AlertDesk, DeliversAfterARestartWhatWasUndeliveredWithTheSameId) {
  const TempDir dir;
  const Courier::Log quiet = [](const std::string&) {};
  std::string id;
  {
    const AlertReceiver away = webhook("http://127.0.0.1:" + std::to_string(closed_port()));
    auto desk = AlertDesk::open(desk_config(dir, away), wall_ns(), quiet, kFast);
    ASSERT_TRUE(desk.ok()) << desk.status();
    (*desk)->on_epoch(Epoch(0).ledger(200), wall_ns());
    id = read_saved_alerts(content_of(dir.file("alerts.state")))->messages.at(0).id;
    // No close(): killed.
  }
  const HttpSink sink;
  auto desk = AlertDesk::open(desk_config(dir, webhook(sink.url())), wall_ns(), quiet, kFast);
  ASSERT_TRUE(desk.ok()) << desk.status();
  ASSERT_TRUE(sink.gets(1));
  EXPECT_EQ(sink.requests()[0].header("X-NetSpectra-Id"), id);
  (*desk)->on_epoch(Epoch(1).ledger(200), wall_ns());
  (*desk)->on_epoch(Epoch(2).ledger(1), wall_ns());
  ASSERT_TRUE(sink.gets(2));
  EXPECT_NE(sink.requests()[1].body.find("\"state\":\"resolved\""), std::string::npos)
      << sink.requests()[1].body;
  (*desk)->close();
  EXPECT_EQ(sink.requests().size(), 2u);
  EXPECT_TRUE(read_saved_alerts(content_of(dir.file("alerts.state")))->messages.empty());
}

TEST(AlertDesk, TakesWhatWasDeliveredOutOfTheFileWithinSeconds) {
  const TempDir dir;
  const HttpSink sink;
  const uint64_t now_ns = wall_ns();
  auto desk = AlertDesk::open(
      desk_config(dir, webhook(sink.url())), now_ns, [](const std::string&) {}, kFast);
  ASSERT_TRUE(desk.ok()) << desk.status();
  (*desk)->on_epoch(Epoch(0).ledger(200), now_ns);
  ASSERT_TRUE(comes_true([&] { return (*desk)->deliveries()[0].delivered == 1; }));
  EXPECT_EQ(read_saved_alerts(content_of(dir.file("alerts.state")))->messages.size(), 1u);
  (*desk)->tick(now_ns + AlertDesk::kSaveEveryNs);
  EXPECT_TRUE(read_saved_alerts(content_of(dir.file("alerts.state")))->messages.empty());
}

}  // namespace
}  // namespace netspectra

#include <gtest/gtest.h>

#include <cstdlib>

#include "bus/nats_link.h"
#include "bus/publisher.h"
#include "messages.h"
#include "nats_server.h"
#include "nkeys.h"

namespace netspectra {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr char kPassword[] = "authorization { user: probe, password: s3cret-word }";
constexpr char kToken[] = "authorization { token: t0ken-word }";

void write_file(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

void expect_delivery(const NatsConfig& config) {
  auto publisher = open_publisher(config);
  ASSERT_NE(publisher, nullptr);
  publish(*publisher, 0, 0, 100);
  EXPECT_TRUE(publisher->flush(seconds(60))) << events_text(*publisher);
  EXPECT_TRUE(publisher->stats().connected);
}

// One line that names the server and what is wrong, and no secret.
void expect_refusal(const NatsConfig& config, const NatsServer& server, const std::string& login) {
  const auto publisher = Publisher::open(config);
  EXPECT_EQ(publisher.status().code(), absl::StatusCode::kPermissionDenied) << publisher.status();
  const std::string message(publisher.status().message());
  EXPECT_TRUE(contains(message, server.url() + ": login refused with " + login)) << message;
  EXPECT_FALSE(contains(message, "-word")) << message;
  EXPECT_FALSE(contains(message, "\n")) << message;
}

TEST(Login, WithUserAndPassword) {
  NatsServer server(true, kPassword);
  server.start();
  NatsConfig config = server.config();
  config.user = "probe";
  config.password = "s3cret-word";
  expect_delivery(config);
  config.password = "wr0ng-word";
  expect_refusal(config, server, "user 'probe'");
  EXPECT_FALSE(Subscriber::open(config, "netspectra.v1.>", true).ok());
  expect_refusal(server.config(), server, "no login");
}

TEST(Login, InTheUrlIsUsedAndNeverShown) {
  NatsServer server(true, kPassword);
  NatsConfig config = server.config();
  config.urls = {server.url("probe:s3cret-word@")};
  auto waiting = open_publisher(config);
  const std::string events = events_text(*waiting);
  EXPECT_TRUE(contains(events, server.url())) << events;
  EXPECT_FALSE(contains(events, "word")) << events;
  server.start();
  auto publisher = open_publisher(config);
  publish(*publisher, 0, 0, 100);
  EXPECT_TRUE(publisher->flush(seconds(60)));
  EXPECT_FALSE(contains(events_text(*publisher), "word"));
  config.urls = {server.url("probe:wr0ng-word@")};
  expect_refusal(config, server, "the login in the URL");
}

TEST(Login, WithAToken) {
  NatsServer server(true, kToken);
  server.start();
  NatsConfig config = server.config();
  config.token = "t0ken-word";
  expect_delivery(config);
  config.token = "wr0ng-word";
  expect_refusal(config, server, "the token");
}

TEST(Login, WithAnNKey) {
  const NKey key(NKey::kUser);
  NatsServer server(true, "authorization { users: [ { nkey: " + key.public_key() + " } ] }");
  server.start();
  NatsConfig config = server.config();
  config.nkey_seed_file = server.dir() + "/probe.nk";
  write_file(config.nkey_seed_file, key.seed() + "\n");
  expect_delivery(config);
  write_file(config.nkey_seed_file, NKey(NKey::kUser).seed());
  expect_refusal(config, server, "nkey seed file " + config.nkey_seed_file);
}

// One signature in 256 begins with a zero byte, and no login may depend on that.
TEST(Login, WithAnNKeySucceedsEachTime) {
  const NKey key(NKey::kUser);
  NatsServer server(true, "authorization { users: [ { nkey: " + key.public_key() + " } ] }");
  server.start();
  NatsConfig config = server.config();
  config.nkey_seed_file = server.dir() + "/probe.nk";
  write_file(config.nkey_seed_file, key.seed() + "\n");
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(NatsLink::connect(config).ok()) << "connection " << i;
}

TEST(Login, WithACredentialsFile) {
  const NKey op(NKey::kOperator), account(NKey::kAccount), user(NKey::kUser);
  const std::string unlimited = R"("subs":-1,"data":-1,"payload":-1)";
  const std::string operator_jwt = op.jwt(op.public_key(), R"({"type":"operator","version":2})");
  const std::string account_jwt = op.jwt(
      account.public_key(), R"({"limits":{)" + unlimited +
                                R"(,"imports":-1,"exports":-1,"wildcards":true,"conn":-1,"leaf":-1},)" +
                                R"("type":"account","version":2})");
  const std::string user_jwt =
      account.jwt(user.public_key(), "{" + unlimited + R"(,"pub":{},"sub":{},"type":"user","version":2})");
  NatsServer server(false, "operator: " + operator_jwt + "\nresolver: MEMORY\nresolver_preload: { " +
                               account.public_key() + ": " + account_jwt + " }");
  server.start();
  NatsConfig config = server.config();
  config.credentials_file = server.dir() + "/probe.creds";
  const auto write_credentials = [&](const std::string& seed) {
    write_file(config.credentials_file,
               "-----BEGIN NATS USER JWT-----\n" + user_jwt +
                   "\n------END NATS USER JWT------\n\n-----BEGIN USER NKEY SEED-----\n" + seed +
                   "\n------END USER NKEY SEED------\n");
  };
  write_credentials(user.seed());
  expect_delivery(config);
  write_credentials(NKey(NKey::kUser).seed());
  expect_refusal(config, server, "credentials file " + config.credentials_file);
}

TEST(Login, ThatIsRefusedLaterIsAnEventAndTheMessagesWait) {
  NatsServer server(true, kPassword);
  server.start();
  NatsConfig config = server.config();
  config.user = "probe";
  config.password = "s3cret-word";
  auto publisher = open_publisher(config);
  server.kill();
  server.configure(true, "authorization { user: probe, password: other }");
  server.start();
  publish(*publisher, 0, 0, 100);
  EXPECT_FALSE(publisher->flush(seconds(1)));
  const std::string events = events_text(*publisher);
  EXPECT_TRUE(contains(events, "connection to " + server.url() + " lost")) << events;
  EXPECT_TRUE(contains(events, "login refused with user 'probe'")) << events;
  EXPECT_EQ(events.find("refused"), events.rfind("refused")) << "told with each attempt: " << events;
  server.kill();
  server.configure(true, kPassword);
  server.start();
  EXPECT_TRUE(publisher->flush(seconds(60)));
}

TEST(Login, MistakesOfTheConfigurationAreNamed) {
  const auto message_of = [](const NatsConfig& config) {
    const auto publisher = Publisher::open(config);
    return std::string(publisher.status().message());
  };
  NatsConfig config;
  for (const std::string url :
       {"http://host:4222", "nats://", "nats://host:port", "nats://host:70000", "nats://a b"}) {
    config.urls = {url};
    EXPECT_TRUE(contains(message_of(config), "'" + url + "' is not of the form"))
        << url << ": " << message_of(config);
  }
  config.urls = {"nats://probe:s3cret-word@host:x"};
  EXPECT_TRUE(contains(message_of(config), "'nats://host:x'")) << message_of(config);
  config = {};
  config.user = config.token = "x";
  EXPECT_TRUE(contains(message_of(config), "more than one way to log in"));
  config = {};
  config.credentials_file = "/nowhere/probe.creds";
  EXPECT_TRUE(contains(message_of(config), "/nowhere/probe.creds: No such file")) << message_of(config);
  TempDir dir;
  config = {};
  config.nkey_seed_file = dir.path() + "/seed";
  write_file(config.nkey_seed_file, NKey(NKey::kAccount).seed());
  EXPECT_TRUE(contains(message_of(config), "holds no user seed")) << message_of(config);
}

// A CA of our own, and a certificate for localhost and 127.0.0.1, in `dir`.
void make_certificates(const std::string& dir) {
  const std::string command =
      "cd " + dir +
      " && { "
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout ca.key -out ca.pem "
      "-days 2 "
      "-subj /CN=test-ca && "
      "openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem -out server.csr "
      "-subj /CN=localhost && "
      "printf 'subjectAltName=DNS:localhost,IP:127.0.0.1' > ext && "
      "openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile ext -out "
      "cert.pem; "
      "} >/dev/null 2>&1";
  ASSERT_EQ(std::system(command.c_str()), 0) << command;
}

TEST(Tls, IsUsedAndVerified) {
  TempDir certificates, others;
  make_certificates(certificates.path());
  make_certificates(others.path());
  const std::string& dir = certificates.path();
  const std::string server_tls =
      "tls { cert_file: \"" + dir + "/cert.pem\", key_file: \"" + dir + "/key.pem\"";
  NatsServer server(true, server_tls + " }");
  server.start();
  NatsConfig config = server.config();
  config.urls = {"tls://localhost:" + std::to_string(server.port())};
  config.tls.ca_file = dir + "/ca.pem";
  expect_delivery(config);
  config.urls = {"tls://127.0.0.1:" + std::to_string(server.port())};
  expect_delivery(config);

  config.tls.ca_file = others.path() + "/ca.pem";
  const auto distrusted = Publisher::open(config);
  EXPECT_EQ(distrusted.status().code(), absl::StatusCode::kFailedPrecondition) << distrusted.status();
  EXPECT_TRUE(contains(std::string(distrusted.status().message()), "TLS: ")) << distrusted.status();

  const auto plain = Publisher::open(server.config());
  EXPECT_EQ(plain.status().code(), absl::StatusCode::kFailedPrecondition) << plain.status();

  // A server that wants to see a certificate of ours.
  server.kill();
  server.configure(true, server_tls + ", ca_file: \"" + dir + "/ca.pem\", verify: true }");
  server.start();
  config.tls = {true, dir + "/ca.pem", dir + "/cert.pem", dir + "/key.pem"};
  expect_delivery(config);
}

}  // namespace
}  // namespace netspectra

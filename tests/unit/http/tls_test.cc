#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "http/server.h"
#include "http_client.h"

namespace netspectra {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

std::string request(const std::string& path, const std::string& more = "Authorization: Bearer secret\r\n") {
  return "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n" + more + "\r\n";
}

class TlsTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/http_tls_XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    folder_ = name;
    make_certificate("server");
    config_.address = "127.0.0.1:0";
    config_.token = "secret";
    config_.tls_certificate = folder_ / "server.crt";
    config_.tls_key = folder_ / "server.key";
    SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
    ASSERT_EQ(SSL_CTX_load_verify_locations(context_.get(), config_.tls_certificate.c_str(), nullptr), 1);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void make_certificate(const std::string& name, const std::string& key = "-nodes") {
    const std::string at = (folder_ / name).string();
    const std::string command =
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -days 2 -subj /CN=localhost " + key +
        " -keyout " + at + ".key -out " + at + ".crt 2>" + at + ".log";
    ASSERT_EQ(std::system(command.c_str()), 0) << command;
  }
  absl::Status start() {
    auto server = HttpServer::start(config_, [](const HttpRequest& asked) {
      HttpResponse response;
      response.listen = asked.path == "/live";
      response.body = asked.path == "/large" ? std::string(3'000'000, 'x') : asked.path + "\n\n";
      return response;
    });
    if (!server.ok()) return server.status();
    server_ = *std::move(server);
    return absl::OkStatus();
  }
  std::string error() {
    const absl::Status status = start();
    return std::string(status.message());
  }

  std::filesystem::path folder_;
  HttpConfig config_;
  std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context_{SSL_CTX_new(TLS_client_method()), SSL_CTX_free};
  std::unique_ptr<HttpServer> server_;
};

TEST_F(TlsTest, SpeaksTheSameHttpBehindACertificate) {
  ASSERT_TRUE(start().ok());
  HttpClient client(server_->port(), context_.get());
  ASSERT_TRUE(client.handshaken());
  EXPECT_THAT(client.ask(request("/a")), AllOf(StartsWith("HTTP/1.1 200 OK\r\n"), EndsWith("/a\n\n")));
  EXPECT_EQ(client.ask(request("/large")).size() / 1'000'000, 3u);
  client.send_text(request("/1") + request("/2"));
  EXPECT_THAT(client.read_answer(), EndsWith("/1\n\n"));
  EXPECT_THAT(client.read_answer(), EndsWith("/2\n\n"));
  client.send_text(request("/a", "Authorization: Bearer wrong\r\n"));
  EXPECT_THAT(client.read_all(), StartsWith("HTTP/1.1 401 "));
  HttpClient long_header(server_->port(), context_.get());
  long_header.send_text(request("/" + std::string(9'000, 'x')));
  EXPECT_THAT(long_header.read_all(), StartsWith("HTTP/1.1 414 "));
}

TEST_F(TlsTest, SendsEventsAndGivesSlowRequestsUp) {
  config_.request_time = std::chrono::milliseconds(300);
  ASSERT_TRUE(start().ok());
  HttpClient listener(server_->port(), context_.get());
  listener.send_text(request("/live"));
  EXPECT_THAT(listener.read_until("/live\n\n"), HasSubstr("text/event-stream"));
  ASSERT_TRUE(eventually([this] { return server_->stats().listeners == 1; }));
  server_->publish("a", std::string(100'000, 'x'));
  EXPECT_EQ(listener.read_until("\n\n"), "event: a\ndata: " + std::string(100'000, 'x') + "\n\n");
  HttpClient slow(server_->port(), context_.get());
  slow.send_text("GET /");
  EXPECT_THAT(slow.read_all(), StartsWith("HTTP/1.1 408 "));
  HttpClient no_tls(server_->port());
  no_tls.send_text(request("/a"));
  EXPECT_EQ(no_tls.read_all().find("HTTP/1.1 200"), std::string::npos);
  HttpClient hanging(server_->port());  // never begins its handshake
  EXPECT_EQ(hanging.read_all(), "");
}

TEST_F(TlsTest, RefusesVersionsBefore12) {
  ASSERT_TRUE(start().ok());
  SSL_CTX_set_security_level(context_.get(), 0);
  SSL_CTX_set_min_proto_version(context_.get(), TLS1_VERSION);
  SSL_CTX_set_max_proto_version(context_.get(), TLS1_1_VERSION);
  EXPECT_FALSE(HttpClient(server_->port(), context_.get()).handshaken());
  SSL_CTX_set_max_proto_version(context_.get(), TLS1_2_VERSION);
  EXPECT_TRUE(HttpClient(server_->port(), context_.get()).handshaken());
}

TEST_F(TlsTest, ListensBeyondLoopbackWithATokenAndACertificateOnly) {
  config_.address = "0.0.0.0:0";
  ASSERT_TRUE(start().ok());
  HttpClient client(server_->port(), context_.get());
  client.send_text("GET /a HTTP/1.1\r\nHost: engine.example\r\nAuthorization: Bearer secret\r\n\r\n");
  EXPECT_THAT(client.read_answer(), StartsWith("HTTP/1.1 200 "));
  config_.token = "";
  EXPECT_THAT(error(), HasSubstr("give it a token"));
}

TEST_F(TlsTest, NamesTheFileThatCannotBeUsed) {
  make_certificate("other");
  make_certificate("locked", "-passout pass:x");
  std::ofstream(folder_ / "rubbish") << "rubbish";
  const std::string certificate = config_.tls_certificate, key = config_.tls_key;
  config_.tls_key = "";
  EXPECT_EQ(error(), "TLS needs both a certificate and a key");
  config_.tls_key = folder_ / "missing";
  EXPECT_EQ(error(), "TLS key " + config_.tls_key + ": No such file or directory");
  config_.tls_key = folder_ / "other.key";
  EXPECT_THAT(error(), AllOf(StartsWith("TLS key " + config_.tls_key + ": "), HasSubstr("mismatch")));
  config_.tls_key = folder_ / "locked.key";
  EXPECT_THAT(error(), StartsWith("TLS key " + config_.tls_key + ": "));
  config_.tls_key = folder_ / "rubbish";
  EXPECT_THAT(error(), StartsWith("TLS key " + config_.tls_key + ": "));
  config_.tls_key = key;
  config_.tls_certificate = folder_ / "rubbish";
  EXPECT_THAT(error(), StartsWith("TLS certificate " + config_.tls_certificate + ": "));
  config_.tls_certificate = certificate;
  EXPECT_EQ(error(), "");
}

TEST_F(TlsTest, StopsWithHandshakesAndListenersOpen) {
  ASSERT_TRUE(start().ok());
  HttpClient hanging(server_->port()), listener(server_->port(), context_.get());
  hanging.send_text("\x16\x03\x01");
  listener.send_text(request("/live"));
  listener.read_until("/live\n\n");
  server_.reset();
  EXPECT_EQ(hanging.read_all(), "");
}

}  // namespace
}  // namespace netspectra

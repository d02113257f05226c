// The parts that need no socket.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "http/access.h"
#include "http/admission.h"
#include "http/answer_text.h"
#include "http/event_queue.h"
#include "http/listen_address.h"
#include "http/request_target.h"

namespace netspectra {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;
using namespace std::string_literals;

std::string decoded(const std::string& text) {
  std::string result;
  return percent_decode(text, result) ? result : "<refused>";
}

TEST(PercentDecode, GivesEveryByteAndRefusesWhatIsNoPairOfDigits) {
  EXPECT_EQ(decoded("a%20b%2Fc%2fd"), "a b/c/d");
  EXPECT_EQ(decoded("%00%ff%80"), "\0\xff\x80"s);
  EXPECT_EQ(decoded("%252e"), "%2e");
  EXPECT_EQ(decoded("+"), "+");
  for (const char* text : {"%", "%2", "a%", "%2g", "%g2", "%%20", "% 2", "%-1", "%+1", "%0x", "%\xff\xff"})
    EXPECT_EQ(decoded(text), "<refused>") << text;
  EXPECT_EQ(decoded("%\0\0"s), "<refused>");
}

TEST(RequestTarget, IsAPlainPathAndItsParameters) {
  const auto target = parse_target("/api/v1/top?task=a%20b&where=x+%2B+y&empty=&flag&&=v&a=b=c");
  ASSERT_TRUE(target.ok());
  EXPECT_EQ(target->path, "/api/v1/top");
  EXPECT_THAT(target->query, ElementsAre(Pair("task", "a b"), Pair("where", "x + y"), Pair("empty", ""),
                                         Pair("flag", ""), Pair("", "v"), Pair("a", "b=c")));
  EXPECT_EQ(parse_target("/")->path, "/");
  EXPECT_EQ(parse_target("/a/")->path, "/a/");
  EXPECT_EQ(parse_target("/a+b")->path, "/a+b");
  EXPECT_EQ(parse_target("/..a/b..%252e")->path, "/..a/b..%2e");
  EXPECT_EQ(parse_target("http://localhost:80/x?y=http://z/w")->path, "/x");
  EXPECT_TRUE(parse_target("/x?")->query.empty());
}

TEST(RequestTarget, RefusesWhatIsNoPlainPath) {
  for (const char* target : {"",
                             "*",
                             "a",
                             "?a=b",
                             "//",
                             "//a",
                             "/a//b",
                             "/a//",
                             "/.",
                             "/..",
                             "/../",
                             "/./a",
                             "/a/../b",
                             "/a/..",
                             "/%2e%2e/etc/passwd",
                             "/%2E%2e",
                             "/.%2e/",
                             "/a%2f..%2fb",
                             "/a%2f%2fb",
                             "/%00",
                             "/a%00.html",
                             "/%0a",
                             "/%0d%0aX:y",
                             "/%7f",
                             "/%",
                             "/%zz",
                             "/a?b=%",
                             "/a?b=%zz",
                             "/a?%00=b",
                             "/a?b=%00",
                             "http://host",
                             "http:///../a",
                             "localhost:80"})
    EXPECT_FALSE(parse_target(target).ok()) << target;
}

TEST(RequestTarget, SurvivesAnyBytesAndNeverGivesADotOrNul) {
  std::mt19937 random(1);
  const std::string alphabet = "/./%%20025eE?&=+ab\xff"s + '\0';
  for (int i = 0; i < 50'000; ++i) {
    std::string text = "/";
    for (unsigned left = random() % 20; left > 0; --left) text += alphabet[random() % alphabet.size()];
    const auto target = parse_target(text);
    if (!target.ok()) continue;
    EXPECT_THAT(target->path + "/", Not(HasSubstr("/../"))) << text;
    EXPECT_THAT(target->path + "/", Not(HasSubstr("/./"))) << text;
    EXPECT_THAT(target->path, Not(HasSubstr("//"))) << text;
    EXPECT_EQ(target->path.find('\0'), std::string::npos) << text;
    for (const auto& [name, value] : target->query)
      EXPECT_EQ((name + value).find('\0'), std::string::npos) << text;
  }
}

TEST(BearerToken, IsTheWholeTokenAndNothingElse) {
  EXPECT_TRUE(has_bearer_token("Bearer secret", "secret"));
  EXPECT_TRUE(has_bearer_token("bEARER   secret", "secret"));
  EXPECT_TRUE(has_bearer_token("Bearer \xff\x80=", "\xff\x80="));
  for (const std::string& sent :
       {""s, "Bearer"s, "Bearer "s, "Bearer secre"s, "Bearer secrets"s, "Bearer Secret"s, "Bearer secret "s,
        "Basic secret"s, "secret"s, "Bearersecret"s, "Bearer\tsecret"s, " Bearer secret"s, "Bearer secret\0"s,
        "Bearer \0secret"s, "Bearer secret, Bearer secret"s, "\xff\xfe"s, std::string(8000, 'x')})
    EXPECT_FALSE(has_bearer_token(sent, "secret")) << sent;
}

TEST(LoopbackHost, IsLocalhostOrALoopbackAddressWithAnyPort) {
  for (const char* host :
       {"localhost", "LocalHost:8080", "127.0.0.1", "127.0.0.1:1", "127.9.8.7:80", "[::1]", "[::1]:8080"})
    EXPECT_TRUE(is_loopback_host(host)) << host;
  for (const char* host : {"",
                           ":",
                           ":80",
                           "x",
                           "evil.example",
                           "evil.example:80",
                           "localhost.evil.example",
                           "127.0.0.1.evil.example",
                           "127.0.0.1@evil.example",
                           "evil.example#localhost",
                           "128.0.0.1",
                           "0.0.0.0",
                           "::1",
                           "[::2]",
                           "[::1",
                           "localhost:x",
                           "localhost:80:80",
                           " localhost",
                           "0177.0.0.1",
                           "127.1"})
    EXPECT_FALSE(is_loopback_host(host)) << host;
}

TEST(ListenAddress, IsAnAddressAndAPort) {
  const auto shown = [](const char* text) {
    const auto address = parse_listen_address(text);
    if (!address) return std::string("<none>");
    return address->ip + " " + std::to_string(address->port) + (address->loopback ? " loopback" : "");
  };
  EXPECT_EQ(shown("127.0.0.1:8080"), "127.0.0.1 8080 loopback");
  EXPECT_EQ(shown("127.1.2.3:0"), "127.1.2.3 0 loopback");
  EXPECT_EQ(shown("localhost:80"), "127.0.0.1 80 loopback");
  EXPECT_EQ(shown("[::1]:65535"), "::1 65535 loopback");
  EXPECT_EQ(shown("0.0.0.0:80"), "0.0.0.0 80");
  EXPECT_EQ(shown("[::]:80"), ":: 80");
  EXPECT_EQ(shown("192.0.2.1:80"), "192.0.2.1 80");
  for (const char* text :
       {"", ":", "80", ":80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1: 80",
        "127.0.0.1:x", "::1:80", "[::1]", "[127.0.0.1]:80", "[]:80", "example.org:80", "[::1:80"})
    EXPECT_EQ(shown(text), "<none>") << text;
}

TEST(AnswerText, HasTheHeadersThatAPageAndAnApiNeed) {
  HttpResponse page;
  page.content_type = "text/html; charset=utf-8";
  page.body = "<p>";
  const std::string text = answer_text(page, {.head = false, .keep_alive = true, .date = "D"});
  EXPECT_EQ(
      text,
      "HTTP/1.1 200 OK\r\nDate: D\r\nX-Content-Type-Options: nosniff\r\nContent-Type: text/html; "
      "charset=utf-8\r\nContent-Length: 3\r\nCache-Control: no-store\r\nContent-Security-Policy: default-src "
      "'self'; frame-ancestors 'none'\r\nConnection: keep-alive\r\n\r\n<p>");
  page.headers = {{"cache-control", "max-age=60"}, {"Content-Security-Policy", "mine"}};
  const std::string own = answer_text(page, {.head = true, .keep_alive = false, .date = "D"});
  EXPECT_THAT(own,
              HasSubstr("Content-Length: 3\r\ncache-control: max-age=60\r\nContent-Security-Policy: mine\r\n"
                        "Connection: close\r\n\r\n"));
  EXPECT_THAT(own, Not(HasSubstr("no-store")));
  EXPECT_THAT(own, Not(HasSubstr("<p>")));
  page.status = 304;
  EXPECT_THAT(answer_text(page, {}), Not(HasSubstr("Content-Length")));
}

EventText text_of(size_t bytes, char c = 'x') { return std::make_shared<const std::string>(bytes, c); }

TEST(EventQueue, DropsBeyondItsLimitAndTellsHowManyWhereTheyWouldHaveStood) {
  EventQueue queue(100);
  EXPECT_EQ(queue.pop(), nullptr);
  EXPECT_TRUE(queue.push(text_of(60, 'a')));
  EXPECT_TRUE(queue.push(text_of(40, 'b')));
  EXPECT_FALSE(queue.push(text_of(1)));
  EXPECT_FALSE(queue.push(text_of(1)));
  EXPECT_EQ(queue.pop()->front(), 'a');
  EXPECT_TRUE(queue.push(text_of(10, 'c')));  // 40 waited: less than half
  EXPECT_EQ(queue.pop()->front(), 'b');
  EXPECT_EQ(*queue.pop(), "event: missed\ndata: {\"events\":2}\n\n");
  EXPECT_EQ(queue.pop()->front(), 'c');
  EXPECT_EQ(queue.pop(), nullptr);
}

TEST(EventQueue, TellsOfLossesAlsoWhenNothingFollows) {
  EventQueue queue(100);
  EXPECT_TRUE(queue.push(text_of(1000)));  // too large, but nothing else waits
  EXPECT_FALSE(queue.push(text_of(1)));
  EXPECT_EQ(queue.pop()->size(), 1000u);
  EXPECT_EQ(*queue.pop(), "event: missed\ndata: {\"events\":1}\n\n");
  EXPECT_EQ(queue.pop(), nullptr);
  EXPECT_TRUE(queue.push(text_of(1)));
}

TEST(Admission, LooksAtTheTokenBeforeTheBodyAndAtTheHostBeforeTheToken) {
  HttpConfig config;
  config.token = "secret";
  config.open = {"/healthz"};
  config.max_body_bytes = 10;
  const RequestHead good{.method = "POST",
                         .target = "/a?b=c",
                         .hosts = {"localhost"},
                         .authorizations = {"Bearer secret"},
                         .origins = {},
                         .length = 10};
  const auto status = [&config](RequestHead head, auto change, bool loopback = true) {
    change(head);
    HttpRequest request;
    const auto refusal = refusal_of(head, config, loopback, request);
    return refusal ? refusal->status : 0;
  };
  EXPECT_EQ(status(good, [](RequestHead&) {}), 0);
  EXPECT_EQ(status(good, [](RequestHead& h) { h.method = "post"; }), 405);
  EXPECT_EQ(status(good, [](RequestHead& h) { h.target = "/" + std::string(8192, 'x'); }), 414);
  EXPECT_EQ(status(good, [](RequestHead& h) { h.target = "/" + std::string(8191, 'x'); }), 0);
  EXPECT_EQ(status(good, [](RequestHead& h) { h.hosts = {}; }), 400);
  EXPECT_EQ(status(good, [](RequestHead& h) { h.hosts = {}, h.http_1_0 = true; }), 0);
  EXPECT_EQ(status(good, [](RequestHead& h) { h.hosts = {"localhost", "localhost"}; }), 400);
  EXPECT_EQ(status(good, [](RequestHead& h) { h.hosts = {"evil.example"}; }), 421);
  EXPECT_EQ(status(
                good, [](RequestHead& h) { h.hosts = {"engine.example"}; }, false),
            0);
  EXPECT_EQ(status(good, [](RequestHead& h) { h.authorizations = {}, h.length = 11; }), 401);
  EXPECT_EQ(status(good, [](RequestHead& h) { h.authorizations = {"Bearer secret", "Bearer secret"}; }), 401);
  EXPECT_EQ(status(good, [](RequestHead& h) { h.authorizations = {}, h.target = "/healthz?x"; }), 0);
  EXPECT_EQ(status(good, [](RequestHead& h) { h.authorizations = {}, h.target = "/healthz/"; }), 401);
  EXPECT_EQ(status(good, [](RequestHead& h) { h.length = 11; }), 413);
  EXPECT_EQ(status(good, [](RequestHead& h) { h.transfer_encoding = true; }), 411);
  EXPECT_EQ(status(good, [](RequestHead& h) { h.origins = {"http://localhost"}; }), 0);
  EXPECT_EQ(status(good, [](RequestHead& h) { h.origins = {"http://localhost:1"}; }), 403);
  EXPECT_EQ(status(good, [](RequestHead& h) { h.origins = {"null"}; }), 403);
  EXPECT_EQ(status(good, [](RequestHead& h) { h.origins = {"http://evil.example"}, h.method = "GET"; }), 0);
}

}  // namespace
}  // namespace netspectra

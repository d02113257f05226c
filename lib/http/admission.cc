#include "http/admission.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "http/access.h"
#include "http/answer_text.h"
#include "http/request_target.h"

namespace netspectra {
namespace {

bool has(const std::vector<std::string>& texts, const std::string& text) {
  return std::find(texts.begin(), texts.end(), text) != texts.end();
}

HttpResponse with_header(HttpResponse response, const char* name, const char* value) {
  response.headers.emplace_back(name, value);
  return response;
}

}  // namespace

std::optional<HttpResponse> refusal_of(const RequestHead& head, const HttpConfig& config, bool loopback,
                                       HttpRequest& request) {
  const bool posts = config.max_body_bytes > 0;
  if (head.method != "GET" && head.method != "HEAD" && !(posts && head.method == "POST")) {
    return posts ? with_header(error_answer(405, "only GET, HEAD and POST are allowed"), "Allow",
                               "GET, HEAD, POST")
                 : with_header(error_answer(405, "only GET and HEAD are allowed"), "Allow", "GET, HEAD");
  }
  if (head.target.size() > kMaxTargetBytes) return error_answer(414, "the target is too long");
  if (head.hosts.size() > 1 || (head.hosts.empty() && !head.http_1_0))
    return error_answer(400, "the request must have one Host");
  if (loopback && !head.hosts.empty() && !is_loopback_host(head.hosts[0]))
    return error_answer(421, "the server listens on loopback: Host must be localhost, 127.x.x.x or [::1]");
  auto target = parse_target(head.target);
  if (!target.ok()) return error_answer(400, std::string(target.status().message()));

  const bool allowed =
      config.token.empty() || has(config.open, target->path) ||
      (head.authorizations.size() == 1 && has_bearer_token(head.authorizations[0], config.token));
  if (!allowed) {
    return with_header(error_answer(401, "a token is needed: Authorization: Bearer TOKEN"),
                       "WWW-Authenticate", "Bearer realm=\"netspectra\"");
  }
  // A browser tells which page a POST comes from; where there is no token nothing else keeps other sites' pages off.
  for (const std::string& origin : head.origins) {
    if (head.method == "POST" &&
        (head.hosts.empty() || !absl::EndsWithIgnoreCase(origin, "://" + head.hosts[0])))
      return error_answer(403, "a POST from the page of another site");
  }
  if (head.transfer_encoding) return error_answer(411, "a body needs a Content-Length");
  if (head.length > config.max_body_bytes)
    return error_answer(413, absl::StrCat("the body has more than ", config.max_body_bytes, " bytes"));

  request = {
      .method = head.method, .path = std::move(target->path), .query = std::move(target->query), .body = {}};
  return std::nullopt;
}

}  // namespace netspectra

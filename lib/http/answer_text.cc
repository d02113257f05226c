#include "http/answer_text.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace netspectra {
namespace {

const char* reason(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 411:
      return "Length Required";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 421:
      return "Misdirected Request";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    default:
      return "";  // may be left out: RFC 9112, 4
  }
}

bool has_header(const HttpResponse& response, const char* name) {
  return std::any_of(response.headers.begin(), response.headers.end(),
                     [name](const auto& header) { return absl::EqualsIgnoreCase(header.first, name); });
}

}  // namespace

std::string answer_text(const HttpResponse& response, const AnswerForm& form) {
  const bool bodiless = response.status == 204 || response.status == 304;  // they have no length either
  const std::string type = response.listen ? "text/event-stream" : response.content_type;
  std::string text =
      absl::StrCat("HTTP/1.1 ", response.status, " ", reason(response.status),
                   "\r\nDate: ", std::string(form.date), "\r\nX-Content-Type-Options: nosniff\r\n");
  if (!bodiless) absl::StrAppend(&text, "Content-Type: ", type, "\r\n");
  if (!bodiless && !response.listen) absl::StrAppend(&text, "Content-Length: ", response.body.size(), "\r\n");
  if (!has_header(response, "Cache-Control")) absl::StrAppend(&text, "Cache-Control: no-store\r\n");
  if (absl::StartsWith(type, "text/html") && !has_header(response, "Content-Security-Policy"))
    absl::StrAppend(&text, "Content-Security-Policy: default-src 'self'; frame-ancestors 'none'\r\n");
  for (const auto& [name, value] : response.headers) absl::StrAppend(&text, name, ": ", value, "\r\n");
  absl::StrAppend(&text, form.keep_alive ? "Connection: keep-alive" : "Connection: close", "\r\n\r\n");
  if (!bodiless && !form.head) text += response.body;
  return text;
}

HttpResponse error_answer(int status, const std::string& why) {
  HttpResponse response;
  response.status = status;
  response.body = absl::StrCat("{\"error\":\"", why, "\"}\n");
  return response;
}

}  // namespace netspectra

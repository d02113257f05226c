#include "alert/post.h"

#include <curl/curl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <cstring>
#include <ctime>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace netspectra {
namespace {

constexpr size_t kMaxSubject = 200;  // letters; a line of a mail has at most 998

size_t discard(char*, size_t size, size_t count, void*) { return size * count; }

int on_progress(void* stopped, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<const std::atomic<bool>*>(stopped)->load() ? 1 : 0;
}

struct Upload {
  std::string content;
  size_t at = 0;
};

size_t read_upload(char* to, size_t size, size_t count, void* from) {
  Upload& upload = *static_cast<Upload*>(from);
  const size_t n = std::min(size * count, upload.content.size() - upload.at);
  std::memcpy(to, upload.content.data() + upload.at, n);
  upload.at += n;
  return n;
}

using CurlList = std::unique_ptr<curl_slist, void (*)(curl_slist*)>;

void append(CurlList& list, const std::string& text) {
  curl_slist* longer = curl_slist_append(list.get(), text.c_str());
  if (longer == nullptr) return;
  static_cast<void>(list.release());
  list.reset(longer);
}

// Names come from configuration and from NATS subjects: no line may begin in one.
std::string header_text(const std::string& text, size_t most) {
  std::string plain = text.substr(0, most);
  std::replace_if(
      plain.begin(), plain.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return plain;
}

std::string mail_date(uint64_t time_ns) {
  const std::time_t seconds = static_cast<std::time_t>(time_ns / 1'000'000'000);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[64];
  // %a and %b are English in the C locale, which no program here leaves.
  return std::string(text, std::strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S +0000", &parts));
}

uint16_t mail_port(const AlertReceiver& receiver) {
  if (receiver.port != 0) return receiver.port;
  return receiver.tls == MailTls::kStarttls ? 587 : receiver.tls == MailTls::kSmtps ? 465 : 25;
}

// What may be mended on the other side without a change to the message is worth waiting for.
bool is_hopeless_http(long status) {
  constexpr long kMendable[] = {401, 403, 404, 408, 425, 429};
  return status >= 400 && status < 500 &&
         std::find(std::begin(kMendable), std::end(kMendable), status) == std::end(kMendable);
}

bool is_hopeless_smtp(long reply) { return reply >= 550 && reply < 560; }

}  // namespace

struct Post::Curl {
  CURL* easy = curl_easy_init();
  char error[CURL_ERROR_SIZE] = {};
  ~Curl() { curl_easy_cleanup(easy); }

  // What both kinds have in common; connections are kept over it.
  void begin(const AlertReceiver& receiver, const char* protocols, std::atomic<bool>& stopped) {
    curl_easy_reset(easy);
    error[0] = '\0';
    const long timeout_ms = static_cast<long>(receiver.timeout_ns / 1'000'000);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, error);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout_ms);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, timeout_ms);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, protocols);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, discard);
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(easy, CURLOPT_XFERINFODATA, &stopped);
    if (!receiver.ca_file.empty()) curl_easy_setopt(easy, CURLOPT_CAINFO, receiver.ca_file.c_str());
  }

  CURLcode perform(long& status) {
    const CURLcode code = curl_easy_perform(easy);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    return code;
  }

  std::string error_text(CURLcode code) const { return error[0] != '\0' ? error : curl_easy_strerror(code); }
};

Post::Post(const AlertReceiver& receiver) : receiver_(receiver), curl_(std::make_unique<Curl>()) {}
Post::~Post() = default;

PostResult Post::deliver(const AlertMessage& message) {
  if (curl_->easy == nullptr) return {.error = "libcurl has no memory"};
  return receiver_.kind == ReceiverKind::kEmail ? deliver_mail(message) : deliver_webhook(message);
}

PostResult Post::deliver_webhook(const AlertMessage& message) {
  CURL* easy = curl_->easy;
  curl_->begin(receiver_, "http,https", stopped_);
  CurlList headers(nullptr, curl_slist_free_all);
  append(headers, "Content-Type: application/json");
  append(headers, "Expect:");  // no waiting for a "100 Continue"
  append(headers, absl::StrCat("X-NetSpectra-Id: ", message.id));
  if (!receiver_.token.empty()) append(headers, absl::StrCat("Authorization: Bearer ", receiver_.token));
  if (!receiver_.secret.empty()) {
    append(headers, absl::StrCat("X-NetSpectra-Signature: ", signature(receiver_.secret, message.json)));
  }
  curl_easy_setopt(easy, CURLOPT_URL, receiver_.url.c_str());
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "netspectra");
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(message.json.size()));
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, message.json.c_str());
  long status = 0;
  const CURLcode code = curl_->perform(status);
  if (code != CURLE_OK) return {.error = curl_->error_text(code)};
  if (status >= 200 && status < 300) return {.delivered = true, .error = ""};
  return {.hopeless = is_hopeless_http(status), .error = absl::StrCat("answered with status ", status)};
}

PostResult Post::deliver_mail(const AlertMessage& message) {
  CURL* easy = curl_->easy;
  curl_->begin(receiver_, "smtp,smtps", stopped_);
  const bool smtps = receiver_.tls == MailTls::kSmtps;
  const std::string host =
      receiver_.host.find(':') == std::string::npos ? receiver_.host : absl::StrCat("[", receiver_.host, "]");
  const std::string url = absl::StrCat(smtps ? "smtps://" : "smtp://", host, ":", mail_port(receiver_));
  CurlList to(nullptr, curl_slist_free_all);
  for (const std::string& address : receiver_.to) append(to, absl::StrCat("<", address, ">"));
  const std::string from = absl::StrCat("<", receiver_.from, ">");
  Upload upload{mail_text(receiver_, message)};
  curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
  // Without encryption nothing is sent where it was asked for, the login least of all.
  curl_easy_setopt(easy, CURLOPT_USE_SSL,
                   static_cast<long>(receiver_.tls == MailTls::kStarttls ? CURLUSESSL_ALL : CURLUSESSL_NONE));
  if (!receiver_.user.empty()) {
    curl_easy_setopt(easy, CURLOPT_USERNAME, receiver_.user.c_str());
    curl_easy_setopt(easy, CURLOPT_PASSWORD, receiver_.password.c_str());
  }
  curl_easy_setopt(easy, CURLOPT_MAIL_FROM, from.c_str());
  curl_easy_setopt(easy, CURLOPT_MAIL_RCPT, to.get());
  curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
  curl_easy_setopt(easy, CURLOPT_READFUNCTION, read_upload);
  curl_easy_setopt(easy, CURLOPT_READDATA, &upload);
  long reply = 0;
  const CURLcode code = curl_->perform(reply);
  if (code == CURLE_OK) return {.delivered = true, .error = ""};
  return {.hopeless = is_hopeless_smtp(reply), .error = curl_->error_text(code)};
}

std::string signature(const std::string& secret, const std::string& body) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(body.data()), body.size(), digest, &length);
  std::string text = "sha256=";
  for (unsigned i = 0; i < length; ++i) absl::StrAppendFormat(&text, "%02x", digest[i]);
  return text;
}

std::string mail_text(const AlertReceiver& receiver, const AlertMessage& message) {
  std::string mail =
      absl::StrCat("Date: ", mail_date(message.created_ns), "\r\nFrom: ", receiver.from,
                   "\r\nTo: ", absl::StrJoin(receiver.to, ",\r\n "),
                   "\r\nSubject: ", header_text(absl::StrCat("[netspectra] ", message.summary), kMaxSubject),
                   "\r\nMessage-ID: <", message.id, "@netspectra>\r\nAuto-Submitted: auto-generated",
                   "\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; "
                   "charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n");
  for (const char c : message.text) mail += c == '\n' ? std::string("\r\n") : std::string(1, c);
  return mail + absl::StrCat("\r\n", message.id, "\r\n");
}

}  // namespace netspectra

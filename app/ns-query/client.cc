#include "client.h"

#include <curl/curl.h>

#include "absl/strings/str_cat.h"
#include "answer.h"
#include "value_text.h"

namespace netspectra {
namespace {

constexpr size_t kMaxAnswerBytes = 128 << 20;  // twice what an engine gives
constexpr size_t kMaxErrorBytes = 64 << 10;
constexpr long kConnectSeconds = 10;
constexpr long kAnswerSeconds = 600;  // longer than the engine's query_time is likely to be
// The engine sends a comment every 15 s.
constexpr long kSilentSeconds = 60;
constexpr int kPollMs = 100;
constexpr std::string_view kEventStream = "text/event-stream";

}  // namespace

struct Client::Header {
  curl_slist* lines = nullptr;
  void add(const std::string& line) { lines = curl_slist_append(lines, line.c_str()); }
  ~Header() { curl_slist_free_all(lines); }
};

struct Client::Transfer {
  CURL* curl;
  const std::function<void(std::string_view)>* on_data = nullptr;  // of a stream
  std::string body = {};
  bool too_large = false;

  long status() const {
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    return status;
  }
  bool is_stream() const {
    char* type = nullptr;
    curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type);
    return type != nullptr && std::string_view(type).starts_with(kEventStream);
  }

  static size_t write(const char* data, size_t, size_t size, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    const bool refused = transfer.status() != 200;
    if (!refused && transfer.on_data != nullptr) {
      if (!transfer.is_stream()) return 0;
      (*transfer.on_data)({data, size});
      return size;
    }
    transfer.too_large = transfer.body.size() + size > (refused ? kMaxErrorBytes : kMaxAnswerBytes);
    if (transfer.too_large) return 0;
    transfer.body.append(data, size);
    return size;
  }
};

Client::Client(const QueryOptions& options)
    : url_(options.url), token_(options.token), ca_file_(options.ca_file), curl_(curl_easy_init()) {}

Client::~Client() { curl_easy_cleanup(curl_); }

void Client::prepare(const std::string& path, const Parameters& parameters, const char* accept,
                     Transfer& transfer) {
  std::string url = absl::StrCat(url_, path);
  char separator = '?';
  const auto escaped = [&](const std::string& text) {
    const std::unique_ptr<char, void (*)(void*)> escaped(
        curl_easy_escape(curl_, text.data(), int(text.size())), curl_free);
    return std::string(escaped.get());
  };
  for (const auto& [name, value] : parameters) {
    absl::StrAppend(&url, std::string(1, separator), escaped(name), "=", escaped(value));
    separator = '&';
  }
  header_ = std::make_unique<Header>();
  header_->add(absl::StrCat("Accept: ", accept));
  if (!token_.empty()) header_->add(absl::StrCat("Authorization: Bearer ", token_));

  curl_easy_reset(curl_);
  error_[0] = '\0';
  curl_easy_setopt(curl_, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl_, CURLOPT_HTTPHEADER, header_->lines);
  curl_easy_setopt(curl_, CURLOPT_USERAGENT, "ns-query/" NETSPECTRA_VERSION);
  curl_easy_setopt(curl_, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl_, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl_, CURLOPT_ERRORBUFFER, error_);
  curl_easy_setopt(curl_, CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
  if (!ca_file_.empty()) curl_easy_setopt(curl_, CURLOPT_CAINFO, ca_file_.c_str());
  curl_easy_setopt(curl_, CURLOPT_WRITEFUNCTION, &Transfer::write);
  curl_easy_setopt(curl_, CURLOPT_WRITEDATA, &transfer);
}

absl::StatusOr<std::string> Client::get(const std::string& path, const Parameters& parameters) {
  Transfer transfer{curl_};
  prepare(path, parameters, "application/json", transfer);
  curl_easy_setopt(curl_, CURLOPT_ACCEPT_ENCODING, "");
  curl_easy_setopt(curl_, CURLOPT_TIMEOUT, kAnswerSeconds);
  const absl::Status status = outcome(curl_easy_perform(curl_), transfer);
  if (!status.ok()) return status;
  return std::move(transfer.body);
}

absl::Status Client::stream(const std::string& path, const std::function<void(std::string_view)>& on_data,
                            const std::function<bool()>& stopped) {
  Transfer transfer{curl_, &on_data};
  prepare(path, {}, std::string(kEventStream).c_str(), transfer);
  curl_easy_setopt(curl_, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(curl_, CURLOPT_LOW_SPEED_TIME, kSilentSeconds);
  // Not "easy": a signal must end it at once, not when something comes.
  CURLM* multi = curl_multi_init();
  curl_multi_add_handle(multi, curl_);
  int running = 1;
  while (!stopped()) {
    curl_multi_perform(multi, &running);
    if (running == 0) break;
    curl_multi_poll(multi, nullptr, 0, kPollMs, nullptr);
  }
  absl::Status status;
  int left = 0;
  if (running == 0) {
    const CURLMsg* message = curl_multi_info_read(multi, &left);
    status = outcome(message->data.result, transfer);
    if (status.ok()) {
      status = transfer.is_stream() ? absl::UnavailableError("the server has ended the stream")
                                    : absl::InternalError(absl::StrCat(url_, ": is no stream of events"));
    }
  }
  curl_multi_remove_handle(multi, curl_);
  curl_multi_cleanup(multi);
  return status;
}

absl::Status Client::outcome(int code, const Transfer& transfer) const {
  const long http = transfer.status();
  if (http != 0 && http != 200) {
    std::string said = error_text(transfer.body);
    if (said.empty()) said = absl::StrCat("answers with HTTP status ", http);
    const char* hint = http == 401 && token_.empty() ? " (--token-file FILE, or NETSPECTRA_TOKEN)" : "";
    return absl::FailedPreconditionError(absl::StrCat(url_, ": ", printable(said), hint));
  }
  if (transfer.too_large) {
    return absl::InternalError(absl::StrCat(url_, ": the answer is larger than an engine's can be"));
  }
  if (code == CURLE_WRITE_ERROR) return absl::InternalError(absl::StrCat(url_, ": is no stream of events"));
  if (code == CURLE_OK) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat(
      url_, ": ", printable(error_[0] != '\0' ? error_ : curl_easy_strerror(static_cast<CURLcode>(code)))));
}

}  // namespace netspectra

#include "store/clickhouse_client.h"

#include <curl/curl.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <thread>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace netspectra {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kTimeout{60'000};
// An epoch of millions of records, on a busy server: given up too early, it would be tried again, and again.
constexpr milliseconds kInsertTimeout{900'000};
constexpr long kConnectTimeoutMs = 5'000;
constexpr int kTries = 3;
constexpr milliseconds kPause{100};         // between them
constexpr long kUploadBuffer = 512 << 10;   // libcurl's own 64 KiB cost 10 % of an insert
constexpr size_t kMostErrorBytes = 16'384;  // of an answer that is not OK
constexpr size_t kMostErrorText = 500;

// ClickHouse's ErrorCodes.cpp; numbers never change.
absl::StatusCode status_code(int error) {
  switch (error) {
    case 159:  // TIMEOUT_EXCEEDED
    case 160:  // TOO_SLOW
    case 209:  // SOCKET_TIMEOUT
      return absl::StatusCode::kDeadlineExceeded;
    case 158:  // TOO_MANY_ROWS
    case 191:  // SET_SIZE_LIMIT_EXCEEDED
    case 201:  // QUOTA_EXPIRED
    case 241:  // MEMORY_LIMIT_EXCEEDED
    case 243:  // NOT_ENOUGH_SPACE
    case 307:  // TOO_MANY_BYTES
    case 396:  // TOO_MANY_ROWS_OR_BYTES
      return absl::StatusCode::kResourceExhausted;
    case 192:  // UNKNOWN_USER
    case 193:  // WRONG_PASSWORD
    case 194:  // REQUIRED_PASSWORD
    case 195:  // IP_ADDRESS_NOT_ALLOWED
    case 291:  // DATABASE_ACCESS_DENIED
    case 497:  // ACCESS_DENIED
    case 516:  // AUTHENTICATION_FAILED
      return absl::StatusCode::kPermissionDenied;
    case 16:  // NO_SUCH_COLUMN_IN_TABLE
    case 47:  // UNKNOWN_IDENTIFIER
    case 60:  // UNKNOWN_TABLE
    case 81:  // UNKNOWN_DATABASE
      return absl::StatusCode::kNotFound;
    case 202:  // TOO_MANY_SIMULTANEOUS_QUERIES
    case 210:  // NETWORK_ERROR
    case 242:  // TABLE_IS_READ_ONLY
    case 252:  // TOO_MANY_PARTS
      return absl::StatusCode::kUnavailable;
    default:
      return absl::StatusCode::kInternal;
  }
}

bool is_connection_failure(CURLcode code) {
  return code == CURLE_COULDNT_CONNECT || code == CURLE_GOT_NOTHING || code == CURLE_RECV_ERROR ||
         code == CURLE_SEND_ERROR || code == CURLE_PARTIAL_FILE;
}

// "Code: 60, e.displayText() = DB::Exception: WORDS, e.what() = DB::Exception" (until 19.x),
// "Code: 60. DB::Exception: WORDS. (UNKNOWN_TABLE) (version 24.3.1.2672 (official build))" -> WORDS, in one
// line.
std::string exception_words(const std::string& text) {
  std::string words = text;
  constexpr const char* kMark = "DB::Exception: ";
  if (const size_t mark = words.find(kMark); mark != std::string::npos)
    words.erase(0, mark + std::strlen(kMark));
  for (const char* end : {", e.what() =", " (version "}) words.erase(std::min(words.size(), words.find(end)));
  std::replace_if(
      words.begin(), words.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
  if (words.size() > kMostErrorText) words.replace(kMostErrorText, std::string::npos, "...");
  words.erase(words.find_last_not_of(' ') + 1);
  return words;
}

}  // namespace

struct ClickHouseClient::Request {
  explicit Request(std::string statement) : sql(std::move(statement)) {}

  const std::string sql;
  const OnRow* on_row = nullptr;
  const MoreRows* more = nullptr;  // the body is rows; the statement stands in the URL
  bool with_database = true;

  // While it is under way:
  void* curl = nullptr;
  RowBinaryWriter rows;
  size_t rows_sent = 0;
  bool rows_end = false;
  std::string answer;  // of rows: what is not a whole row yet; else the words of an error
  bool delivered = false;
  bool connection_failed = false;
  absl::Status status = absl::OkStatus();  // the visitor's

  bool succeeded() const {
    long http = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &http);
    return http == 200;
  }
  size_t give(char* to, size_t room);
  size_t take(const char* data, size_t size);
  void deliver();
};

size_t ClickHouseClient::Request::give(char* to, size_t room) {
  while (rows_sent == rows.buffer().size() && !rows_end) {
    rows.clear();
    rows_sent = 0;
    rows_end = !(*more)(rows);
  }
  const size_t size = std::min(room, rows.buffer().size() - rows_sent);
  std::memcpy(to, rows.buffer().data() + rows_sent, size);
  rows_sent += size;
  return size;
}

size_t ClickHouseClient::Request::take(const char* data, size_t size) {
  if (!succeeded()) {
    answer.append(data, std::min(size, kMostErrorBytes - std::min(kMostErrorBytes, answer.size())));
    return size;
  }
  if (on_row == nullptr) return size;
  answer.append(data, size);
  deliver();
  return status.ok() ? size : 0;
}

void ClickHouseClient::Request::deliver() {
  size_t begin = 0;
  while (begin < answer.size()) {
    RowBinaryReader reader(std::span<const char>(answer).subspan(begin));
    status = (*on_row)(reader);
    if (!reader.whole()) break;
    delivered = true;
    begin = answer.size() - reader.left();
    if (!status.ok()) break;
  }
  answer.erase(0, begin);
}

void ClickHouseClient::Close::operator()(void* curl) const { curl_easy_cleanup(curl); }

absl::StatusOr<ClickHouseClient> ClickHouseClient::open(const ClickHouseOptions& options) {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  ClickHouseClient client(options);
  client.curl_.reset(curl_easy_init());
  if (client.curl_ == nullptr) return client.error(absl::StatusCode::kInternal, "libcurl does not start");
  return client;
}

absl::Status ClickHouseClient::error(absl::StatusCode code, const std::string& cause) const {
  return {code, absl::StrCat(options_.name(), ": ", cause)};
}

absl::StatusOr<milliseconds> ClickHouseClient::time_left(milliseconds longest) const {
  if (deadline_ == Clock::time_point::max()) return longest;
  const auto left = std::chrono::ceil<milliseconds>(deadline_ - Clock::now());
  if (left.count() <= 0) return error(absl::StatusCode::kDeadlineExceeded, "there is no time left");
  return std::min(left, longest);
}

std::string ClickHouseClient::url(const Request& request, milliseconds time) const {
  const bool v6 = options_.host.find(':') != std::string::npos && options_.host[0] != '[';
  std::string url = absl::StrCat(
      options_.tls ? "https://" : "http://", v6 ? "[" : "", options_.host, v6 ? "]" : "", ":", options_.port,
      "/?wait_end_of_query=1&max_execution_time=", std::chrono::ceil<std::chrono::seconds>(time).count());
  if (request.with_database) absl::StrAppend(&url, "&database=", options_.database);
  if (request.more != nullptr) {
    char* sql = curl_easy_escape(curl_.get(), request.sql.data(), static_cast<int>(request.sql.size()));
    absl::StrAppend(&url, "&query=", sql);
    curl_free(sql);
  }
  return url;
}

absl::Status ClickHouseClient::send(Request& request) {
  const absl::StatusOr<milliseconds> time = time_left(request.more != nullptr ? kInsertTimeout : kTimeout);
  if (!time.ok()) return time.status();
  CURL* curl = curl_.get();
  curl_easy_reset(curl);
  request.curl = curl;
  request.answer.clear();
  char words[CURL_ERROR_SIZE] = "";
  const std::string url_text = url(request, *time);
  curl_easy_setopt(curl, CURLOPT_URL, url_text.c_str());
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, words);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_PROXY, "");
  curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
  curl_easy_setopt(curl, CURLOPT_USERNAME, options_.user.c_str());
  curl_easy_setopt(curl, CURLOPT_PASSWORD, options_.password.c_str());
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeoutMs);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(time->count()));
  curl_easy_setopt(curl, CURLOPT_POST, 1L);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &request);
  curl_easy_setopt(
      curl, CURLOPT_WRITEFUNCTION, +[](char* data, size_t one, size_t size, void* to) {
        return static_cast<Request*>(to)->take(data, one * size);
      });
  // Nobody says "100 Continue" to us before the body.
  std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers(curl_slist_append(nullptr, "Expect:"),
                                                                      curl_slist_free_all);
  if (request.more == nullptr) {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.sql.size()));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.sql.data());
  } else {
    headers.reset(curl_slist_append(headers.release(), "Transfer-Encoding: chunked"));
    curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(curl, CURLOPT_UPLOAD_BUFFERSIZE, kUploadBuffer);
    curl_easy_setopt(curl, CURLOPT_READDATA, &request);
    curl_easy_setopt(
        curl, CURLOPT_READFUNCTION, +[](char* data, size_t one, size_t size, void* from) {
          return static_cast<Request*>(from)->give(data, one * size);
        });
  }
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  const CURLcode code = curl_easy_perform(curl);
  request.connection_failed = is_connection_failure(code);
  return outcome(request, code, words);
}

absl::Status ClickHouseClient::outcome(const Request& request, int curl_code, const char* curl_words) const {
  if (!request.status.ok()) return request.status;
  const auto code = static_cast<CURLcode>(curl_code);
  long http = 0;
  curl_easy_getinfo(curl_.get(), CURLINFO_RESPONSE_CODE, &http);
  // An answer that is there counts more than how the connection ended: a server that refuses a body answers,
  // and closes.
  if (http != 0 && http != 200) {
    int number = 0;
    constexpr const char* kMark = "Code: ";
    if (const size_t mark = request.answer.find(kMark); mark != std::string::npos) {
      const size_t begin = mark + std::strlen(kMark);
      const size_t end = request.answer.find_first_not_of("0123456789", begin);
      if (!absl::SimpleAtoi(request.answer.substr(begin, end - begin), &number)) number = 0;
    }
    const std::string words = exception_words(request.answer);
    if (number != 0) return error(status_code(number), words);
    return error(
        http == 401 || http == 403 ? absl::StatusCode::kPermissionDenied : absl::StatusCode::kInternal,
        absl::StrCat("HTTP status ", http, words.empty() ? "" : ": ", words));
  }
  if (code == CURLE_OPERATION_TIMEDOUT)
    return error(absl::StatusCode::kDeadlineExceeded, absl::StrCat("no answer in time: ", curl_words));
  if (code != CURLE_OK) {
    return error(absl::StatusCode::kUnavailable, *curl_words != '\0' ? curl_words : curl_easy_strerror(code));
  }
  if (!request.answer.empty())
    return error(absl::StatusCode::kInternal, "the answer breaks off within a row");
  return absl::OkStatus();
}

absl::Status ClickHouseClient::send_repeatable(Request& request) {
  absl::Status status;
  for (int i = 0; i < kTries; ++i) {
    if (i > 0) std::this_thread::sleep_for(kPause);
    status = send(request);
    if (!request.connection_failed || request.delivered) break;
  }
  return status;
}

absl::Status ClickHouseClient::exec(const std::string& sql) {
  Request request(sql);
  return send_repeatable(request);
}

absl::Status ClickHouseClient::exec_without_database(const std::string& sql) {
  Request request(sql);
  request.with_database = false;
  return send_repeatable(request);
}

absl::Status ClickHouseClient::query(const std::string& sql, const OnRow& on_row) {
  Request request(sql + " FORMAT RowBinary");
  request.on_row = &on_row;
  return send_repeatable(request);
}

absl::StatusOr<uint64_t> ClickHouseClient::number(const std::string& sql) {
  uint64_t number = 0;
  absl::Status status = query(absl::StrCat("SELECT toUInt64((", sql, "))"), [&](RowBinaryReader& row) {
    number = row.u64();
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return number;
}

absl::Status ClickHouseClient::insert(const std::string& into, const MoreRows& more) {
  Request request(absl::StrCat("INSERT INTO ", into, " FORMAT RowBinary"));
  request.more = &more;
  return send(request);
}

std::string clickhouse_literal(std::string_view value) {
  return absl::StrCat("unhex('", absl::BytesToHexString(absl::string_view(value.data(), value.size())), "')");
}

}  // namespace netspectra

#include "http/request_reader.h"

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "http/answer_text.h"

namespace netspectra {
namespace {

namespace http = boost::beast::http;
using boost::system::error_code;
using Parser = http::request_parser<http::string_body>;

constexpr size_t kMaxHeaderBytes = 16 << 10;
constexpr size_t kFirstReadBytes = 4 << 10;

std::vector<std::string> all_of(const Parser::value_type& message, http::field field) {
  std::vector<std::string> values;
  const auto [first, last] = message.equal_range(field);
  for (auto at = first; at != last; ++at) values.emplace_back(at->value());
  return values;
}

}  // namespace

struct RequestReader::Parts {
  explicit Parts(Stream& s) : stream(s) {}
  Stream& stream;
  boost::beast::flat_buffer buffer{kMaxHeaderBytes};  // holds also what comes behind the request
  std::optional<Parser> parser;
};

RequestReader::RequestReader(Stream& stream) : parts_(std::make_unique<Parts>(stream)) {}
RequestReader::~RequestReader() = default;

void RequestReader::wait(Done done) {
  parts_->parser.emplace();
  parts_->parser->header_limit(kMaxHeaderBytes);
  parts_->parser->body_limit(UINT64_MAX);  // the length is looked at with what else may be wrong
  if (parts_->buffer.size() > 0) return done({});
  parts_->stream.async_read_some(parts_->buffer.prepare(kFirstReadBytes),
                                 [this, done = std::move(done)](error_code error, size_t bytes) {
                                   if (!error) parts_->buffer.commit(bytes);
                                   done(error);
                                 });
}

void RequestReader::read_header(Done done) {
  http::async_read_header(parts_->stream, parts_->buffer, *parts_->parser,
                          [done = std::move(done)](error_code error, size_t) { done(error); });
}

void RequestReader::read_body(Done done) {
  http::async_read(parts_->stream, parts_->buffer, *parts_->parser,
                   [done = std::move(done)](error_code error, size_t) { done(error); });
}

std::optional<HttpResponse> RequestReader::refusal(error_code error) const {
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    const std::string_view read(static_cast<const char*>(parts_->buffer.data().data()),
                                parts_->buffer.size());
    const bool in_target = parts_->parser->get().target().empty() && read.find('\n') == read.npos;
    return in_target ? error_answer(414, "the target is too long")
                     : error_answer(431, "the header is too long");
  }
  if (error == http::error::end_of_stream || error == http::error::partial_message) return std::nullopt;
  if (error.category() == make_error_code(http::error::bad_version).category())
    return error_answer(400, "not an HTTP request");
  return std::nullopt;
}

RequestHead RequestReader::head() const {
  const auto& message = parts_->parser->get();
  return {.method = std::string(message.method_string()),
          .target = std::string(message.target()),
          .http_1_0 = message.version() < 11,
          .hosts = all_of(message, http::field::host),
          .authorizations = all_of(message, http::field::authorization),
          .origins = all_of(message, http::field::origin),
          .length = parts_->parser->content_length().value_or(0),
          .transfer_encoding = message.count(http::field::transfer_encoding) > 0};
}

bool RequestReader::has_body() const { return !parts_->parser->is_done(); }

bool RequestReader::expects_continue() const {
  return absl::EqualsIgnoreCase(std::string(parts_->parser->get()[http::field::expect]), "100-continue");
}

bool RequestReader::keep_alive() const { return parts_->parser->get().keep_alive(); }

std::string RequestReader::take_body() { return std::move(parts_->parser->get().body()); }

}  // namespace netspectra

// HTTP to the engine: one question and its answer, or the stream of events.
//
// Shapes: `path` is below the server's URL ("/api/v1/top"); parameters are encoded here. No redirection is followed, so
//   that the token goes nowhere else.
// Threads: one thread. Ownership: owns its connection, which is kept for the next question.
// Errors: Unavailable: not reached, or broken off; FailedPrecondition: the server refused, with what it said, in one
//   line; Internal: what came is no answer of an engine.
// Source: libcurl 7.88, the "easy" and "multi" interfaces.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "options.h"

typedef void CURL;

namespace netspectra {

class Client {
 public:
  explicit Client(const QueryOptions& options);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // The body of a 200.
  absl::StatusOr<std::string> get(const std::string& path, const Parameters& parameters);

  // Gives what comes, piece by piece, until `stopped` says so (asked several times a second): OK. Unavailable when the
  // stream ends or has been silent for too long.
  absl::Status stream(const std::string& path, const std::function<void(std::string_view)>& on_data,
                      const std::function<bool()>& stopped);

 private:
  struct Transfer;
  struct Header;
  void prepare(const std::string& path, const Parameters& parameters, const char* accept, Transfer& transfer);
  absl::Status outcome(int code, const Transfer& transfer) const;

  const std::string url_, token_, ca_file_;
  CURL* const curl_;
  std::unique_ptr<Header> header_;
  char error_[256] = {};  // libcurl's words
};

}  // namespace netspectra

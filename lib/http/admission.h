// Whether a request may go to the handler, by its header alone.
//
// Errors: what is refused comes with its answer; server.h lists the statuses.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "http/server.h"

namespace netspectra {

struct RequestHead {
  std::string method, target;
  bool http_1_0 = false;
  std::vector<std::string> hosts, authorizations, origins;  // of each field all that were sent
  uint64_t length = 0;                                      // of the body
  bool transfer_encoding = false;
};

constexpr size_t kMaxTargetBytes = 8 << 10;

// Nothing: it may; `request` is then filled in but for the body. `loopback`: the server listens there.
std::optional<HttpResponse> refusal_of(const RequestHead& head, const HttpConfig& config, bool loopback,
                                       HttpRequest& request);

}  // namespace netspectra

// Prometheus metrics over HTTP, on a loopback address.
//
// Purpose: GET and HEAD of /metrics give metrics_text() of the board; any other path 404, any other method 405,
//   a request that is too long 431, what is no request 400. One request per connection.
// Threads: one of its own, with the affinity of the thread that starts it. A slow client holds up nobody: a
//   connection has 5 s in all, a request 8 KiB; of 16 connections the oldest is closed when one more comes.
// Ownership: the board outlives the server; the destructor closes all connections and waits for the thread.
// Errors: start(): an address that is none, is not on loopback (there is no login), or is taken.
// Source: RFC 9110, RFC 9112; Boost.Beast 1.74.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "telemetry/probe_status.h"

namespace netspectra {

class MetricsServer {
 public:
  // `address`: "127.0.0.1:9464" or "[::1]:9464".
  static absl::StatusOr<std::unique_ptr<MetricsServer>> start(const std::string& address,
                                                              const StatusBoard& board);
  virtual ~MetricsServer() = default;
};

}  // namespace netspectra

// Prometheus metrics over HTTP, on a loopback address.
//
// Purpose: GET and HEAD of /metrics give metrics_text() of the board; any other path 404, any other method 405.
// Threads: two of its own, with the affinity of the thread that starts it. A connection has 5 s for a request and 5 s for
//   its answer; of 16 connections the one that has been silent longest is closed when one more comes.
// Ownership: the board outlives the server.
// Errors: an address that is none, is not on loopback (there is no login), or is taken.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "http/server.h"
#include "telemetry/probe_status.h"

namespace netspectra {

// `address`: "127.0.0.1:9464" or "[::1]:9464".
absl::StatusOr<std::unique_ptr<HttpServer>> serve_metrics(const std::string& address,
                                                          const StatusBoard& board);

}  // namespace netspectra

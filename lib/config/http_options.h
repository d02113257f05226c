// The `http` of the engine's configuration file.
//
// Shapes: docs/configuration.md, "HTTP". Certificates are not opened here; whether an address may be listened on is
//   judged by whoever does.
// Errors: gathered by the file that the node is of. Threads: set-up only.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "config/config_file.h"

namespace netspectra {

struct HttpOptions {
  std::string address = "127.0.0.1:8080";  // "" = no HTTP
  std::string token;                       // "" = none is asked for
  std::string tls_certificate, tls_key;    // PEM files; both or none
  unsigned workers = 2;                    // queries at a time
  unsigned max_connections = 64;
  unsigned max_listeners = 256;             // of live events
  uint64_t query_time_ns = 30'000'000'000;  // a query that takes longer is given up
};

absl::Status set_http_address(const std::string& text, HttpOptions& http);  // ADDR:PORT, or "none"
void read_http(const ConfigNode& node, HttpOptions& http);

}  // namespace netspectra

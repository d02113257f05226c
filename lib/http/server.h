// A small HTTP/1.1 server: requests to a handler, events to any number of listeners.
//
// Purpose: the one place where HTTP is spoken: the probe's metrics, the engine's API, page and live events.
// Shapes: GET and HEAD, and POST where bodies are allowed; a header of at most 16 KiB, its target of 8 KiB. Connections are
//   kept; requests that come before the answer (pipelining) wait in the socket. Paths and queries are decoded, and are
//   plain: request_target.h. Event streams are text/event-stream (server-sent events), a comment every 15 s keeps proxies
//   patient; what is published from the answer on is sent.
// Threads: one for all sockets, `workers` for the handler and one more for the paths in `quick`: the handler is called from
//   any of them, several at once; publish() from any. All have the affinity and the signal mask of the thread that starts.
//   A slow client holds up nobody: bounded buffers, bounded times; a listener that does not keep up loses events beyond
//   256 KiB, and is told how many ("event: missed", data {"events":N}); one that reads nothing for response_time is closed.
// Ownership: the destructor closes all connections and waits for all threads, also for a handler that runs.
// Errors: start(): an address that is none or is taken; one beyond loopback without both TLS and a token; a certificate
//   or key that cannot be read. To clients, as {"error":"..."}, and the connection is closed: 400 no request, 401 no or
//   wrong token, 403 a POST from another site's page, 405, 408 too slow, 411 a body of unknown length, 413, 414,
//   421 on loopback: the request's Host is not (DNS rebinding), 431, 500 the handler threw, 503 too many connections,
//   requests or listeners. Of max_connections an eighth is kept for requests that still arrive; when all are taken, the
//   one that has been silent longest is closed.
// Cost: about 10 us a request beside the handler, two changes of thread among them.
// Source: RFC 9110, RFC 9112; WHATWG HTML, 9.2 server-sent events; Boost.Beast 1.74.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace netspectra {

struct HttpRequest {
  std::string method;                                      // GET, HEAD or POST
  std::string path;                                        // decoded, without the query
  std::vector<std::pair<std::string, std::string>> query;  // decoded, in the order given
  std::string body;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;  // without line breaks
  bool listen = false;  // the connection becomes a stream of events; the body is its beginning
};

struct HttpConfig {
  std::string address;            // "127.0.0.1:8080", "[::1]:8080", "localhost:8080"; port 0: any, see port()
  std::string token;              // "" = none; else "Authorization: Bearer TOKEN" is needed
  std::vector<std::string> open;  // paths that need no token
  std::vector<std::string> quick;  // paths that no slow request delays: /healthz
  std::string tls_certificate;     // PEM files; both or none
  std::string tls_key;
  size_t workers = 1;
  size_t max_waiting = 64;  // requests that wait for a worker; more: 503
  size_t max_connections = 64;
  size_t max_listeners = 256;                       // beside max_connections
  size_t max_body_bytes = 0;                        // larger: 413; 0: no POST
  std::chrono::milliseconds request_time{5'000};    // to have sent the whole request
  std::chrono::milliseconds response_time{60'000};  // to have answered it and been read
};

struct HttpStats {
  uint64_t requests = 0;
  uint64_t refused = 0;      // 4xx and 5xx, those of the handler included
  uint64_t connections = 0;  // now
  uint64_t listeners = 0;    // now
  uint64_t events_missed = 0;
};

class HttpServer {
 public:
  using Handler = std::function<HttpResponse(const HttpRequest&)>;

  static absl::StatusOr<std::unique_ptr<HttpServer>> start(const HttpConfig& config, Handler handler);
  virtual ~HttpServer() = default;

  // An event to every listener; returns at once. Neither holds a line break.
  virtual void publish(const std::string& event, const std::string& data) = 0;
  virtual HttpStats stats() const = 0;
  virtual uint16_t port() const = 0;
};

}  // namespace netspectra

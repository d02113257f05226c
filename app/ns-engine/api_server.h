// The engine's HTTP: queries, live events, metrics, health, the page.
//
// Shapes: docs/query-api.md, docs/openapi.yaml.
// Threads: the server's own; publish() from any. Each query has a connection to the store of its own, kept for the next.
// Ownership: borrows the status, which outlives it. Errors: start(): HttpServer's.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "config/http_options.h"
#include "engine_status.h"
#include "http/server.h"
#include "query/api.h"
#include "query/source.h"

namespace netspectra {

class ApiServer {
 public:
  static absl::StatusOr<std::unique_ptr<ApiServer>> start(const HttpOptions& options,
                                                          const std::string& store,
                                                          const EngineStatus& status);

  void publish(const std::string& event, const std::string& data) { server_->publish(event, data); }
  uint16_t port() const { return server_->port(); }

 private:
  ApiServer(const HttpOptions& options, std::string store, const EngineStatus& status);
  HttpResponse answer(const HttpRequest& request);
  HttpResponse answer_query(const std::string& path, const HttpRequest& request);
  HttpStats stats();
  absl::StatusOr<std::unique_ptr<QuerySource>> take_source();

  const std::string store_;
  const EngineStatus& status_;
  ApiLimits limits_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<QuerySource>> sources_;  // that are free
  std::unique_ptr<HttpServer> server_;                 // last: its threads use all of the above
};

}  // namespace netspectra

#include "telemetry/metrics_server.h"

#include <chrono>
#include <optional>

#include "absl/strings/str_cat.h"
#include "http/listen_address.h"
#include "telemetry/metrics_text.h"

namespace netspectra {

absl::StatusOr<std::unique_ptr<HttpServer>> serve_metrics(const std::string& address,
                                                          const StatusBoard& board) {
  const std::optional<ListenAddress> parsed = parse_listen_address(address);
  if (!parsed || !parsed->loopback || parsed->port == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("metrics: \"", address, "\" is no 127.x.x.x:PORT or [::1]:PORT"));
  }
  HttpConfig config;
  config.address = address;
  config.max_connections = 16;
  config.response_time = std::chrono::seconds(5);
  auto server = HttpServer::start(config, [&board](const HttpRequest& request) {
    HttpResponse response;
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    if (request.path == "/metrics") {
      response.body = metrics_text(board.read());
    } else {
      response.status = 404;
      response.body = "only /metrics is here\n";
    }
    return response;
  });
  if (!server.ok())
    return absl::Status(server.status().code(),
                        absl::StrCat("metrics: ", std::string(server.status().message())));
  return server;
}

}  // namespace netspectra

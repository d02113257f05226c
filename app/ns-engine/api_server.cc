#include "api_server.h"

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/system_clock.h"
#include "output/json_text.h"
#include "page.h"

namespace netspectra {
namespace {

constexpr const char* kApi = "/api/v1/";

int http_status(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
      return 400;
    case absl::StatusCode::kNotFound:
      return 404;
    case absl::StatusCode::kResourceExhausted:
      return 413;
    case absl::StatusCode::kUnimplemented:
      return 501;
    case absl::StatusCode::kUnavailable:
      return 503;
    case absl::StatusCode::kDeadlineExceeded:
      return 504;
    default:
      return 500;
  }
}

HttpResponse reply(int status, std::string content_type, std::string body) {
  HttpResponse response;
  response.status = status;
  response.content_type = std::move(content_type);
  response.body = std::move(body);
  return response;
}

HttpResponse json(std::string body) { return reply(200, "application/json", std::move(body)); }

HttpResponse text(int status, std::string body) {
  return reply(status, "text/plain; charset=utf-8", std::move(body));
}

HttpResponse error(int status, const std::string& what) {
  std::string body = "{\"error\":";
  append_json_string(body, what);
  return reply(status, "application/json", body + "}\n");
}

HttpConfig http_config(const HttpOptions& options) {
  HttpConfig config;
  config.address = options.address;
  config.token = options.token;
  config.tls_certificate = options.tls_certificate;
  config.tls_key = options.tls_key;
  config.workers = options.workers;
  config.max_connections = options.max_connections;
  config.max_listeners = options.max_listeners;
  config.response_time =
      std::chrono::milliseconds(options.query_time_ns / 1'000'000) + std::chrono::milliseconds(30'000);
  config.open = {"/healthz", "/readyz"};
  for (const PageFile& file : page_files()) config.open.emplace_back(file.path);
  config.quick = {"/healthz", "/readyz", "/metrics", "/api/v1/alerts", "/api/v1/live"};
  return config;
}

}  // namespace

ApiServer::ApiServer(const HttpOptions& options, std::string store, const EngineStatus& status)
    : store_(std::move(store)), status_(status) {
  limits_.time = std::chrono::milliseconds(options.query_time_ns / 1'000'000);
}

absl::StatusOr<std::unique_ptr<ApiServer>> ApiServer::start(const HttpOptions& options,
                                                            const std::string& store,
                                                            const EngineStatus& status) {
  std::unique_ptr<ApiServer> api(new ApiServer(options, store, status));
  absl::StatusOr<std::unique_ptr<HttpServer>> server = HttpServer::start(
      http_config(options), [&api = *api](const HttpRequest& request) { return api.answer(request); });
  if (!server.ok()) {
    return absl::Status(server.status().code(), absl::StrCat("http: ", server.status().message()));
  }
  const std::lock_guard lock(api->mutex_);  // a request may be there already
  api->server_ = *std::move(server);
  return api;
}

HttpResponse ApiServer::answer(const HttpRequest& request) {
  if (request.path.starts_with(kApi))
    return answer_query(request.path.substr(std::string(kApi).size()), request);
  if (request.path == "/healthz") return text(200, "ok\n");
  if (request.path == "/readyz") {
    const std::string why = not_ready_because(status_.read());
    return why.empty() ? text(200, "ready\n") : text(503, absl::StrCat("not ready: ", why, "\n"));
  }
  if (request.path == "/metrics") {
    return reply(200, "text/plain; version=0.0.4; charset=utf-8", metrics_text(status_.read(), stats()));
  }
  for (const PageFile& file : page_files()) {
    if (request.path == file.path) return reply(200, file.content_type, std::string(file.content));
  }
  return error(404, absl::StrCat("there is no ", request.path));
}

HttpStats ApiServer::stats() {
  const std::lock_guard lock(mutex_);
  return server_ == nullptr ? HttpStats() : server_->stats();
}

HttpResponse ApiServer::answer_query(const std::string& path, const HttpRequest& request) {
  if ((path == "live" || path == "alerts") && !request.query.empty()) {
    return error(400, absl::StrCat(request.query[0].first, ": ", path, " takes no parameters"));
  }
  if (path == "live") {
    HttpResponse events = reply(200, "text/event-stream", "retry: 2000\n\n");
    events.listen = true;
    return events;
  }
  if (path == "alerts") {
    const std::shared_ptr<const std::string> alerts = status_.read().alerts;
    return json(alerts != nullptr ? *alerts : "{\"rows\":[],\"left_out\":0,\"next\":null}\n");
  }
  absl::StatusOr<std::unique_ptr<QuerySource>> source = take_source();
  if (!source.ok()) return error(http_status(source.status()), std::string(source.status().message()));
  const absl::StatusOr<std::string> answer =
      netspectra::answer_query(**source, path, request.query, system_clock_ns(), limits_);
  const bool reusable =
      answer.ok() || absl::IsInvalidArgument(answer.status()) || absl::IsNotFound(answer.status());
  if (reusable) {
    const std::lock_guard lock(mutex_);
    sources_.push_back(*std::move(source));
  }
  if (!answer.ok()) return error(http_status(answer.status()), std::string(answer.status().message()));
  return json(*answer + "\n");
}

absl::StatusOr<std::unique_ptr<QuerySource>> ApiServer::take_source() {
  {
    const std::lock_guard lock(mutex_);
    if (!sources_.empty()) {
      std::unique_ptr<QuerySource> source = std::move(sources_.back());
      sources_.pop_back();
      return source;
    }
  }
  return open_query_source(store_);
}

}  // namespace netspectra

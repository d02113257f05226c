#include "config/http_options.h"

#include "config/values.h"

namespace netspectra {
namespace {

absl::Status set_text(const std::string& text, std::string& to) {
  if (text.empty()) return absl::InvalidArgumentError("must not be empty");
  to = text;
  return absl::OkStatus();
}

ConfigNode::Key key(const char* name, const ConfigNode::Setter& set) {
  return {name, [set](const ConfigNode& value) { value.read_text(set); }};
}

}  // namespace

absl::Status set_http_address(const std::string& text, HttpOptions& http) {
  if (text == "none") {
    http.address.clear();
    return absl::OkStatus();
  }
  if (text.rfind(':') == std::string::npos) return must("ADDR:PORT, or none");
  http.address = text;
  return absl::OkStatus();
}

void read_http(const ConfigNode& node, HttpOptions& http) {
  node.read_map({
      key("address", [&](const std::string& text) { return set_http_address(text, http); }),
      key("token", [&](const std::string& text) { return set_text(text, http.token); }),
      {"tls",
       [&](const ConfigNode& map) {
         map.read_map({key("certificate",
                           [&](const std::string& text) { return set_text(text, http.tls_certificate); }),
                       key("key", [&](const std::string& text) { return set_text(text, http.tls_key); })});
         if (http.tls_certificate.empty() != http.tls_key.empty()) {
           map.mistake("certificate and key need each other");
         }
       }},
      key("workers", [&](const std::string& text) { return set_whole_number(text, 1, 64, http.workers); }),
      key("max_connections",
          [&](const std::string& text) { return set_whole_number(text, 1, 10'000, http.max_connections); }),
      key("max_listeners",
          [&](const std::string& text) { return set_whole_number(text, 0, 10'000, http.max_listeners); }),
      key("query_time", [&](const std::string& text) { return set_period(text, http.query_time_ns); }),
  });
}

}  // namespace netspectra

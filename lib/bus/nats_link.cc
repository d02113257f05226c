#include "bus/nats_link.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "bus/nkey.h"

namespace netspectra {
namespace {

constexpr int64_t kConnectTimeoutMs = 2000;
constexpr int64_t kWriteDeadlineMs = 5000;
constexpr int64_t kPingIntervalMs =
    5000;  // a peer that is gone without a word is noticed after three of them
constexpr int kPingsOut = 2;
constexpr int64_t kApiWaitMs = 2000;

using NatsOptions = std::unique_ptr<natsOptions, NatsDelete<natsOptions_Destroy>>;

absl::Status check_url(const std::string& url, const std::string& shown) {
  const size_t scheme_end = url.find("://");
  const std::string scheme = scheme_end == std::string::npos ? "nats" : url.substr(0, scheme_end);
  std::string host = shown.substr(shown.find("://") + 3);
  const size_t colon = host.rfind(':');
  uint32_t port = 4222;
  bool port_ok = true;
  if (colon != std::string::npos && host.find(']', colon) == std::string::npos) {
    port_ok = absl::SimpleAtoi(host.substr(colon + 1), &port) && port >= 1 && port <= 65535;
    host.resize(colon);
  }
  if ((scheme == "nats" || scheme == "tls") && port_ok && !host.empty() &&
      host.find_first_of("/ ") == std::string::npos) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("NATS: '", shown, "' is not of the form nats://HOST[:PORT] or tls://HOST[:PORT]"));
}

// Without user, password or token.
std::string without_login(const std::string& url) {
  const size_t scheme_end = url.find("://");
  const std::string scheme = scheme_end == std::string::npos ? "nats" : url.substr(0, scheme_end);
  std::string rest = scheme_end == std::string::npos ? url : url.substr(scheme_end + 3);
  if (const size_t at = rest.rfind('@'); at != std::string::npos) rest.erase(0, at + 1);
  return absl::StrCat(scheme, "://", rest);
}

bool wants_tls(const NatsConfig& config) {
  for (const std::string& url : config.urls) {
    if (url.starts_with("tls://")) return true;
  }
  return config.tls.enabled;
}

// How we logged in, for whoever has to mend it.
std::string login_name(const NatsConfig& config) {
  if (!config.user.empty()) return absl::StrCat("user '", config.user, "'");
  if (!config.token.empty()) return "the token";
  if (!config.credentials_file.empty()) return absl::StrCat("credentials file ", config.credentials_file);
  if (!config.nkey_seed_file.empty()) return absl::StrCat("nkey seed file ", config.nkey_seed_file);
  for (const std::string& url : config.urls) {
    if (url.find('@') != std::string::npos) return "the login in the URL";
  }
  return "no login";
}

// nats.c 3.4 signs a text that is another for each connection. Where the signature begins with a zero byte, the server finds none
// and refuses the right key: one login in 256. Four of them in a row are one in four billion.
int attempts(const NatsConfig& config) {
  return config.credentials_file.empty() && config.nkey_seed_file.empty() ? 1 : 4;
}

natsStatus set_login(natsOptions* options, const NatsConfig& config, const std::string& public_key) {
  if (!config.user.empty())
    return natsOptions_SetUserInfo(options, config.user.c_str(), config.password.c_str());
  if (!config.token.empty()) return natsOptions_SetToken(options, config.token.c_str());
  if (!config.credentials_file.empty()) {
    return natsOptions_SetUserCredentialsFromFiles(options, config.credentials_file.c_str(), nullptr);
  }
  if (!public_key.empty()) {
    return natsOptions_SetNKeyFromSeed(options, public_key.c_str(), config.nkey_seed_file.c_str());
  }
  return NATS_OK;
}

natsStatus set_tls(natsOptions* options, const NatsConfig& config) {
  if (!wants_tls(config)) return NATS_OK;
  natsStatus status = natsOptions_SetSecure(options, true);
  if (status == NATS_OK && !config.tls.ca_file.empty()) {
    status = natsOptions_LoadCATrustedCertificates(options, config.tls.ca_file.c_str());
  }
  if (status == NATS_OK && !config.tls.cert_file.empty()) {
    status =
        natsOptions_LoadCertificatesChain(options, config.tls.cert_file.c_str(), config.tls.key_file.c_str());
  }
  return status;
}

natsStatus set_behaviour(natsOptions* options) {
  natsStatus status = natsOptions_SetAllowReconnect(options, false);
  if (status == NATS_OK) status = natsOptions_SetTimeout(options, kConnectTimeoutMs);
  if (status == NATS_OK) status = natsOptions_SetWriteDeadline(options, kWriteDeadlineMs);
  if (status == NATS_OK) status = natsOptions_SetPingInterval(options, kPingIntervalMs);
  if (status == NATS_OK) status = natsOptions_SetMaxPingsOut(options, kPingsOut);
  if (status == NATS_OK) status = natsOptions_SetName(options, "netspectra");
  return status;
}

absl::Status connect_status(natsStatus status, const NatsConfig& config) {
  const std::string servers = absl::StrCat("NATS ", server_names(config), ": ");
  switch (status) {
    case NATS_CONNECTION_AUTH_FAILED:
    case NATS_NOT_PERMITTED:
      return absl::PermissionDeniedError(
          absl::StrCat(servers, "login refused with ", login_name(config), " (", nats_error(status), ")"));
    case NATS_SECURE_CONNECTION_REQUIRED:
      return absl::FailedPreconditionError(
          absl::StrCat(servers, "the server wants TLS: use tls:// in the URL"));
    case NATS_SECURE_CONNECTION_WANTED:
      return absl::FailedPreconditionError(
          absl::StrCat(servers, "the server offers no TLS, which is asked for"));
    case NATS_SSL_ERROR:
      return absl::FailedPreconditionError(absl::StrCat(servers, "TLS: ", nats_error(status)));
    default:
      return absl::UnavailableError(absl::StrCat(servers, "cannot be reached (", nats_error(status), ")"));
  }
}

}  // namespace

SignalsBlocked::SignalsBlocked() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before_);
}

SignalsBlocked::~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

std::string server_names(const NatsConfig& config) {
  std::vector<std::string> names;
  for (const std::string& url : config.urls) names.push_back(without_login(url));
  return absl::StrJoin(names, ", ");
}

std::string nats_error(natsStatus status) {
  natsStatus last_status = NATS_OK;
  const char* last = nats_GetLastError(&last_status);
  if (last_status != status || last == nullptr || *last == '\0') return natsStatus_GetText(status);
  std::string text = last;
  if (text[0] == '(') {  // "(file.c:123): "
    if (const size_t end = text.find("): "); end != std::string::npos) text.erase(0, end + 3);
  }
  return text;
}

absl::Status check_nats_config(const NatsConfig& config) {
  if (config.urls.empty()) return absl::InvalidArgumentError("NATS: no URL of a server");
  for (const std::string& url : config.urls) {
    if (absl::Status status = check_url(url, without_login(url)); !status.ok()) return status;
  }
  const int logins = !config.user.empty() + !config.token.empty() + !config.credentials_file.empty() +
                     !config.nkey_seed_file.empty();
  if (logins > 1)
    return absl::InvalidArgumentError("NATS: more than one way to log in (user, token, credentials, nkey)");
  if (config.tls.cert_file.empty() != config.tls.key_file.empty()) {
    return absl::InvalidArgumentError("NATS: TLS: a certificate needs its key, and a key its certificate");
  }
  for (const std::string& file : {config.credentials_file, config.nkey_seed_file, config.tls.ca_file,
                                  config.tls.cert_file, config.tls.key_file}) {
    if (!file.empty() && ::access(file.c_str(), R_OK) != 0)
      return absl::ErrnoToStatus(errno, absl::StrCat("NATS: ", file));
  }
  return config.nkey_seed_file.empty() ? absl::OkStatus() : nkey_public_key(config.nkey_seed_file).status();
}

absl::StatusOr<std::unique_ptr<NatsLink>> NatsLink::connect(const NatsConfig& config) {
  std::string public_key;
  if (!config.nkey_seed_file.empty()) {
    absl::StatusOr<std::string> key = nkey_public_key(config.nkey_seed_file);
    if (!key.ok()) return key.status();
    public_key = *std::move(key);
  }
  natsOptions* created = nullptr;
  natsStatus status = natsOptions_Create(&created);
  const NatsOptions options(created);
  std::vector<const char*> urls;
  for (const std::string& url : config.urls) urls.push_back(url.c_str());
  if (status == NATS_OK) status = natsOptions_SetServers(created, urls.data(), static_cast<int>(urls.size()));
  if (status == NATS_OK) status = set_behaviour(created);
  if (status == NATS_OK) status = set_login(created, config, public_key);
  if (status == NATS_OK) status = set_tls(created, config);
  if (status != NATS_OK) {
    return absl::InvalidArgumentError(absl::StrCat("NATS ", server_names(config), ": ", nats_error(status)));
  }
  std::unique_ptr<NatsLink> link(new NatsLink);
  natsConnection* connection = nullptr;
  for (int left = attempts(config); left > 0; --left) {
    status = natsConnection_Connect(&connection, created);
    if (status != NATS_CONNECTION_AUTH_FAILED) break;
  }
  link->connection_.reset(connection);
  if (status != NATS_OK) return connect_status(status, config);
  jsOptions js_options;
  jsOptions_Init(&js_options);
  js_options.Wait = kApiWaitMs;
  jsCtx* jetstream = nullptr;
  status = natsConnection_JetStream(&jetstream, connection, &js_options);
  link->jetstream_.reset(jetstream);
  if (status != NATS_OK) return connect_status(status, config);
  return link;
}

std::string NatsLink::server() const {
  char url[512] = {};
  if (natsConnection_GetConnectedUrl(connection_.get(), url, sizeof(url)) != NATS_OK) return "a server";
  return without_login(url);
}

std::string NatsLink::last_error() const {
  const char* text = nullptr;
  natsConnection_GetLastError(connection_.get(), &text);
  return text == nullptr ? "" : text;
}

}  // namespace netspectra

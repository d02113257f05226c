#include "config/nats_options.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "config/values.h"

namespace netspectra {
namespace {

constexpr size_t kMaxTokenLetters = 64;
// The least that holds an epoch's parts in flight: chunks are of at most 512 KiB.
constexpr const char* kLeastQueue = "1MiB";

bool is_token_letter(unsigned char c) {
  return c > ' ' && c < 0x7f && c != '.' && c != '*' && c != '>' && c != '/' && c != '\\';
}

absl::Status set_text(const std::string& text, std::string& target) {
  if (text.empty()) return absl::InvalidArgumentError("must not be empty");
  target = text;
  return absl::OkStatus();
}

absl::Status set_stream_name(const std::string& text, NatsConfig& nats) {
  const absl::Status status = check_subject_token(text);
  if (status.ok()) nats.stream = text;
  return status;
}

absl::Status set_max_age(const std::string& text, NatsConfig& nats) {
  const absl::Status status = set_period(text, nats.stream_max_age_ns);
  return status.ok() && nats.stream_max_age_ns < 1'000'000'000 ? must("at least 1s") : status;
}

// A key of one value.
ConfigNode::Key text_key(const char* name, ConfigNode::Setter set) {
  return {name, [set = std::move(set)](const ConfigNode& value) { value.read_text(set); }};
}

ConfigNode::Key string_key(const char* name, std::string& target) {
  return text_key(name, [&target](const std::string& text) { return set_text(text, target); });
}

void read_tls(const ConfigNode& node, NatsTls& tls) {
  tls.enabled = true;
  node.read_map(
      {string_key("ca", tls.ca_file), string_key("cert", tls.cert_file), string_key("key", tls.key_file)});
  if (tls.cert_file.empty() != tls.key_file.empty()) node.mistake("cert and key need each other");
}

void read_stream(const ConfigNode& node, NatsConfig& nats) {
  node.read_map({
      text_key("name", [&](const std::string& text) { return set_stream_name(text, nats); }),
      text_key(
          "max_bytes",
          [&](const std::string& text) { return set_size(text, kLeastQueue, "", nats.stream_max_bytes); }),
      text_key("max_age", [&](const std::string& text) { return set_max_age(text, nats); }),
  });
}

void read_spool(const ConfigNode& node, NatsConfig& nats) {
  node.read_map({
      text_key("dir", [&](const std::string& text) { return set_spool_dir(text, nats); }),
      text_key(
          "limit",
          [&](const std::string& text) { return set_size(text, kLeastQueue, "", nats.spool.limit_bytes); }),
  });
}

void check_login(const ConfigNode& node, const NatsConfig& nats) {
  if (nats.user.empty() != nats.password.empty()) node.mistake("user and password need each other");
  const std::string* const ways[] = {&nats.user, &nats.token, &nats.credentials_file, &nats.nkey_seed_file};
  if (std::count_if(std::begin(ways), std::end(ways), [](const std::string* w) { return !w->empty(); }) > 1) {
    node.mistake("has more than one way to log in (user and password, token, credentials, or nkey)");
  }
}

}  // namespace

absl::Status check_subject_token(const std::string& text) {
  if (!text.empty() && text.size() <= kMaxTokenLetters &&
      std::all_of(text.begin(), text.end(), is_token_letter)) {
    return absl::OkStatus();
  }
  return must(absl::StrCat("1 to ", kMaxTokenLetters,
                           " ASCII letters, digits and signs, without space, '.', '*', '>', '/' and '\\' "
                           "(it is one part of a NATS subject)"));
}

std::string subject_token(std::string text) {
  text.resize(std::min(text.size(), kMaxTokenLetters));
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return !is_token_letter(c); }, '-');
  return text;
}

absl::Status add_nats_url(const std::string& url, std::vector<std::string>& urls) {
  const size_t scheme = url.starts_with("nats://") ? 7 : url.starts_with("tls://") ? 6 : 0;
  if (scheme == 0 || scheme == url.size() || url.find_first_of(" \t,/", scheme) != std::string::npos) {
    return must("nats://HOST:PORT or tls://HOST:PORT");
  }
  // URLs are shown in messages and process lists.
  if (url.find('@') != std::string::npos) {
    return absl::InvalidArgumentError(
        "must not hold a login (set user and password, or token, below nats: in the configuration)");
  }
  urls.push_back(url);
  return absl::OkStatus();
}

absl::Status set_spool_dir(const std::string& dir, NatsConfig& nats) { return set_text(dir, nats.spool.dir); }

void read_nats(const ConfigNode& node, NatsConfig& nats) {
  std::vector<std::string> urls;
  bool one = false, several = false;
  const auto add_url = [&](const std::string& text) { return add_nats_url(text, urls); };
  node.read_map({
      {"url", [&](const ConfigNode& value) { one = true, value.read_text(add_url); }},
      {"urls", [&](const ConfigNode& list) { several = true, list.read_texts(add_url); }},
      string_key("user", nats.user),
      string_key("password", nats.password),
      string_key("token", nats.token),
      string_key("credentials", nats.credentials_file),
      string_key("nkey", nats.nkey_seed_file),
      {"tls", [&](const ConfigNode& map) { read_tls(map, nats.tls); }},
      text_key("jetstream", [&](const std::string& text) { return set_yes_or_no(text, nats.jetstream); }),
      {"stream", [&](const ConfigNode& map) { read_stream(map, nats); }},
      text_key(
          "queue_limit",
          [&](const std::string& text) { return set_size(text, kLeastQueue, "", nats.queue_limit_bytes); }),
      {"spool", [&](const ConfigNode& map) { read_spool(map, nats); }},
  });
  if (one && several) node.mistake("has both url and urls");
  if (!urls.empty()) nats.urls = std::move(urls);
  check_login(node, nats);
}

}  // namespace netspectra

#include "config/alert_receivers.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "config/values.h"
#include "config/words.h"

namespace netspectra {
namespace {

constexpr size_t kMaxNameLetters = 64;
constexpr uint64_t kLeastTimeoutNs = 100'000'000;
constexpr uint64_t kMostTimeoutNs = 300'000'000'000;

// Goes into a header, a URL or an SMTP command, where a line's end would begin another one.
bool is_one_word(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
}

absl::Status set_word(const std::string& text, std::string& target) {
  if (!is_one_word(text)) return must("ASCII letters, digits and signs, without spaces");
  target = text;
  return absl::OkStatus();
}

absl::Status set_url(const std::string& text, std::string& url) {
  const size_t scheme = text.starts_with("http://") ? 7 : text.starts_with("https://") ? 8 : 0;
  if (scheme == 0 || scheme == text.size() || !is_one_word(text)) return must("http://... or https://...");
  url = text;
  return absl::OkStatus();
}

absl::Status set_address(const std::string& text, std::string& address) {
  const size_t at = text.find('@');
  if (!is_one_word(text) || at == 0 || at == std::string::npos || at + 1 == text.size() ||
      text.find_first_of("<>,;") != std::string::npos) {
    return must("an address like ops@example.net");
  }
  address = text;
  return absl::OkStatus();
}

absl::Status set_timeout(const std::string& text, uint64_t& timeout_ns) {
  uint64_t value = 0;
  if (!set_period(text, value).ok() || value < kLeastTimeoutNs || value > kMostTimeoutNs) {
    return must("a duration from 100ms to 300s");
  }
  timeout_ns = value;
  return absl::OkStatus();
}

absl::Status set_port(const std::string& text, uint16_t& port) {
  unsigned number = 0;
  const absl::Status status = set_whole_number(text, 1, 65535, number);
  if (status.ok()) port = static_cast<uint16_t>(number);
  return status;
}

absl::Status set_tls(const std::string& text, MailTls& tls) {
  const absl::StatusOr<size_t> index = find_word(text, kMailTlsNames);
  if (index.ok()) tls = static_cast<MailTls>(*index);
  return index.status();
}

absl::Status set_name(const std::string& text, const std::vector<AlertReceiver>& receivers,
                      AlertReceiver& receiver) {
  const absl::Status status = check_alert_name(text);
  if (!status.ok()) return status;
  const auto same = [&](const AlertReceiver& other) { return other.name == text; };
  if (std::any_of(receivers.begin(), receivers.end(), same)) {
    return absl::InvalidArgumentError("is the name of another receiver, too");
  }
  receiver.name = text;
  return absl::OkStatus();
}

constexpr unsigned bit(ReceiverKind kind) { return 1u << static_cast<unsigned>(kind); }
constexpr unsigned kWebhooks = bit(ReceiverKind::kWebhook), kEmails = bit(ReceiverKind::kEmail);

// What a receiver of some kinds has.
struct Setting {
  const char* key;
  unsigned kinds;  // that take it
  unsigned needed_by;
  absl::Status (*set)(const std::string& text, AlertReceiver& receiver);
};
constexpr Setting kSettings[] = {
    {"url", kWebhooks, kWebhooks, [](const std::string& t, AlertReceiver& r) { return set_url(t, r.url); }},
    {"token", kWebhooks, 0, [](const std::string& t, AlertReceiver& r) { return set_word(t, r.token); }},
    {"secret", kWebhooks, 0, [](const std::string& t, AlertReceiver& r) { return set_word(t, r.secret); }},
    {"host", kEmails, kEmails, [](const std::string& t, AlertReceiver& r) { return set_word(t, r.host); }},
    {"port", kEmails, 0, [](const std::string& t, AlertReceiver& r) { return set_port(t, r.port); }},
    {"tls", kEmails, 0, [](const std::string& t, AlertReceiver& r) { return set_tls(t, r.tls); }},
    {"user", kEmails, 0, [](const std::string& t, AlertReceiver& r) { return set_word(t, r.user); }},
    {"password", kEmails, 0, [](const std::string& t, AlertReceiver& r) { return set_word(t, r.password); }},
    {"from", kEmails, kEmails, [](const std::string& t, AlertReceiver& r) { return set_address(t, r.from); }},
    {"ca", kWebhooks | kEmails, 0,
     [](const std::string& t, AlertReceiver& r) {
       r.ca_file = t;
       return t.empty() ? must("a file") : absl::OkStatus();
     }},
    {"timeout", kWebhooks | kEmails, 0,
     [](const std::string& t, AlertReceiver& r) { return set_timeout(t, r.timeout_ns); }},
    {"give_up", kWebhooks | kEmails, 0,
     [](const std::string& t, AlertReceiver& r) { return set_period(t, r.give_up_ns); }},
};

using Given = std::vector<std::pair<std::string, ConfigNode>>;

bool has(const Given& given, const std::string& key) {
  return std::any_of(given.begin(), given.end(), [&](const auto& g) { return g.first == key; });
}

void check_kind(const ConfigNode& node, const Given& given, const AlertReceiver& receiver) {
  const std::string kind = kReceiverKindNames[static_cast<size_t>(receiver.kind)];
  for (const Setting& setting : kSettings) {
    if ((setting.needed_by & bit(receiver.kind)) != 0 && !has(given, setting.key)) {
      node.mistake(absl::StrCat("has no ", setting.key));
    }
  }
  for (const auto& [key, value] : given) {
    const auto* setting = std::find_if(std::begin(kSettings), std::end(kSettings),
                                       [&, name = key](const Setting& s) { return name == s.key; });
    const unsigned kinds = setting == std::end(kSettings) ? kEmails : setting->kinds;  // "to"
    if ((kinds & bit(receiver.kind)) == 0) value.mistake(absl::StrCat("kind ", kind, " takes none"));
  }
  if (receiver.kind != ReceiverKind::kEmail) return;
  if (receiver.to.empty() && !has(given, "to")) node.mistake("has no to");
  if (receiver.user.empty() != receiver.password.empty()) node.mistake("user and password need each other");
  if (!receiver.user.empty() && receiver.tls == MailTls::kNone) {
    node.mistake("user and password are not sent without encryption (tls: starttls or smtps)");
  }
}

}  // namespace

absl::Status check_alert_name(const std::string& text) {
  const bool ok = !text.empty() && text.size() <= kMaxNameLetters &&
                  std::all_of(text.begin(), text.end(),
                              [](unsigned char c) { return absl::ascii_isalnum(c) || c == '_' || c == '-'; });
  return ok ? absl::OkStatus() : must(absl::StrCat("1 to ", kMaxNameLetters, " letters, digits, _ and -"));
}

void read_alert_receiver(const ConfigNode& node, std::vector<AlertReceiver>& receivers) {
  AlertReceiver receiver;
  bool known_kind = false;
  Given given;
  const auto set_kind = [&](const std::string& text) {
    const absl::StatusOr<size_t> index = find_word(text, kReceiverKindNames);
    if (index.ok()) receiver.kind = static_cast<ReceiverKind>(*index);
    known_kind = index.ok();
    return index.status();
  };
  const auto add_to = [&](const std::string& text) {
    std::string address;
    const absl::Status status = set_address(text, address);
    if (status.ok()) receiver.to.push_back(address);
    return status;
  };
  std::vector<ConfigNode::Key> keys = {
      {"name",
       [&](const ConfigNode& value) {
         value.read_text([&](const std::string& text) { return set_name(text, receivers, receiver); });
       },
       true},
      {"kind", [&](const ConfigNode& value) { value.read_text(set_kind); }, true},
      {"to", [&](const ConfigNode& list) { given.emplace_back("to", list), list.read_texts(add_to); }},
  };
  for (const Setting& setting : kSettings) {
    keys.push_back({setting.key, [&](const ConfigNode& value) {
                      given.emplace_back(setting.key, value);
                      value.read_text([&](const std::string& text) { return setting.set(text, receiver); });
                    }});
  }
  node.read_map(keys);
  if (known_kind) check_kind(node, given, receiver);
  receivers.push_back(std::move(receiver));
}

}  // namespace netspectra

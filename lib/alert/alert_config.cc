#include "alert/alert_config.h"

#include <string_view>

#include "absl/strings/str_format.h"
#include "base/mix64.h"

namespace netspectra {
namespace {

bool matches(std::string_view pattern, std::string_view text) {
  const size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == text;
  if (!text.starts_with(pattern.substr(0, star))) return false;
  // Each part between two stars is best taken where it stands first; what is behind the last star stands at the end.
  text.remove_prefix(star);
  pattern.remove_prefix(star + 1);
  for (size_t next; (next = pattern.find('*')) != std::string_view::npos; pattern.remove_prefix(next + 1)) {
    const std::string_view part = pattern.substr(0, next);
    const size_t at = text.find(part);
    if (at == std::string_view::npos) return false;
    text.remove_prefix(at + part.size());
  }
  return text.ends_with(pattern);
}

}  // namespace

bool matches_pattern(const std::string& pattern, const std::string& text) { return matches(pattern, text); }

uint64_t fingerprint(const AlertRule& rule) {
  std::string by;
  for (size_t i = 0; i < kKeyFieldCount; ++i) by += rule.by.has(static_cast<KeyField>(i)) ? '1' : '0';
  const AlertRise rise = rule.rise.value_or(AlertRise{});
  const std::string definition = absl::StrFormat(
      "%s\n%s\n%d\n%s\n%s\n%s\n%s\n%.17g %d %.17g %d %d %.17g %d %d %d %.17g %d", rule.name, rule.task,
      static_cast<int>(rule.metric), by, rule.where_text, rule.site, rule.probe, rule.above,
      rule.rise.has_value(), rise.factor, rise.over_ns, rise.over_epochs, rise.at_least, rule.per_second,
      rule.for_ns, rule.clear_below.has_value(), rule.clear_below.value_or(0), rule.clear_for_ns);
  uint64_t hash = definition.size();
  for (const char c : definition) hash = mix64(hash ^ static_cast<unsigned char>(c)) + 0x9e3779b97f4a7c15;
  return hash;
}

}  // namespace netspectra

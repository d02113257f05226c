#include "config/alert_options.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/units.h"
#include "config/alert_receivers.h"
#include "config/values.h"
#include "config/words.h"
#include "query/parse.h"

namespace netspectra {
namespace {

using Setter = ConfigNode::Setter;
using Named = std::vector<std::pair<ConfigNode, std::string>>;  // names that must be found when all is read

constexpr unsigned kMostKeys = 100'000;
constexpr double kMostFactor = 1e6;
constexpr const char* kEpochs = " epochs";

ConfigNode::Key text_key(const char* name, Setter set, bool required = false) {
  return {name, [set = std::move(set)](const ConfigNode& value) { value.read_text(set); }, required};
}

bool is_share(AlertMetric metric) {
  return metric == AlertMetric::kShare || metric == AlertMetric::kLostShare;
}

bool is_sum(AlertMetric metric) { return metric <= AlertMetric::kRecords; }

bool needs_task(AlertMetric metric) {
  return metric >= AlertMetric::kRecords && metric <= AlertMetric::kCardinality;
}

const char* name_of(AlertMetric metric) { return kAlertMetricNames[static_cast<size_t>(metric)]; }

absl::Status set_amount(const std::string& text, AlertMetric metric, double& amount) {
  if (is_share(metric)) {
    double share = 0;
    if (!absl::EndsWith(text, "%") || !absl::SimpleAtod(text.substr(0, text.size() - 1), &share) ||
        !(share >= 0 && share <= 100)) {
      return must("a percentage from 0% to 100%");
    }
    amount = share;
    return absl::OkStatus();
  }
  const absl::StatusOr<uint64_t> count = parse_count(text);
  if (count.ok()) amount = static_cast<double>(*count);
  return count.status();
}

absl::Status set_factor(const std::string& text, double& factor) {
  double value = 0;
  if (!absl::SimpleAtod(text, &value) || !(value > 1 && value <= kMostFactor)) {
    return must("a number above 1, at most 1000000");
  }
  factor = value;
  return absl::OkStatus();
}

// "30m" or "20 epochs".
absl::Status set_over(const std::string& text, AlertRise& rise) {
  const absl::Status wrong = must("a duration of at least 1s, or a number of epochs (20 epochs)");
  if (absl::EndsWith(text, kEpochs)) {
    const absl::StatusOr<uint64_t> epochs = parse_count(text.substr(0, text.find(kEpochs)));
    if (!epochs.ok() || *epochs == 0 || *epochs > 1'000'000) return wrong;
    rise.over_epochs = *epochs;
    return absl::OkStatus();
  }
  uint64_t over_ns = 0;
  if (!set_period(text, over_ns).ok() || over_ns < 1'000'000'000) return wrong;
  rise.over_ns = over_ns;
  return absl::OkStatus();
}

absl::Status set_where(const std::string& text, AlertRule& rule) {
  absl::StatusOr<std::vector<Condition>> where = parse_where(text);
  if (!where.ok())
    return absl::InvalidArgumentError(absl::StrCat("is wrong: ", std::string(where.status().message())));
  rule.where = *std::move(where);
  rule.where_text = text;
  return absl::OkStatus();
}

absl::Status add_by(const std::string& text, AlertRule& rule) {
  for (size_t i = 0; i < kKeyFieldCount; ++i) {
    if (text != kKeyFieldNames[i]) continue;
    const auto field = static_cast<KeyField>(i);
    if (rule.by.has(field)) return absl::InvalidArgumentError("is given twice");
    rule.by.add(field);
    return absl::OkStatus();
  }
  return find_word(text, kKeyFieldNames).status();
}

absl::Status set_pattern(const std::string& text, std::string& pattern) {
  if (text.empty()) return must("a name, in which * stands for any letters");
  pattern = text;
  return absl::OkStatus();
}

// A time that does not move with the start of the program.
absl::Status set_time(const std::string& text, uint64_t& time_ns) {
  const absl::StatusOr<uint64_t> time = parse_time(text, 0);
  if (!time.ok() || text.starts_with('-') || text == "now") return must("a time like 2026-01-31T12:00:00Z");
  time_ns = *time;
  return absl::OkStatus();
}

// The keys of a rule whose meaning hangs on its metric, which may stand behind them.
struct RuleNodes {
  std::optional<ConfigNode> task, above, rises, per, by, where, clear;
};

ConfigNode::Key later(const char* name, std::optional<ConfigNode>& node) {
  return {name, [&node](const ConfigNode& value) { node = value; }};
}

void refuse(const std::optional<ConfigNode>& node, bool wrong, const std::string& why) {
  if (node && wrong) node->mistake(why);
}

void read_rises(const ConfigNode& node, AlertRule& rule) {
  AlertRise rise;
  node.read_map({
      text_key(
          "factor", [&](const std::string& text) { return set_factor(text, rise.factor); }, true),
      text_key(
          "over", [&](const std::string& text) { return set_over(text, rise); }, true),
      text_key(
          "at_least", [&](const std::string& text) { return set_amount(text, rule.metric, rise.at_least); },
          true),
  });
  rule.rise = rise;
}

void read_clear(const ConfigNode& node, AlertRule& rule) {
  node.read_map({
      text_key("below",
               [&](const std::string& text) {
                 double below = 0;
                 const absl::Status status = set_amount(text, rule.metric, below);
                 if (status.ok()) rule.clear_below = below;
                 return status;
               }),
      text_key("for", [&](const std::string& text) { return set_period(text, rule.clear_for_ns); }),
  });
  if (!rule.rise && rule.clear_below && *rule.clear_below > rule.above) {
    node.mistake("below must not be more than above");
  }
}

void read_where_and_by(const RuleNodes& nodes, AlertRule& rule) {
  const std::string metric = absl::StrCat("metric ", name_of(rule.metric));
  const bool has_keys =
      is_sum(rule.metric) || rule.metric == AlertMetric::kShare || rule.metric == AlertMetric::kSpread;
  refuse(nodes.by, !is_sum(rule.metric), absl::StrCat(metric, " takes none"));
  refuse(nodes.where, !has_keys, absl::StrCat(metric, " takes none"));
  refuse(nodes.by, is_sum(rule.metric) && !nodes.task, "needs a task");
  refuse(nodes.where, has_keys && !nodes.task, "needs a task");
  if (nodes.by) nodes.by->read_texts([&](const std::string& text) { return add_by(text, rule); });
  if (nodes.where) nodes.where->read_text([&](const std::string& text) { return set_where(text, rule); });
}

void read_threshold(const ConfigNode& node, const RuleNodes& nodes, AlertRule& rule) {
  const std::string metric = absl::StrCat("metric ", name_of(rule.metric));
  if (rule.metric == AlertMetric::kSilence) {
    for (const auto* given : {&nodes.above, &nodes.rises, &nodes.per, &nodes.clear}) {
      refuse(*given, true, absl::StrCat(metric, " takes none (for: says how long)"));
    }
    if (rule.for_ns == 0) node.mistake("metric silence needs for: the silence that is too long");
    return;
  }
  if (nodes.above && nodes.rises) node.mistake("has both above and rises");
  // A snapshot that is missing is one too many.
  if (!nodes.above && !nodes.rises && rule.metric != AlertMetric::kIncomplete) {
    node.mistake("has neither above nor rises");
  }
  if (nodes.above) {
    nodes.above->read_text(
        [&](const std::string& text) { return set_amount(text, rule.metric, rule.above); });
  }
  if (nodes.rises) read_rises(*nodes.rises, rule);
  if (nodes.per) {
    const bool rated = is_sum(rule.metric) || rule.metric == AlertMetric::kLost;
    refuse(nodes.per, !rated, absl::StrCat(metric, " takes none"));
    nodes.per->read_text([&](const std::string& text) {
      if (text != "second") return must("second");
      rule.per_second = true;
      return absl::OkStatus();
    });
  }
  if (nodes.clear) read_clear(*nodes.clear, rule);
}

absl::Status set_rule_name(const std::string& text, const std::vector<AlertRule>& rules, AlertRule& rule) {
  const absl::Status status = check_alert_name(text);
  if (!status.ok()) return status;
  const auto same = [&](const AlertRule& other) { return other.name == text; };
  if (std::any_of(rules.begin(), rules.end(), same)) {
    return absl::InvalidArgumentError("is the name of another rule, too");
  }
  rule.name = text;
  return absl::OkStatus();
}

void read_rule(const ConfigNode& node, std::vector<AlertRule>& rules, Named& receivers) {
  AlertRule rule;
  RuleNodes nodes;
  bool known_metric = false;
  const auto set_metric = [&](const std::string& text) {
    const absl::StatusOr<size_t> index = find_word(text, kAlertMetricNames);
    if (index.ok()) rule.metric = static_cast<AlertMetric>(*index);
    known_metric = index.ok();
    return index.status();
  };
  const auto set_severity = [&](const std::string& text) {
    const absl::StatusOr<size_t> index = find_word(text, kSeverityNames);
    if (index.ok()) rule.severity = static_cast<Severity>(*index);
    return index.status();
  };
  const auto read_receiver = [&](const ConfigNode& item) {
    item.read_text([&](const std::string& text) {
      receivers.emplace_back(item, text);
      rule.receivers.push_back(text);
      return absl::OkStatus();
    });
  };
  node.read_map({
      text_key(
          "name", [&](const std::string& text) { return set_rule_name(text, rules, rule); }, true),
      text_key("metric", set_metric, true),
      later("task", nodes.task),
      later("by", nodes.by),
      later("where", nodes.where),
      later("above", nodes.above),
      later("rises", nodes.rises),
      later("per", nodes.per),
      later("clear", nodes.clear),
      text_key("site", [&](const std::string& text) { return set_pattern(text, rule.site); }),
      text_key("probe", [&](const std::string& text) { return set_pattern(text, rule.probe); }),
      text_key("for", [&](const std::string& text) { return set_period(text, rule.for_ns); }),
      text_key("severity", set_severity),
      text_key("group", [&](const std::string& text) { return set_yes_or_no(text, rule.group); }),
      text_key("repeat", [&](const std::string& text) { return set_period(text, rule.repeat_ns); }),
      text_key("max_keys",
               [&](const std::string& text) { return set_whole_number(text, 1, kMostKeys, rule.max_keys); }),
      {"receivers", [&](const ConfigNode& list) { list.read_list(read_receiver); }},
  });
  if (nodes.task)
    nodes.task->read_text([&](const std::string& text) {
      rule.task = text;
      return check_alert_name(text);
    });
  if (known_metric) {
    if (needs_task(rule.metric) && !nodes.task) {
      node.mistake(absl::StrCat("metric ", name_of(rule.metric), " needs a task"));
    }
    refuse(nodes.task, rule.metric >= AlertMetric::kIncomplete,
           absl::StrCat("metric ", name_of(rule.metric), " takes none"));
    read_where_and_by(nodes, rule);
    read_threshold(node, nodes, rule);
  }
  rules.push_back(std::move(rule));
}

void read_mute(const ConfigNode& node, std::vector<AlertMute>& mutes, Named& rules) {
  AlertMute mute;
  node.read_map({
      {"rule",
       [&](const ConfigNode& value) {
         value.read_text([&](const std::string& text) {
           rules.emplace_back(value, text);
           return set_pattern(text, mute.rule);
         });
       }},
      text_key("site", [&](const std::string& text) { return set_pattern(text, mute.site); }),
      text_key("probe", [&](const std::string& text) { return set_pattern(text, mute.probe); }),
      text_key("from", [&](const std::string& text) { return set_time(text, mute.from_ns); }),
      text_key("to", [&](const std::string& text) { return set_time(text, mute.to_ns); }),
  });
  if (mute.from_ns >= mute.to_ns) node.mistake("from must be before to");
  mutes.push_back(std::move(mute));
}

template <class List>
void check_names(const Named& named, const List& list, const char* what) {
  for (const auto& [node, name] : named) {
    const auto is_it = [&, pattern = name](const auto& entry) {
      return matches_pattern(pattern, entry.name);
    };
    if (std::none_of(list.begin(), list.end(), is_it))
      node.mistake(absl::StrCat("\"", name, "\" is no ", what));
  }
}

}  // namespace

void read_alerts(const ConfigNode& node, AlertConfig& alerts) {
  Named receivers, muted;
  node.read_map({
      text_key(
          "state",
          [&](const std::string& text) {
            if (text.empty()) return must("a file");
            alerts.state_file = text;
            return absl::OkStatus();
          },
          true),
      {"receivers",
       [&](const ConfigNode& list) {
         list.read_list([&](const ConfigNode& item) { read_alert_receiver(item, alerts.receivers); });
       }},
      {"rules",
       [&](const ConfigNode& list) {
         list.read_list([&](const ConfigNode& item) { read_rule(item, alerts.rules, receivers); });
       },
       true},
      {"mute",
       [&](const ConfigNode& list) {
         list.read_list([&](const ConfigNode& item) { read_mute(item, alerts.mutes, muted); });
       }},
  });
  check_names(receivers, alerts.receivers, "receiver");
  check_names(muted, alerts.rules, "rule");
  for (AlertRule& rule : alerts.rules) {
    if (!rule.receivers.empty()) continue;
    for (const AlertReceiver& receiver : alerts.receivers) rule.receivers.push_back(receiver.name);
  }
}

}  // namespace netspectra

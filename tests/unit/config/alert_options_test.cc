// The `alerts` of a configuration file: the example, defaults, and every message about a mistake.
#include "config/alert_options.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "config/config_file.h"
#include "temp_file.h"

namespace netspectra {
namespace {

using Strings = std::vector<std::string>;

Strings read_file(const std::string& path, AlertConfig& alerts) {
  return read_config_file(path, [&](const ConfigNode& root) {
    root.read_map({{"alerts", [&](const ConfigNode& node) { read_alerts(node, alerts); }}});
  });
}

AlertConfig read(const std::string& text) {
  const TempFile file(text);
  AlertConfig alerts;
  EXPECT_EQ(read_file(file.path(), alerts), Strings{});
  return alerts;
}

// The first rule's, with "LINE: " for "FILE:LINE: ".
Strings mistakes(const std::string& text) {
  const TempFile file(text);
  AlertConfig alerts;
  Strings all = read_file(file.path(), alerts);
  for (std::string& line : all) {
    EXPECT_TRUE(line.starts_with(file.path() + ":")) << line;
    line.erase(0, file.path().size() + 1);
  }
  return all;
}

std::string with_rule(const std::string& rule) {
  return "alerts:\n  state: s\n  receivers: [{name: log, kind: log}]\n  rules:\n    - {name: r, " + rule +
         "}\n";
}

std::string with_receiver(const std::string& receiver) {
  return "alerts:\n  state: s\n  rules: [{name: r, metric: packets, above: 1}]\n  receivers:\n    - {name: "
         "x, " +
         receiver + "}\n";
}

// The only mistake of a rule that stands on line 5, without its place.
std::string rule_mistake(const std::string& rule) {
  const Strings all = mistakes(with_rule(rule));
  if (all.size() != 1 || !all[0].starts_with("5: alerts.rules[0]")) {
    ADD_FAILURE() << testing::PrintToString(all);
    return "";
  }
  return all[0].substr(std::string("5: alerts.rules[0]").size());
}

std::string receiver_mistake(const std::string& receiver) {
  const Strings all = mistakes(with_receiver(receiver));
  if (all.size() != 1 || !all[0].starts_with("5: alerts.receivers[0]")) {
    ADD_FAILURE() << testing::PrintToString(all);
    return "";
  }
  return all[0].substr(std::string("5: alerts.receivers[0]").size());
}

TEST(AlertOptions, ExampleRulesAreRead) {
  for (const char* name : {"ALERT_TOKEN", "ALERT_SECRET", "MAIL_PASSWORD"}) setenv(name, "secret", 1);
  AlertConfig alerts;
  EXPECT_EQ(read_file(NS_ALERT_RULES_YAML, alerts), Strings{});
  EXPECT_EQ(alerts.state_file, "/var/lib/netspectra/alerts.state");
  ASSERT_EQ(alerts.receivers.size(), 3u);
  EXPECT_EQ(alerts.receivers[1].token, "secret");
  EXPECT_EQ(alerts.receivers[1].give_up_ns, 21'600'000'000'000u);
  EXPECT_EQ(alerts.receivers[2].to, Strings{"noc@example.net"});
  Strings names;
  for (const AlertRule& rule : alerts.rules) names.push_back(rule.name);
  EXPECT_EQ(names, (Strings{"syn_flood", "scan", "elephant", "probe_down", "probe_loses_packets",
                            "snapshots_missing", "sudden_rise", "many_sources"}));
  const AlertRule& flood = alerts.rules[0];
  EXPECT_EQ(flood.metric, AlertMetric::kRecords);
  EXPECT_EQ(flood.above, 10'000);
  EXPECT_EQ(flood.where.size(), 2u);
  EXPECT_EQ(flood.for_ns, 20'000'000'000u);
  EXPECT_EQ(flood.clear_below, 1000);
  EXPECT_EQ(flood.clear_for_ns, 60'000'000'000u);
  EXPECT_EQ(flood.severity, Severity::kCritical);
  EXPECT_EQ(flood.receivers, (Strings{"log", "ops", "mail"}));
  EXPECT_EQ(alerts.rules[1].receivers, (Strings{"log", "ops"}));
  EXPECT_EQ(alerts.rules[2].above, 40);
  EXPECT_EQ(alerts.rules[6].rise->over_ns, 1'800'000'000'000u);
  EXPECT_TRUE(alerts.rules[6].per_second);
  EXPECT_EQ(alerts.rules[7].rise->over_epochs, 60u);
  ASSERT_EQ(alerts.mutes.size(), 1u);
  EXPECT_EQ(alerts.mutes[0].probe, "edge-*");
  EXPECT_EQ(alerts.mutes[0].to_ns - alerts.mutes[0].from_ns, 7'200'000'000'000u);
}

TEST(AlertOptions, HaveDefaults) {
  const AlertConfig alerts = read(
      "alerts: {state: s, receivers: [{name: l, kind: log}], rules: [{name: r, metric: incomplete}, "
      "{name: p, metric: packets, above: 5}]}\n");
  const AlertRule& r = alerts.rules[0];
  EXPECT_EQ(r.above, 0);
  EXPECT_EQ(r.site, "*");
  EXPECT_EQ(r.probe, "*");
  EXPECT_EQ(r.for_ns, 0u);
  EXPECT_FALSE(r.clear_below);
  EXPECT_EQ(r.severity, Severity::kWarning);
  EXPECT_TRUE(r.group);
  EXPECT_EQ(r.repeat_ns, 0u);
  EXPECT_EQ(r.max_keys, 1000u);
  EXPECT_EQ(r.receivers, Strings{"l"});
}

TEST(AlertOptions, MistakesOfRulesAreNamed) {
  EXPECT_EQ(rule_mistake("metric: packets"), ": has neither above nor rises");
  EXPECT_EQ(rule_mistake("metric: packets, above: 1, rises: {factor: 2, over: 1m, at_least: 1}"),
            ": has both above and rises");
  EXPECT_EQ(rule_mistake("metric: records, above: 1"), ": metric records needs a task");
  EXPECT_EQ(rule_mistake("metric: packets, above: 1, by: [src_ip]"), ".by: needs a task");
  EXPECT_EQ(rule_mistake("metric: spread, task: t, above: 1, by: [src_ip]"), ".by: metric spread takes none");
  EXPECT_EQ(rule_mistake("metric: lost, above: 1, where: 'vlan = 1'"), ".where: metric lost takes none");
  EXPECT_EQ(rule_mistake("metric: packets, task: t, above: 1, by: [src_ip, src_ip]"),
            ".by[1]: \"src_ip\" is given twice");
  EXPECT_EQ(rule_mistake("metric: silence"), ": metric silence needs for: the silence that is too long");
  EXPECT_EQ(rule_mistake("metric: silence, for: 1m, above: 3"),
            ".above: metric silence takes none (for: says how long)");
  EXPECT_EQ(rule_mistake("metric: silence, for: 1m, task: t"), ".task: metric silence takes none");
  EXPECT_EQ(rule_mistake("metric: packets, above: 5, clear: {below: 6}"),
            ".clear: below must not be more than above");
  EXPECT_EQ(rule_mistake("metric: lost_share, above: 5"),
            ".above: \"5\" must be a percentage from 0% to 100%");
  EXPECT_EQ(rule_mistake("metric: packets, above: 5, per: minute"), ".per: \"minute\" must be second");
  EXPECT_EQ(rule_mistake("metric: cardinality, task: t, above: 5, per: second"),
            ".per: metric cardinality takes none");
  EXPECT_EQ(rule_mistake("metric: packets, rises: {factor: 1, over: 1m, at_least: 1}"),
            ".rises.factor: \"1\" must be a number above 1, at most 1000000");
  EXPECT_EQ(rule_mistake("metric: packets, rises: {factor: 2, over: 0 epochs, at_least: 1}"),
            ".rises.over: \"0 epochs\" must be a duration of at least 1s, or a number of epochs (20 epochs)");
  EXPECT_EQ(rule_mistake("metric: packets, rises: {factor: 2, over: 1m}"), ".rises: has no at_least");
  EXPECT_EQ(rule_mistake("metric: packets, above: 1, receivers: [ops]"),
            ".receivers[0]: \"ops\" is no receiver");
  EXPECT_EQ(rule_mistake("metric: packets, above: 1, max_keys: 0"),
            ".max_keys: \"0\" must be a whole number from 1 to 100000");
  EXPECT_TRUE(rule_mistake("metric: pakets, above: 1").starts_with(".metric: \"pakets\" is unknown"));
  EXPECT_TRUE(rule_mistake("metric: packets, above: 1, abvoe: 2").starts_with(".abvoe: unknown key"));
  EXPECT_TRUE(rule_mistake("metric: records, task: t, above: 1, where: 'dst_prt = 5'")
                  .starts_with(".where: \"dst_prt = 5\" is wrong: "));
}

TEST(AlertOptions, MistakesOfReceiversAreNamed) {
  EXPECT_EQ(receiver_mistake("kind: webhook"), ": has no url");
  EXPECT_EQ(receiver_mistake("kind: log, url: 'http://a'"), ".url: kind log takes none");
  EXPECT_EQ(receiver_mistake("kind: webhook, url: 'ftp://a'"),
            ".url: \"ftp://a\" must be http://... or https://...");
  EXPECT_EQ(receiver_mistake("kind: webhook, url: 'http://a', token: \"a\\r\\nb\""),
            ".token: \"a\r\nb\" must be ASCII letters, digits and signs, without spaces");
  EXPECT_EQ(receiver_mistake("kind: webhook, url: 'http://a', to: [a@b]"), ".to: kind webhook takes none");
  EXPECT_EQ(receiver_mistake("kind: email, host: h, from: a@b"), ": has no to");
  EXPECT_EQ(receiver_mistake("kind: email, host: h, from: a@b, to: ['a b@c']"),
            ".to[0]: \"a b@c\" must be an address like ops@example.net");
  EXPECT_EQ(receiver_mistake("kind: email, host: h, from: a@b, to: [a@b], user: u"),
            ": user and password need each other");
  EXPECT_EQ(receiver_mistake("kind: email, host: h, from: a@b, to: [a@b], user: u, password: p, tls: none"),
            ": user and password are not sent without encryption (tls: starttls or smtps)");
  EXPECT_EQ(receiver_mistake("kind: email, host: h, from: a@b, to: [a@b], port: 0"),
            ".port: \"0\" must be a whole number from 1 to 65535");
  EXPECT_EQ(receiver_mistake("kind: webhook, url: 'http://a', timeout: 1h"),
            ".timeout: \"1h\" must be a duration from 100ms to 300s");
  unsetenv("NS_ALERT_TEST_NONE");
  EXPECT_EQ(receiver_mistake("kind: webhook, url: 'http://a', token: '${NS_ALERT_TEST_NONE}'"),
            ".token: \"${NS_ALERT_TEST_NONE}\" needs NS_ALERT_TEST_NONE, which the environment does not set");
}

TEST(AlertOptions, AllMistakesAreGatheredWithTheirLines) {
  EXPECT_EQ(mistakes("alerts:\n"
                     "  receivers:\n"
                     "    - {name: a, kind: log}\n"
                     "    - {name: a, kind: log}\n"
                     "  rules:\n"
                     "    - {name: r, metric: packets, above: 1}\n"
                     "    - {name: r, metric: packets, above: x1}\n"
                     "  mute:\n"
                     "    - {rule: q}\n"
                     "    - {from: -5m}\n"
                     "    - {from: '2026-01-02T00:00:00Z', to: '2026-01-01T00:00:00Z'}\n"),
            (Strings{"1: alerts: has no state",
                     "4: alerts.receivers[1].name: \"a\" is the name of another receiver, too",
                     "7: alerts.rules[1].name: \"r\" is the name of another rule, too",
                     "7: alerts.rules[1].above: \"x1\" must be a whole number, with or without a unit (k, M, "
                     "G, Ki, Mi, Gi; for example 250k)",
                     "9: alerts.mute[0].rule: \"q\" is no rule",
                     "10: alerts.mute[1].from: \"-5m\" must be a time like 2026-01-31T12:00:00Z",
                     "11: alerts.mute[2]: from must be before to"}));
}

}  // namespace
}  // namespace netspectra

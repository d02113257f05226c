#include "alert/saved_alerts.h"

#include "absl/strings/str_cat.h"

namespace netspectra {
namespace {

constexpr uint64_t kLastMetric = kAlertMetricNames.size() - 1;
constexpr uint64_t kLastSeverity = kSeverityNames.size() - 1;
constexpr auto kLastState = static_cast<uint64_t>(TrackedKey::State::kFiring);

void save_series(StateText& text, const ProbeName& name, const Series& series) {
  text.line("series").add(name.first).add(name.second).add(series.fields);
  text.add(series.newest_ns).add(uint64_t{series.judged});
  for (const auto& [key, tracked] : series.keys) {
    text.line("key").add(key).add(static_cast<uint64_t>(tracked.state)).add(uint64_t{tracked.announced});
    text.add(uint64_t{tracked.repeats}).add(tracked.since_ns).add(tracked.last_over_ns).add(tracked.below_ns);
    text.add(tracked.said_ns).add(tracked.value).add(tracked.threshold);
    text.add(tracked.baseline.mean).add(tracked.baseline.learned);
  }
  for (const Series::OpenEpoch& open : series.open) {
    text.line("open").add(open.run).add(open.start_ns).add(open.samples.whole);
    for (const auto& [key, amount] : open.samples.amounts) text.line("amount").add(key).add(amount);
  }
}

SavedAlerts::Rule read_rule(StateLine& line) {
  SavedAlerts::Rule saved;
  saved.rule.name = line.text();
  saved.fingerprint = line.number();
  saved.rule.metric = static_cast<AlertMetric>(line.number(kLastMetric));
  saved.rule.per_second = line.number(1) != 0;
  saved.rule.severity = static_cast<Severity>(line.number(kLastSeverity));
  saved.rule.group = line.number(1) != 0;
  while (line.more()) saved.rule.receivers.push_back(line.text());
  return saved;
}

ProbeName read_probe(StateLine& line) {
  std::string site = line.text();
  return {std::move(site), line.text()};
}

void read_key(StateLine& line, Series& series) {
  TrackedKey& tracked = series.keys[line.key()];
  tracked.state = static_cast<TrackedKey::State>(line.number(kLastState));
  tracked.announced = line.number(1) != 0;
  tracked.repeats = static_cast<uint32_t>(line.number(UINT32_MAX));
  tracked.since_ns = line.number();
  tracked.last_over_ns = line.number();
  tracked.below_ns = line.number();
  tracked.said_ns = line.number();
  tracked.value = line.real();
  tracked.threshold = line.real();
  tracked.baseline.mean = line.real();
  tracked.baseline.learned = line.number();
}

Series::OpenEpoch read_open(StateLine& line, const Series& series) {
  Series::OpenEpoch open;
  open.run = line.number();
  open.start_ns = line.number();
  open.samples.whole = line.real();
  open.samples.fields = series.fields;
  return open;
}

AlertMessage read_message(StateLine& line) {
  AlertMessage message;
  message.id = line.text();
  message.receiver = line.text();
  message.created_ns = line.number();
  message.summary = line.text();
  message.text = line.text();
  message.json = line.text();
  return message;
}

}  // namespace

void save_rule(StateText& text, const AlertRule& rule, const SeriesByProbe& series) {
  text.line("rule").add(rule.name).add(fingerprint(rule)).add(static_cast<uint64_t>(rule.metric));
  text.add(uint64_t{rule.per_second}).add(static_cast<uint64_t>(rule.severity)).add(uint64_t{rule.group});
  for (const std::string& receiver : rule.receivers) text.add(receiver);
  for (const auto& [name, one] : series) save_series(text, name, one);
}

void save_probe(StateText& text, const ProbeName& name) {
  text.line("probe").add(name.first).add(name.second);
}

void save_message(StateText& text, const AlertMessage& message) {
  text.line("message").add(message.id).add(message.receiver).add(message.created_ns);
  text.add(message.summary).add(message.text).add(message.json);
}

absl::StatusOr<SavedAlerts> read_saved_alerts(const std::string& text) {
  absl::StatusOr<std::vector<StateLine>> lines = read_state_text(text);
  if (!lines.ok()) return lines.status();
  SavedAlerts saved;
  Series* series = nullptr;  // of the last rule
  for (StateLine& line : *lines) {
    const std::string word = line.word();
    bool in_place = true;
    if (word == "rule") {
      saved.rules.push_back(read_rule(line));
      series = nullptr;
    } else if (word == "series" && !saved.rules.empty()) {
      series = &saved.rules.back().series[read_probe(line)];
      series->fields = line.fields();
      series->newest_ns = line.number();
      series->judged = line.number(1) != 0;
    } else if (word == "key" && series != nullptr) {
      read_key(line, *series);
    } else if (word == "open" && series != nullptr) {
      series->open.push_back(read_open(line, *series));
    } else if (word == "amount" && series != nullptr && !series->open.empty()) {
      const FlowKey key = line.key();
      series->open.back().samples.amounts[key] = line.real();
    } else if (word == "probe") {
      saved.probes.push_back(read_probe(line));
    } else if (word == "message") {
      saved.messages.push_back(read_message(line));
    } else {
      in_place = false;
    }
    if (!in_place || !line.ok() || line.more()) {
      return absl::DataLossError(absl::StrCat("a line of it cannot be read (", word, ")"));
    }
  }
  return saved;
}

}  // namespace netspectra

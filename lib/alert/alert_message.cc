#include "alert/alert_message.h"

#include <algorithm>
#include <map>
#include <span>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "output/json_text.h"

namespace netspectra {
namespace {

const char* state_name(const AlertEvent& event) {
  return kAlertStateNames[static_cast<size_t>(event.alert.state)];
}

std::string summary_of(std::span<const AlertEvent> events) {
  const AlertEvent& first = events.front();
  std::string summary =
      absl::StrCat(kSeverityNames[static_cast<size_t>(first.alert.severity)], " ", state_name(first),
                   first.repeat == 0 ? "" : " (still)", ": ", alert_summary(first.alert));
  if (events.size() > 1) absl::StrAppend(&summary, ", and ", events.size() - 1, " more");
  if (!first.note.empty()) absl::StrAppend(&summary, "; ", first.note);
  return summary;
}

std::string untracked_line(const AlertEvent& event) {
  return absl::StrCat("at least ", event.untracked,
                      " more are over the threshold than the rule keeps (max_keys)");
}

std::string text_of(std::span<const AlertEvent> events) {
  std::string text;
  for (const AlertEvent& event : events.first(std::min(events.size(), kAlertsShown))) {
    absl::StrAppend(&text, alert_summary(event.alert), "\n");
  }
  if (events.size() > kAlertsShown) absl::StrAppend(&text, "and ", events.size() - kAlertsShown, " more\n");
  if (events.front().untracked != 0) absl::StrAppend(&text, untracked_line(events.front()), "\n");
  if (!events.front().note.empty()) absl::StrAppend(&text, events.front().note, "\n");
  return text;
}

std::string json_of(std::span<const AlertEvent> events, const std::string& id, uint64_t now_ns) {
  const AlertEvent& first = events.front();
  std::string out =
      absl::StrCat("{\"type\":\"alert\",\"id\":\"", id, "\",\"time_ns\":", now_ns, ",\"rule\":");
  append_json_string(out, first.alert.rule);
  absl::StrAppend(&out, ",\"severity\":\"", kSeverityNames[static_cast<size_t>(first.alert.severity)],
                  "\",\"state\":\"", state_name(first), "\",\"site\":");
  append_json_string(out, first.alert.site);
  out += ",\"probe\":";
  append_json_string(out, first.alert.probe);
  absl::StrAppend(&out, ",\"at_ns\":", first.at_ns, ",\"repeat\":", first.repeat, ",\"summary\":");
  append_json_string(out, summary_of(events));
  out += ",\"note\":";
  append_json_string(out, first.note);
  const size_t shown = std::min(events.size(), kAlertsShown);
  absl::StrAppend(&out, ",\"count\":", events.size(), ",\"more\":", events.size() - shown,
                  ",\"untracked_keys\":", first.untracked, ",\"alerts\":[");
  for (size_t i = 0; i < shown; ++i) absl::StrAppend(&out, i == 0 ? "" : ",", alert_json(events[i].alert));
  return out + "]}";
}

void add_messages(std::span<const AlertEvent> events, uint64_t now_ns, uint64_t& last_id,
                  std::vector<AlertMessage>& messages) {
  AlertMessage message;
  message.id = absl::StrFormat("%x-%d", now_ns, ++last_id);
  message.created_ns = now_ns;
  message.summary = summary_of(events);
  message.text = text_of(events);
  message.json = json_of(events, message.id, now_ns);
  for (const std::string& receiver : events.front().receivers) {
    message.receiver = receiver;
    messages.push_back(message);
  }
}

}  // namespace

std::vector<AlertMessage> make_messages(std::vector<AlertEvent> events, uint64_t now_ns, uint64_t& last_id) {
  // Groups in the order in which their first event came.
  std::vector<std::vector<AlertEvent>> groups;
  std::map<std::tuple<std::string, std::string, std::string, AlertState, uint64_t, uint32_t>, size_t>
      group_of;
  for (AlertEvent& event : events) {
    const ActiveAlert& alert = event.alert;
    const auto [group, is_new] = group_of.try_emplace(
        {alert.rule, alert.site, alert.probe, alert.state, event.at_ns, event.repeat}, groups.size());
    if (is_new || !event.group) {
      group->second = groups.size();
      groups.emplace_back();
    }
    groups[group->second].push_back(std::move(event));
  }
  std::vector<AlertMessage> messages;
  for (std::vector<AlertEvent>& group : groups) {
    std::stable_sort(group.begin(), group.end(),
                     [](const AlertEvent& a, const AlertEvent& b) { return a.alert.value > b.alert.value; });
    add_messages(group, now_ns, last_id, messages);
  }
  return messages;
}

}  // namespace netspectra

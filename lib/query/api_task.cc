#include "query/api_task.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/units.h"
#include "query/api_request.h"
#include "task/task_words.h"

namespace netspectra {

absl::StatusOr<std::vector<StoredTask>> find_task(const std::vector<StoredTask>& all,
                                                  const std::string& name) {
  std::vector<StoredTask> found;
  std::set<std::string> known;
  for (const StoredTask& task : all) {
    if (task.config.name == name) found.push_back(task);
    known.insert(task.config.name);
  }
  if (found.empty()) {
    return absl::NotFoundError(absl::StrCat(
        "task: \"", name, "\" has nothing stored in this time and place (",
        known.empty() ? "nor has any other" : absl::StrCat("known: ", absl::StrJoin(known, ", ")), ")"));
  }
  std::stable_sort(found.begin(), found.end(), [](const StoredTask& a, const StoredTask& b) {
    return a.first_start_ns < b.first_start_ns;
  });
  return found;
}

bool same_kind(const TaskConfig& a, const TaskConfig& b) { return a.kind == b.kind; }

bool same_rows(const TaskConfig& a, const TaskConfig& b) { return same_kind(a, b) && a.fields == b.fields; }

bool same_estimates(const TaskConfig& a, const TaskConfig& b) {
  return same_rows(a, b) && a.elements == b.elements && a.by == b.by && a.memory_bytes == b.memory_bytes &&
         a.seed == b.seed;
}

absl::Status check_unchanged(const std::vector<StoredTask>& configured, SameTask same) {
  for (size_t i = 1; i < configured.size(); ++i) {
    if (same(configured[i - 1].config, configured[i].config)) continue;
    const uint64_t changed_ns = configured[i].first_start_ns;
    return wrong_parameter(
        "task", absl::StrCat(
                    "\"", configured[i].config.name, "\" was configured otherwise from ", changed_ns, " (",
                    format_time_ns(changed_ns), ") on, and the two do not add up: ask with to=", changed_ns,
                    " and with from=", changed_ns, "; where probes differ at one time, with site and probe"));
  }
  return absl::OkStatus();
}

absl::Status check_fields(const std::vector<StoredTask>& configured, KeyFields fields,
                          const std::string& parameter) {
  for (const StoredTask& task : configured) {
    if (fields.subset_of(task.config.fields)) continue;
    KeyFields lacking;
    for (size_t i = 0; i < kKeyFieldCount; ++i) {
      const auto field = static_cast<KeyField>(i);
      if (fields.has(field) && !task.config.fields.has(field)) lacking.add(field);
    }
    const std::string since =
        configured.size() == 1 ? "" : absl::StrCat(" as configured from ", task.first_start_ns, " on");
    return wrong_parameter(
        parameter, absl::StrCat("task \"", task.config.name, "\"", since, " has no ",
                                absl::StrJoin(field_names(lacking), ", "),
                                " (known: ", absl::StrJoin(field_names(task.config.fields), ", "), ")"));
  }
  return absl::OkStatus();
}

absl::Status check_conditions(const std::vector<StoredTask>& configured,
                              const std::vector<Condition>& where) {
  KeyFields fields;
  for (const Condition& condition : where) {
    if (condition.field != ConditionField::kTcpFlags) {
      fields.add(static_cast<KeyField>(condition.field));
    } else if (configured.front().config.kind != TaskKind::kExact) {
      return wrong_parameter("where", absl::StrCat("only exact tasks have tcp_flags, and \"",
                                                   configured.front().config.name, "\" is none"));
    }
  }
  return check_fields(configured, fields, "where");
}

}  // namespace netspectra

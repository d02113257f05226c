#include "query/answering.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "task/task_words.h"

namespace netspectra {
namespace {

// What a question needs of a task, and what a task has. TCP flags are part of an exact task's records.
struct Fields {
  KeyFields key;
  bool tcp_flags = false;
  bool in(const Fields& other) const { return key.subset_of(other.key) && (!tcp_flags || other.tcp_flags); }
  std::vector<std::string> names() const {
    std::vector<std::string> names = field_names(key);
    if (tcp_flags) names.emplace_back("tcp_flags");
    return names;
  }
};

Fields fields_of(const TaskConfig& task) { return {task.fields, task.kind == TaskKind::kExact}; }

Fields needed_by(const RowsQuestion& question) {
  Fields needed{question.fields, false};
  for (const Condition& condition : question.where) {
    if (condition.field == ConditionField::kTcpFlags) {
      needed.tcp_flags = true;
    } else {
      needed.key.add(static_cast<KeyField>(condition.field));
    }
  }
  return needed;
}

absl::Status wrong_kind(const RowsQuestion& question, const TaskConfig& task) {
  return absl::InvalidArgumentError(
      absl::StrCat("task '", question.task, "' is of kind ", kind_name(task.kind), ": ",
                   question.exact_only ? "only the records of an exact task can be added up"
                                       : "it has no rows with keys"));
}

// A field that none of the tasks has, or that none has together with the others.
absl::Status wrong_fields(const std::string& task, const Fields& needed,
                          const std::vector<Fields>& configured) {
  std::set<std::string> each, all;
  for (const Fields& fields : configured) {
    const std::vector<std::string> names = fields.names();
    each.insert(absl::StrJoin(names, ", "));
    all.insert(names.begin(), names.end());
  }
  std::vector<std::string> missing = needed.names();
  std::erase_if(missing, [&](const std::string& name) { return all.contains(name); });
  const std::string there = absl::StrJoin(each, "; ");
  if (missing.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("task '", task, "' never had ",
                                                   absl::StrJoin(needed.names(), ", "),
                                                   " together; it has had: ", there));
  }
  return absl::InvalidArgumentError(
      absl::StrCat("task '", task, "' has no field ", absl::StrJoin(missing, ", "), "; it has: ", there));
}

}  // namespace

absl::StatusOr<std::vector<size_t>> answering(const RowsQuestion& question,
                                              const std::vector<const TaskConfig*>& configurations) {
  const Fields needed = needed_by(question);
  std::vector<Fields> of_kind;
  std::vector<size_t> found;
  for (size_t i = 0; i < configurations.size(); ++i) {
    const TaskConfig& task = *configurations[i];
    const bool has_rows =
        question.exact_only ? task.kind == TaskKind::kExact : task.kind != TaskKind::kCardinality;
    if (!has_rows) continue;
    of_kind.push_back(fields_of(task));
    if (needed.in(of_kind.back())) found.push_back(i);
  }
  if (of_kind.empty()) return wrong_kind(question, *configurations.front());
  if (found.empty()) return wrong_fields(question.task, needed, of_kind);
  return found;
}

}  // namespace netspectra

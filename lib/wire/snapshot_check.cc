#include "wire/snapshot_check.h"

#include <algorithm>
#include <set>
#include <string>
#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace netspectra {
namespace {

// As the configuration has them: a hostile probe must not make the reader allocate more than an honest one.
constexpr uint64_t kMaxCapacity = 1'000'000'000;
constexpr uint64_t kMaxMemoryBytes = uint64_t{1} << 30;
constexpr uint32_t kWholePpm = 1'000'000;
constexpr size_t kMaxNameLetters = 64;

absl::Status refuse(const std::string& why) { return absl::InvalidArgumentError(why); }

// A task's: they become file names and parts of subjects.
bool is_name(const std::string& name) {
  return !name.empty() && name.size() <= kMaxNameLetters &&
         std::all_of(name.begin(), name.end(),
                     [](unsigned char c) { return absl::ascii_isalnum(c) || c == '_' || c == '-'; });
}

// Site and probe: what can stand between two dots of a NATS subject, and be a file's name.
bool is_token(const std::string& text) {
  return !text.empty() && text.size() <= kMaxNameLetters &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) {
           return absl::ascii_isgraph(c) &&
                  std::string_view(".*>/\\").find(static_cast<char>(c)) == std::string_view::npos;
         });
}

absl::Status check_task(const TaskConfig& task) {
  if (task.fields.empty()) return refuse("no key fields");
  if (task.elements.empty() == (task.kind == TaskKind::kSuperSpreader)) {
    return refuse(task.elements.empty() ? "no elements" : "elements, which its kind does not have");
  }
  if (task.capacity > kMaxCapacity) return refuse(absl::StrCat("a capacity of ", task.capacity));
  if (task.memory_bytes > kMaxMemoryBytes)
    return refuse(absl::StrCat("a memory of ", task.memory_bytes, " bytes"));
  if (task.threshold.share_ppm > kWholePpm) return refuse("a threshold of more than the whole");
  return absl::OkStatus();
}

}  // namespace

bool is_clean(const std::string& text, size_t max_bytes) {
  return text.size() <= max_bytes &&
         std::none_of(text.begin(), text.end(), [](unsigned char c) { return absl::ascii_iscntrl(c); });
}

absl::Status check_header(const SnapshotHeader& header) {
  if (!is_token(header.site)) return refuse("the site has no site's name");
  if (!is_token(header.probe)) return refuse("the probe has no probe's name");
  if (!is_clean(header.port, kMaxPortBytes)) return refuse("the port's name is too long or not text");
  if (header.workers > kMaxWorkers || header.worker >= header.workers) {
    return refuse(absl::StrCat("worker ", header.worker, " of ", header.workers));
  }
  if (header.epoch_end_ns < header.epoch_start_ns) return refuse("the epoch ends before it starts");
  for (const auto& [reason, packets] : header.other_drops) {
    if (reason.empty() || !is_clean(reason, kMaxReasonBytes))
      return refuse("a drop reason's name is not text");
  }
  return absl::OkStatus();
}

absl::Status check_tasks(const std::vector<TaskConfig>& tasks) {
  if (tasks.empty() || tasks.size() > kMaxTasks) {
    return refuse(absl::StrCat(tasks.size(), " tasks: there must be from 1 to ", kMaxTasks));
  }
  std::set<std::string> names;
  for (size_t i = 0; i < tasks.size(); ++i) {
    if (!is_name(tasks[i].name)) return refuse(absl::StrCat("task ", i, " has no task's name"));
    if (!names.insert(tasks[i].name).second)
      return refuse(absl::StrCat("two tasks are called ", tasks[i].name));
    const absl::Status status = check_task(tasks[i]);
    if (!status.ok()) return refuse(absl::StrCat("task ", tasks[i].name, " has ", status.message()));
  }
  return absl::OkStatus();
}

}  // namespace netspectra

#include "config/task_options.h"

#include <algorithm>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/units.h"
#include "config/values.h"
#include "config/words.h"
#include "task/task_words.h"

namespace netspectra {
namespace {

constexpr uint64_t kMaxCapacity = 1'000'000'000;  // about 100 GB of flow table

absl::Status set_capacity(const std::string& text, TaskConfig& task) {
  const absl::StatusOr<uint64_t> capacity = parse_count(text);
  if (!capacity.ok()) return capacity.status();
  if (*capacity < 1 || *capacity > kMaxCapacity) return must("from 1 to 1G");
  task.capacity = *capacity;
  return absl::OkStatus();
}

absl::Status set_count_threshold(const std::string& text, TaskConfig& task) {
  const absl::StatusOr<uint64_t> count = parse_count(text);
  if (!count.ok()) return count.status();
  if (*count < 1) return must("at least 1");
  task.threshold = {*count, 0};
  return absl::OkStatus();
}

absl::Status set_threshold(const std::string& text, TaskConfig& task) {
  const uint32_t share_ppm = parse_share_ppm(text);
  if (share_ppm == 0 && !set_count_threshold(text, task).ok()) {
    return must(
        "a count of at least 1 (4096, 10k), or a share above 0 and at most 100 % with at most four decimals "
        "(0.1%)");
  }
  if (share_ppm != 0) task.threshold = {0, share_ppm};
  return absl::OkStatus();
}

absl::Status set_by(const std::string& text, TaskConfig& task) {
  const absl::StatusOr<size_t> index = find_word(text, kRankNames);
  if (index.ok()) task.by = static_cast<RankBy>(*index);
  return index.status();
}

absl::Status set_memory(const std::string& text, TaskConfig& task) {
  return set_size(text, "4KiB", "1GiB", task.memory_bytes);
}

absl::Status set_seed(const std::string& text, TaskConfig& task) {
  const absl::StatusOr<uint64_t> seed = parse_count(text);
  if (seed.ok()) task.seed = *seed;
  return seed.status();
}

struct Option {
  const char* name;
  absl::Status (*set)(const std::string&, TaskConfig&);
};
constexpr Option kExactOptions[] = {{"capacity", set_capacity}};
constexpr Option kHeavyHittersOptions[] = {
    {"threshold", set_threshold}, {"by", set_by}, {"memory", set_memory}, {"seed", set_seed}};
constexpr Option kSuperSpreaderOptions[] = {
    {"threshold", set_count_threshold}, {"memory", set_memory}, {"seed", set_seed}};
constexpr Option kCardinalityOptions[] = {{"seed", set_seed}};

constexpr std::array<std::span<const Option>, kTaskKindCount> kOptions = {
    kExactOptions, kHeavyHittersOptions, kSuperSpreaderOptions, kCardinalityOptions};  // by TaskKind

std::span<const Option> options_of(TaskKind kind) { return kOptions[static_cast<size_t>(kind)]; }

}  // namespace

absl::Status check_task_option(const std::string& option, TaskKind kind) {
  std::vector<const char*> names;
  for (const Option& known : options_of(kind)) names.push_back(known.name);
  if (std::find(names.begin(), names.end(), option) != names.end()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("is not an option of ", kind_name(kind), " (", hint(option, names), ")"));
}

absl::Status set_task_option(const std::string& option, const std::string& value, TaskConfig& task) {
  const std::span<const Option> options = options_of(task.kind);
  return std::find_if(options.begin(), options.end(), [&](const Option& o) { return option == o.name; })
      ->set(value, task);
}

}  // namespace netspectra

#include "task_set.h"

#include <utility>

#include "merge/epoch_merger.h"

namespace netspectra::bench {
namespace {

constexpr uint64_t kRanked = 10;  // as printed by default

KeyFields only(KeyField field) {
  KeyFields fields;
  fields.add(field);
  return fields;
}

const char* name_of(KeyField field) { return kKeyFieldNames[static_cast<size_t>(field)]; }

}  // namespace

TaskConfig exact_five_tuple(uint64_t flows) {
  TaskConfig task;
  task.name = "per_five_tuple";
  task.kind = TaskKind::kExact;
  task.fields = KeyFields::five_tuple();
  task.capacity = 2 * flows;
  return task;
}

TaskConfig heavy_hitters(KeyField field) {
  TaskConfig task;
  task.name = std::string("top_") + name_of(field);
  task.kind = TaskKind::kHeavyHitters;
  task.fields = only(field);
  return task;
}

TaskConfig super_spreader(KeyField field, KeyField element) {
  TaskConfig task;
  task.name = std::string("spread_of_") + name_of(field);
  task.kind = TaskKind::kSuperSpreader;
  task.fields = only(field);
  task.elements = only(element);
  return task;
}

TaskConfig cardinality() {
  TaskConfig task;
  task.name = "flows";
  task.kind = TaskKind::kCardinality;
  task.fields = KeyFields::five_tuple();
  return task;
}

std::vector<TaskConfig> estimators() {
  return {heavy_hitters(KeyField::kSrcIp), heavy_hitters(KeyField::kDstIp),
          super_spreader(KeyField::kSrcIp, KeyField::kDstIp),
          super_spreader(KeyField::kDstIp, KeyField::kSrcIp), cardinality()};
}

std::vector<TaskConfig> everything(uint64_t flows) {
  std::vector<TaskConfig> tasks = {exact_five_tuple(flows)};
  for (TaskConfig& task : estimators()) tasks.push_back(std::move(task));
  return tasks;
}

EpochPart drain_all(const WorkerTasks& tasks) {
  EpochPart part;
  for (const auto& task : tasks.measured) part.measured.push_back(task->drain());
  for (const auto& task : tasks.fallback) part.fallback.push_back(task->drain());
  return part;
}

EpochResult merge_parts(const TaskPlan& plan, std::vector<EpochPart> parts) {
  EpochMerger merger(plan, 0, kRanked);
  for (EpochPart& part : parts) merger.add(std::move(part));
  EpochResult merged;
  merger.emit_all([&](EpochResult result) { merged = std::move(result); });
  return merged;
}

}  // namespace netspectra::bench

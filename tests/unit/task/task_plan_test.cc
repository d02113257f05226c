#include "task/task_plan.h"

#include <gtest/gtest.h>

namespace netspectra {
namespace {

TaskConfig task(const char* name, std::initializer_list<KeyField> fields) {
  TaskConfig config;
  config.name = name;
  for (KeyField field : fields) config.fields.add(field);
  return config;
}

const KeyField kSrc = KeyField::kSrcIp, kDst = KeyField::kDstIp, kPort = KeyField::kDstPort,
               kVlan = KeyField::kVlan;

TEST(TaskPlan, ATaskAloneIsMeasured) {
  const TaskPlan plan = plan_tasks({task("a", {kSrc})});
  EXPECT_EQ(plan.measured, std::vector<size_t>{0});
  EXPECT_EQ(plan.measured_by, std::vector<size_t>{0});
  EXPECT_FALSE(plan.derived(0));
}

TEST(TaskPlan, CoarserTasksAreDerivedFromTheFinerOneWhereverItStands) {
  const TaskPlan plan = plan_tasks({task("src", {kSrc}), task("pair", {kSrc, kDst}), task("dst", {kDst})});
  EXPECT_EQ(plan.measured, std::vector<size_t>{1});
  EXPECT_EQ(plan.measured_by, (std::vector<size_t>{0, 0, 0}));
  EXPECT_TRUE(plan.derived(0));
  EXPECT_FALSE(plan.derived(1));
  EXPECT_TRUE(plan.derived(2));
}

TEST(TaskPlan, ATaskThatNoOtherCoversIsMeasuredItself) {
  const TaskPlan plan =
      plan_tasks({task("pair", {kSrc, kDst}), task("vlan", {kVlan}), task("src_vlan", {kSrc, kVlan})});
  EXPECT_EQ(plan.measured, (std::vector<size_t>{0, 2}));
  EXPECT_EQ(plan.measured_by, (std::vector<size_t>{0, 1, 1}));
}

TEST(TaskPlan, OfTasksWithTheSameFieldsTheFirstMeasures) {
  const TaskPlan plan = plan_tasks({task("a", {kSrc, kPort}), task("b", {kSrc, kPort}), task("c", {kPort})});
  EXPECT_EQ(plan.measured, std::vector<size_t>{0});
  EXPECT_EQ(plan.measured_by, (std::vector<size_t>{0, 0, 0}));
}

TEST(TaskPlan, DerivationGoesToAMeasuredTaskNotToADerivedOne) {
  const TaskPlan plan = plan_tasks({task("port", {kPort}), task("dst_port", {kDst, kPort}),
                                    task("all", {kSrc, kDst, kPort}), task("vlan", {kVlan})});
  EXPECT_EQ(plan.measured, (std::vector<size_t>{2, 3}));
  EXPECT_EQ(plan.measured_by, (std::vector<size_t>{0, 0, 0, 1}));
}

TaskConfig estimator(TaskKind kind, std::initializer_list<KeyField> fields,
                     std::initializer_list<KeyField> elements = {}) {
  TaskConfig config = task("estimator", fields);
  config.kind = kind;
  for (KeyField field : elements) config.elements.add(field);
  return config;
}

TEST(TaskPlan, EstimatorsAreDerivedFromAnExactTaskAndFallBackToItsOverflow) {
  const TaskPlan plan = plan_tasks({estimator(TaskKind::kHeavyHitters, {kSrc}), task("pair", {kSrc, kDst}),
                                    estimator(TaskKind::kCardinality, {kSrc, kDst})});
  EXPECT_EQ(plan.measured, std::vector<size_t>{1});
  EXPECT_EQ(plan.measured_by, (std::vector<size_t>{0, 0, 0}));
  EXPECT_EQ(plan.fallback, (std::vector<size_t>{0, 2}));
}

TEST(TaskPlan, ASpreaderNeedsAnExactTaskWithItsElementsToo) {
  const TaskConfig scan = estimator(TaskKind::kSuperSpreader, {kSrc}, {kPort});
  EXPECT_EQ(plan_tasks({task("pair", {kSrc, kDst}), scan}).measured, (std::vector<size_t>{0, 1}));
  EXPECT_EQ(plan_tasks({task("all", {kSrc, kDst, kPort}), scan}).measured, (std::vector<size_t>{0}));
}

TEST(TaskPlan, NothingIsDerivedFromAnEstimator) {
  const TaskPlan plan = plan_tasks(
      {estimator(TaskKind::kHeavyHitters, {kSrc, kDst}), estimator(TaskKind::kHeavyHitters, {kSrc})});
  EXPECT_EQ(plan.measured, (std::vector<size_t>{0, 1}));
  EXPECT_TRUE(plan.fallback.empty());
}

}  // namespace
}  // namespace netspectra

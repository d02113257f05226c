// What an estimate saves, and how it is restored elsewhere.
#include <gtest/gtest.h>

#include <cstring>
#include <functional>

#include "task/estimate_state.h"
#include "task/task.h"

namespace netspectra {
namespace {

TaskConfig config(TaskKind kind) {
  TaskConfig config;
  config.name = "task";
  config.kind = kind;
  config.fields.add(KeyField::kSrcIp);
  if (kind == TaskKind::kSuperSpreader) config.elements.add(KeyField::kDstIp);
  config.threshold.count = 10;
  config.memory_bytes = 32 << 10;
  return config;
}

std::vector<Packet> traffic(uint32_t count, uint32_t first) {
  std::vector<Packet> packets(count);
  for (uint32_t i = 0; i < count; ++i) {
    Packet& packet = packets[i];
    const uint32_t number = first + i, source = number * 7919 % 1500,
                   destination = number / 7 % (source % 50 + 1);
    packet = {};
    std::memcpy(packet.key.src_ip.data() + 12, &source, 4);
    std::memcpy(packet.key.dst_ip.data() + 12, &destination, 4);
    packet.key.ip_version = source % 3 == 0 ? 6 : 4;
    packet.ts_ns = 1 + number;
    packet.len_bytes = 60 + number % 1000;
  }
  return packets;
}

std::unique_ptr<Estimate> sketched(const TaskConfig& task, uint32_t count, uint32_t first) {
  const std::vector<Packet> packets = traffic(count, first);
  WorkerTasks tasks = *make_worker_tasks(plan_tasks({task}));
  for (size_t at = 0; at < packets.size(); at += 32) {
    tasks.measured[0]->update(std::span(packets).subspan(at, std::min<size_t>(32, packets.size() - at)));
  }
  TaskPart part = tasks.measured[0]->drain();
  EXPECT_TRUE(part.status.ok());
  return std::move(part.estimate);
}

std::vector<FlowRecord> flows(const TaskConfig& task, uint32_t count, uint32_t first) {
  const KeyMask mask(task.fields | task.elements);
  std::vector<FlowRecord> records;
  for (const Packet& packet : traffic(count, first)) {
    records.push_back({mask.apply(packet.key), {1, packet.len_bytes, packet.ts_ns, packet.ts_ns, 0}});
  }
  return records;
}

std::unique_ptr<Estimate> exact(const TaskConfig& task, uint32_t count, uint32_t first) {
  std::unique_ptr<Estimate> estimate = make_estimate(task);
  estimate->add(flows(task, count, first));
  return estimate;
}

void expect_same(const Estimate& a, const Estimate& b) {
  TaskResult x, y;
  a.report({}, x);
  b.report({}, y);
  EXPECT_EQ(x.heavy_hitters, y.heavy_hitters);
  EXPECT_EQ(x.spreads, y.spreads);
  EXPECT_EQ(x.cardinality, y.cardinality);
  EXPECT_EQ(x.standard_error, y.standard_error);
  EXPECT_GT(x.heavy_hitters.size() + x.spreads.size() + x.cardinality, 0u);
}

class EstimateState : public testing::TestWithParam<TaskKind> {
 protected:
  std::unique_ptr<Estimate> restored(const Estimate& estimate) const {
    absl::StatusOr<std::unique_ptr<Estimate>> again = restore_estimate(task_, estimate.save());
    EXPECT_TRUE(again.ok()) << again.status().message();
    return again.ok() ? *std::move(again) : make_estimate(task_);
  }
  // Why the state of `estimate`, spoilt, is refused.
  std::string refusal(std::vector<std::byte> state,
                      const std::function<void(std::vector<std::byte>&)>& spoil) const {
    spoil(state);
    return std::string(restore_estimate(task_, state).status().message());
  }
  const TaskConfig task_ = config(GetParam());
};

TEST_P(EstimateState, OfASketchGivesAnEqualOne) {
  const auto original = sketched(task_, 20'000, 0);
  const auto again = restored(*original);
  expect_same(*again, *original);
  EXPECT_EQ(again->save(), original->save());
}

TEST_P(EstimateState, OfFlowsKnownExactlyGivesAnEqualOne) {
  const auto original = exact(task_, 30'000, 0);
  expect_same(*restored(*original), *original);
}

TEST_P(EstimateState, OfNothingGivesNothing) {
  TaskResult result;
  restored(*make_estimate(task_))->report({}, result);
  EXPECT_TRUE(result.heavy_hitters.empty() && result.spreads.empty());
  EXPECT_EQ(result.cardinality, 0u);
}

TEST_P(EstimateState, MergesAsTheOriginalDoes) {
  const auto merged = make_estimate(task_), again = make_estimate(task_);
  for (uint32_t part = 0; part < 3; ++part) {
    const auto original = part == 1 ? exact(task_, 3000, 50'000) : sketched(task_, 10'000, part * 10'000);
    ASSERT_TRUE(merged->merge(*original).ok());
    ASSERT_TRUE(again->merge(*restored(*original)).ok());
  }
  expect_same(*again, *merged);
  EXPECT_EQ(again->save(), merged->save());
}

// The candidates of a restored sketch go on competing as they did.
TEST_P(EstimateState, TakesInMoreAsTheOriginalDoes) {
  const auto original = sketched(task_, 20'000, 0), again = restored(*original);
  const std::vector<FlowRecord> more = flows(task_, 20'000, 100'000);
  original->add(more);
  again->add(more);
  EXPECT_EQ(again->save(), original->save());
}

TEST_P(EstimateState, OfAnotherTaskIsRefused) {
  const std::vector<std::byte> state = sketched(task_, 100, 0)->save();
  const auto refused = [&](const std::function<void(TaskConfig&)>& change) {
    TaskConfig other = task_;
    change(other);
    return std::string(restore_estimate(other, state).status().message());
  };
  EXPECT_EQ(refused([](TaskConfig&) {}), "");
  EXPECT_EQ(refused([](TaskConfig& task) { task.seed = 2; }), "the state has seed 1 where the task has 2");
  EXPECT_NE(refused([](TaskConfig& task) { task.fields.add(KeyField::kVlan); }), "");
  EXPECT_NE(refused([](TaskConfig& task) {
              task.kind =
                  task.kind == TaskKind::kCardinality ? TaskKind::kHeavyHitters : TaskKind::kCardinality;
            }),
            "");
  EXPECT_EQ(refused([](TaskConfig& task) { task.kind = TaskKind::kExact; }), "an exact task has no estimate");
  if (GetParam() != TaskKind::kCardinality) {
    EXPECT_TRUE(refused([](TaskConfig& task) { task.memory_bytes *= 2; }).starts_with("the state has size"));
  }
}

TEST_P(EstimateState, CutShortOrTooLongIsRefused) {
  for (const auto& original : {sketched(task_, 2000, 0), exact(task_, 50, 0)}) {
    const std::vector<std::byte> state = original->save();
    for (const size_t size : {size_t{0}, size_t{63}, state.size() - 1, state.size() + 1}) {
      EXPECT_NE(refusal(state, [size](auto& bytes) { bytes.resize(size); }), "") << size;
    }
  }
}

TEST_P(EstimateState, OfALaterVersionIsRefused) {
  EXPECT_EQ(refusal(sketched(task_, 100, 0)->save(), [](auto& bytes) { bytes[0] = std::byte{2}; }),
            "the state has version 2 where the task has 1");
}

// Spoilt anywhere: refused, or else usable like any other.
TEST_P(EstimateState, SpoiltIsRefusedOrHarmless) {
  const auto other = sketched(task_, 2000, 9000);
  std::vector<std::byte> state = sketched(task_, 2000, 0)->save();
  size_t refused = 0;
  for (size_t at = 0; at < state.size(); at += 1 + state.size() / 1000) {
    for (const uint8_t flip : {0x01, 0x80, 0xff}) {
      state[at] ^= std::byte{flip};
      const auto estimate = restore_estimate(task_, state);
      if (estimate.ok()) {
        EXPECT_TRUE(other->merge(**estimate).ok());
      } else {
        ++refused;
      }
      state[at] ^= std::byte{flip};
    }
  }
  TaskResult result;
  other->report({}, result);
  EXPECT_GT(refused, 3u * 10);
}

INSTANTIATE_TEST_SUITE_P(Kinds, EstimateState,
                         testing::Values(TaskKind::kHeavyHitters, TaskKind::kSuperSpreader,
                                         TaskKind::kCardinality));

// HyperLogLog counts levels in a table: a register beyond the highest would be counted outside of it.
TEST(CardinalityState, WithARegisterThatNoHashGivesIsRefused) {
  const TaskConfig task = config(TaskKind::kCardinality);
  std::vector<std::byte> state = sketched(task, 100, 0)->save();
  state.back() = std::byte{51};
  EXPECT_TRUE(restore_estimate(task, state).ok());
  state.back() = std::byte{52};
  EXPECT_EQ(restore_estimate(task, state).status().message(),
            "a cardinality sketch's registers reach 51, not 52");
}

TEST(HeavyHittersState, WithBoundsBelowZeroOrAKeyTwiceIsRefused) {
  const TaskConfig task = config(TaskKind::kHeavyHitters);
  const std::vector<std::byte> state = sketched(task, 100, 0)->save();
  const size_t last = state.size() - 72;
  std::vector<std::byte> spoilt = state;
  std::memset(spoilt.data() + last + 48, 0xff, 8);  // a slack of -1 over a floor of 0
  EXPECT_EQ(restore_estimate(task, spoilt).status().message(), "a heavy hitter's bounds are impossible");
  spoilt = state;
  spoilt.insert(spoilt.end(), state.end() - 72, state.end());
  EXPECT_EQ(restore_estimate(task, spoilt).status().message(),
            "the heavy hitters are not in the order of their keys");
}

TEST(SuperSpreaderState, WithACandidateInAnotherGroupIsRefused) {
  const TaskConfig task = config(TaskKind::kSuperSpreader);
  std::vector<std::byte> state = sketched(task, 20'000, 0)->save();
  state[state.size() - 16 * 16] ^= std::byte{1};  // the first key of the last group
  const std::string message(restore_estimate(task, state).status().message());
  EXPECT_TRUE(message.starts_with("candidate group")) << message;
}

}  // namespace
}  // namespace netspectra

#include <gtest/gtest.h>

#include "parts.h"
#include "wire/snapshot.h"

namespace netspectra {
namespace {

const TaskPlan& plan() {
  static const TaskPlan plan = plan_tasks(with(five_tuple(100), estimators()));
  return plan;
}

std::string refusal(std::span<const uint8_t> bytes) {
  const absl::StatusOr<Snapshot> snapshot = decode_snapshot(bytes);
  return snapshot.ok() ? "" : std::string(snapshot.status().message());
}

// Of encode_part(): what no reader would take is not sent.
std::string refusal(const SnapshotHeader& header, const TaskPlan& plan) {
  EpochPart part;
  part.measured.resize(plan.measured.size());
  part.fallback.resize(plan.fallback.size());
  size_t emitted = 0;
  const absl::Status status = encode_part(header, plan, part, [&](const EncodedChunk&) { ++emitted; });
  EXPECT_EQ(emitted == 0, !status.ok());
  return std::string(status.message());
}

TEST(Refusal, OfWhatIsNoSnapshot) {
  const std::string what = "not a snapshot, or a damaged one";
  EXPECT_EQ(refusal(std::span<const uint8_t>{}), what);
  EXPECT_EQ(refusal(std::vector<uint8_t>(100, 0)), what);
  EXPECT_EQ(refusal(std::vector<uint8_t>(100, 0xff)), what);
  EXPECT_EQ(refusal(std::vector<uint8_t>(kMaxChunkBytes + 1, 0)),
            "524289 bytes: a snapshot has at most 524288");
}

TEST(Refusal, OfEveryMessageThatIsCutShort) {
  const Message message = encode(full_header(), plan(), measure(plan(), traffic(1))).at(0);
  for (size_t size = 0; size + 8 < message.bytes.size(); ++size) {
    EXPECT_NE(refusal(std::vector<uint8_t>(message.bytes.begin(),
                                           message.bytes.begin() + static_cast<ptrdiff_t>(size))),
              "");
  }
}

// Whatever is flipped, it is refused or read as something else: no crash, no read outside (with sanitizers on).
TEST(Refusal, OrAnotherMeaningComesOfEveryFlippedBit) {
  size_t refused = 0, flips = 0;
  for (const Message& message : encode(full_header(), plan(), measure(plan(), traffic(300)))) {
    std::vector<uint8_t> bytes = message.bytes;
    const bool exact = message.task == "flows";
    for (size_t at = 0; at < bytes.size(); at += exact ? 1 : 1 + bytes.size() / 400) {
      for (int bit = 0; bit < 8; ++bit) {
        bytes[at] ^= static_cast<uint8_t>(1 << bit);
        const absl::StatusOr<Snapshot> snapshot = decode_snapshot(bytes);
        refused += !snapshot.ok();
        ++flips;
        if (snapshot.ok() && !snapshot->state.empty()) {
          const auto estimate = restore_estimate(snapshot->tasks[snapshot->task], snapshot->state);
          refused += !estimate.ok();
        }
        bytes[at] ^= static_cast<uint8_t>(1 << bit);
      }
    }
  }
  EXPECT_GT(refused, flips / 20);
}

TEST(Refusal, OfAHeaderThatCannotBe) {
  const TaskPlan plan = plan_tasks({five_tuple()});
  EXPECT_EQ(refusal(full_header(), plan), "");
  SnapshotHeader header = full_header();
  header.site = "";
  EXPECT_EQ(refusal(header, plan), "the site has no site's name");
  header = full_header();
  header.probe = "edge.1";
  EXPECT_EQ(refusal(header, plan), "the probe has no probe's name");
  header = full_header();
  header.port = "eth0\n";
  EXPECT_EQ(refusal(header, plan), "the port's name is too long or not text");
  header = full_header();
  header.worker = 4;
  EXPECT_EQ(refusal(header, plan), "worker 4 of 4");
  header = full_header();
  header.epoch_end_ns = header.epoch_start_ns - 1;
  EXPECT_EQ(refusal(header, plan), "the epoch ends before it starts");
}

TEST(Refusal, OfTasksThatCannotBe) {
  const auto refused = [](const TaskConfig& task) { return refusal(full_header(), plan_tasks({task})); };
  TaskConfig task = five_tuple();
  task.name = "../../etc/passwd";
  EXPECT_EQ(refused(task), "task 0 has no task's name");
  task = five_tuple();
  task.fields = {};
  EXPECT_EQ(refused(task), "task flows has no key fields");
  task = estimators()[1];
  task.elements = {};
  EXPECT_EQ(refused(task), "task scan has no elements");
  task = estimators()[0];
  task.memory_bytes = (1 << 30) + 1;
  EXPECT_EQ(refused(task), "task top_src has a memory of 1073741825 bytes");
  task = estimators()[0];
  task.threshold.share_ppm = 1'000'001;
  EXPECT_EQ(refused(task), "task top_src has a threshold of more than the whole");
  EXPECT_EQ(refusal(full_header(), plan_tasks({five_tuple(), five_tuple()})), "two tasks are called flows");
  EXPECT_EQ(refusal(full_header(), plan_tasks(std::vector<TaskConfig>(257, five_tuple()))),
            "257 tasks: there must be from 1 to 256");
}

// Of `part`, sent as `plan` says: the first message's.
std::string refusal(const TaskPlan& plan, EpochPart part) {
  return refusal(encode(full_header(), plan, part).at(0).bytes);
}

TEST(Refusal, OfRecordsThatNoTaskMakes) {
  const TaskPlan plan = plan_tasks({make_task_config("src", TaskKind::kExact, {KeyField::kSrcIp})});
  const EpochPart good = measure(plan, traffic(1));
  const auto refused = [&](const std::function<void(FlowRecord&)>& spoil) {
    EpochPart part;
    part.measured.resize(1);
    part.measured[0].records = good.measured[0].records;
    spoil(part.measured[0].records.at(0));
    return refusal(plan, std::move(part));
  };
  EXPECT_EQ(refused([](FlowRecord&) {}), "");
  const std::string key = "a record's key has other fields than the task";
  EXPECT_EQ(refused([](FlowRecord& record) { record.key.protocol = 6; }), key);
  EXPECT_EQ(refused([](FlowRecord& record) { record.key.dst_ip[0] = 1; }), key);
  EXPECT_EQ(refused([](FlowRecord& record) { record.key.ip_version = 5; }), key);
  EXPECT_EQ(refused([](FlowRecord& record) { record.counters.packets = 0; }), "a record has no packets");
  EXPECT_EQ(
      refused([](FlowRecord& record) { record.counters.first_seen_ns = record.counters.last_seen_ns + 1; }),
      "a record was last seen before it was first seen");
}

TEST(Refusal, OfContentThatTheKindDoesNotHave) {
  const TaskPlan exact = plan_tasks({five_tuple()}), sketch = plan_tasks({estimators()[2]});
  EpochPart part = measure(sketch, traffic(10));
  EXPECT_EQ(refusal(exact, std::move(part)), "exact task flows has an estimator's state");
  part = measure(exact, traffic(10));
  EXPECT_EQ(refusal(sketch, std::move(part)), "estimator task hosts has records");
}

}  // namespace
}  // namespace netspectra

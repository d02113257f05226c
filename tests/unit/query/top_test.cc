// What top makes of many epochs and probes is what the control core would have made of all their workers in one epoch.
#include "query/top.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <random>

#include "memory_source.h"
#include "merge/epoch_merger.h"
#include "query/api.h"

namespace netspectra {
namespace {

using testing::HasSubstr;
using Fields = std::initializer_list<KeyField>;
constexpr auto kSrc = KeyField::kSrcIp, kDst = KeyField::kDstIp;
constexpr uint64_t kSecond = 1'000'000'000, kPeriod = 10 * kSecond, kStart = 1'700'000'000 * kSecond;
constexpr size_t kProbes = 2, kWorkers = 2, kEpochs = 3;

TaskConfig task(const char* name, TaskKind kind, Fields fields, Fields elements = {}) {
  TaskConfig config;
  config.name = name;
  config.kind = kind;
  for (KeyField field : fields) config.fields.add(field);
  for (KeyField field : elements) config.elements.add(field);
  return config;
}

TaskConfig flows(uint64_t capacity) {
  TaskConfig config = task("flows", TaskKind::kExact, {});
  config.fields = KeyFields::five_tuple();
  config.capacity = capacity;
  return config;
}

std::vector<TaskConfig> estimators() {
  std::vector<TaskConfig> tasks = {task("top_src", TaskKind::kHeavyHitters, {kSrc}),
                                   task("top_dst", TaskKind::kHeavyHitters, {kDst}),
                                   task("scan", TaskKind::kSuperSpreader, {kSrc}, {kDst}),
                                   task("hosts", TaskKind::kCardinality, {kSrc, kDst})};
  tasks[0].threshold.count = 100;
  tasks[0].memory_bytes = 16 << 10;
  tasks[1].by = RankBy::kBytes;
  tasks[1].threshold.share_ppm = 5000;
  tasks[1].memory_bytes = 16 << 10;
  tasks[2].threshold.count = 40;
  tasks[2].memory_bytes = 64 << 10;
  return tasks;
}
constexpr const char* kTasks[] = {"top_src", "top_dst", "scan", "hosts"};

TaskPlan plan_with(uint64_t capacity) {
  std::vector<TaskConfig> tasks = estimators();
  tasks.insert(tasks.begin(), flows(capacity));
  return plan_tasks(std::move(tasks));
}

// Few large sources, many small ones.
std::vector<Packet> traffic(size_t count, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<Packet> packets(count);
  for (Packet& packet : packets) {
    const auto source = static_cast<uint32_t>(std::pow(20000.0, double(random()) / 4294967296.0));
    const auto destination = static_cast<uint32_t>(random() % (1 + 3000 / source));
    packet = {};
    packet.key.src_ip[10] = packet.key.src_ip[11] = packet.key.dst_ip[10] = packet.key.dst_ip[11] = 0xff;
    std::memcpy(packet.key.src_ip.data() + 12, &source, 4);
    std::memcpy(packet.key.dst_ip.data() + 12, &destination, 4);
    packet.key.ip_version = 4;
    packet.key.be_src_port = static_cast<uint16_t>(random() % 3);
    packet.key.protocol = 17;
    packet.ts_ns = 1 + random() % 1000;
    packet.len_bytes = static_cast<uint32_t>(60 + random() % 1400);
  }
  return packets;
}

using Shares = std::vector<std::vector<Packet>>;  // of workers

EpochResult measure(const TaskPlan& plan, const Shares& shares) {
  EpochMerger merger(plan, 0, 0);
  for (const std::vector<Packet>& share : shares) {
    WorkerTasks tasks = *make_worker_tasks(plan);
    EpochPart part;
    for (size_t at = 0; at < share.size(); at += 64) {
      const auto burst = std::span(share).subspan(at, std::min<size_t>(64, share.size() - at));
      for (const auto& task : tasks.measured) task->update(burst);
      for (const Packet& packet : burst) part.ledger.ip_bytes += packet.len_bytes;
    }
    part.ledger.rx_packets = part.ledger.ip_packets = share.size();
    for (const auto& task : tasks.measured) task->flush();
    for (const auto& task : tasks.measured) part.measured.push_back(task->drain());
    for (const auto& task : tasks.fallback) part.fallback.push_back(task->drain());
    merger.add(std::move(part));
  }
  EpochResult result;
  merger.emit_all([&](EpochResult emitted) { result = std::move(emitted); });
  return result;
}

// The shares of all workers of all probes in all epochs, one after the other. The last epoch's are small.
Shares share_out(const std::vector<Packet>& packets) {
  Shares shares(kEpochs * kProbes * kWorkers);
  for (size_t i = 0; i < packets.size(); ++i) {
    const size_t epoch = i % 100 == 0 ? kEpochs - 1 : i % (kEpochs - 1);
    shares[(epoch * kProbes + i / 3 % kProbes) * kWorkers + i / 7 % kWorkers].push_back(packets[i]);
  }
  return shares;
}

void put_epochs(MemorySource& source, const Shares& shares,
                const std::array<const TaskPlan*, kProbes>& plans) {
  for (size_t epoch = 0; epoch < kEpochs; ++epoch) {
    for (size_t probe = 0; probe < kProbes; ++probe) {
      const auto first = shares.begin() + ptrdiff_t((epoch * kProbes + probe) * kWorkers);
      EpochResult result = measure(*plans[probe], Shares(first, first + kWorkers));
      result.origin.site = "ams";
      result.origin.probe = "edge-" + std::to_string(probe + 1);
      result.start_ns = kStart + epoch * kPeriod;
      result.period_ns = kPeriod;
      source.put(std::move(result));
    }
  }
}

absl::StatusOr<std::string> ask(QuerySource& source, QueryParameters parameters, ApiLimits limits = {}) {
  return answer_query(source, "top", parameters, 0, limits);
}

// Up to the ledger.
std::string rows(QuerySource& source, QueryParameters parameters) {
  parameters.push_back({"limit", "100000"});
  const absl::StatusOr<std::string> answer = ask(source, parameters);
  EXPECT_TRUE(answer.ok()) << answer.status();
  return answer.ok() ? answer->substr(0, answer->find(",\"ledger\"")) : "";
}

std::string error(QuerySource& source, QueryParameters parameters, absl::StatusCode code) {
  const absl::StatusOr<std::string> answer = ask(source, parameters);
  EXPECT_EQ(answer.status().code(), code) << answer.status();
  return std::string(answer.status().message());
}

size_t count(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size()) ++count;
  return count;
}

class TopTest : public testing::Test {
 protected:
  const std::vector<Packet> packets_ = traffic(60'000, 7);
  const Shares shares_ = share_out(packets_);
};

TEST_F(TopTest, OfExactRecordsEqualsOneWorkersOverAllTraffic) {
  const TaskPlan plan = plan_with(1 << 16);
  MemorySource many, one;
  put_epochs(many, shares_, {&plan, &plan});
  one.put(measure(plan, {packets_}));
  for (const char* name : kTasks) {
    const std::string answer = rows(many, {{"task", name}});
    EXPECT_EQ(answer, rows(one, {{"task", name}}));
    EXPECT_THAT(answer, HasSubstr("\"standard_error\":0"));
    EXPECT_EQ(count(answer, "error_packets"), count(answer, "\"error_packets\":0"));
  }
  EXPECT_GT(count(rows(many, {{"task", "top_src"}}), "src_ip"), 20u);
  EXPECT_GT(count(rows(many, {{"task", "scan"}}), "src_ip"), 20u);
}

TEST_F(TopTest, OfStatesEqualsOneMergeOfAllWorkers) {
  const TaskPlan plan = plan_tasks(estimators());
  MemorySource many, one, alone;
  put_epochs(many, shares_, {&plan, &plan});
  one.put(measure(plan, shares_));
  alone.put(measure(plan, {packets_}));
  for (const char* name : kTasks) EXPECT_EQ(rows(many, {{"task", name}}), rows(one, {{"task", name}}));
  EXPECT_GT(count(rows(many, {{"task", "top_src"}}), "src_ip"), 20u);
  // These sketches do not depend on who saw what, either.
  for (const char* name : {"scan", "hosts"}) {
    const std::string answer = rows(many, {{"task", name}});
    EXPECT_EQ(answer, rows(alone, {{"task", name}}));
    EXPECT_EQ(count(answer, "\"standard_error\":0,"), 0u);
  }
}

// The tables of the large epochs overflow, those of the small one do not.
TEST_F(TopTest, OfStatesAndExactRecordsTogetherEqualsOneMergeOfAllWorkers) {
  const TaskPlan plan = plan_with(2000);
  MemorySource many, one, alone;
  put_epochs(many, shares_, {&plan, &plan});
  one.put(measure(plan, shares_));
  size_t with = 0, without = 0;
  ASSERT_TRUE(many.estimates({}, "top_src",
                             [&](const StoredEstimate& stored) {
                               ++(stored.state.empty() ? without : with);
                               return absl::OkStatus();
                             })
                  .ok());
  ASSERT_EQ(with, 4u);
  ASSERT_EQ(without, 2u);
  for (const char* name : kTasks) EXPECT_EQ(rows(many, {{"task", name}}), rows(one, {{"task", name}}));
  const TaskPlan sketches = plan_tasks(estimators());
  alone.put(measure(sketches, {packets_}));
  for (const char* name : {"scan", "hosts"}) {
    EXPECT_EQ(rows(many, {{"task", name}}), rows(alone, {{"task", name}}));
  }
}

TEST_F(TopTest, MergesAProbeThatHasTheExactTaskWithOneThatHasNot) {
  const TaskPlan derived = plan_with(1 << 16), measured = plan_tasks(estimators());
  MemorySource many, alone;
  put_epochs(many, shares_, {&derived, &measured});
  alone.put(measure(measured, {packets_}));
  for (const char* name : {"scan", "hosts"}) {
    EXPECT_EQ(rows(many, {{"task", name}}), rows(alone, {{"task", name}}));
  }
}

TEST_F(TopTest, CertifiesHeavyHittersOfAllTraffic) {
  const TaskPlan plan = plan_tasks(estimators());
  MemorySource source;
  put_epochs(source, shares_, {&plan, &plan});
  std::map<FlowKey, uint64_t> truth;
  const KeyMask mask(plan.tasks[0].fields);
  for (const Packet& packet : packets_) ++truth[mask.apply(packet.key)];
  constexpr uint64_t kSurelyKnown = 300;  // 60,000 packets over the 400 entries of 16 KiB, twice
  uint64_t rows_left = 0;
  const TopQuery query{{}, plan.tasks[0], {}, {}};
  const absl::StatusOr<TaskResult> result = merge_estimates(source, query, rows_left);
  ASSERT_TRUE(result.ok());
  uint64_t errors = 0, found = 0;
  for (const HeavyHitterRecord& hitter : result->heavy_hitters) {
    EXPECT_LE(truth[hitter.key], hitter.packets);
    EXPECT_GE(truth[hitter.key], hitter.packets - hitter.error_packets);
    errors += hitter.error_packets != 0 ? 1 : 0;
    found += truth[hitter.key] >= kSurelyKnown ? 1 : 0;
  }
  EXPECT_GT(errors, 0u) << "nothing was estimated";
  const auto large = [](const auto& key) { return key.second >= kSurelyKnown; };
  EXPECT_EQ(found, uint64_t(std::count_if(truth.begin(), truth.end(), large)));
  EXPECT_GT(found, 10u);
}

TEST_F(TopTest, OfBucketsIsOfEachBucketByItself) {
  const TaskPlan plan = plan_with(2000);
  MemorySource source;
  put_epochs(source, shares_, {&plan, &plan});
  for (const std::string name : kTasks) {
    std::string by_hand, estimates;
    for (size_t epoch = 0; epoch < kEpochs; ++epoch) {
      const uint64_t start = kStart + epoch * kPeriod;
      const std::string one = rows(
          source, {{"task", name}, {"from", std::to_string(start)}, {"to", std::to_string(start + kPeriod)}});
      const size_t end = one.find("],\"estimates\":[");
      const std::string bucket = "{\"start_ns\":" + std::to_string(start) + ",";
      std::string list = one.substr(9, end - 9);
      for (size_t at = 0; (at = list.find('{', at)) != std::string::npos; at += bucket.size()) {
        list.replace(at, 1, bucket);
      }
      if (!by_hand.empty() && !list.empty()) by_hand += ",";
      by_hand += list;
      if (!estimates.empty()) estimates += ",";
      estimates += bucket + one.substr(end + 16, one.size() - end - 17);
    }
    EXPECT_EQ(rows(source, {{"task", name}, {"bucket", "10s"}}),
              "{\"rows\":[" + by_hand + "],\"estimates\":[" + estimates + "]")
        << name;
  }
}

TEST_F(TopTest, OfBucketsPassesOverTimesWithoutAnything) {
  const TaskPlan plan = plan_tasks({estimators()[3]});
  MemorySource source;
  for (const uint64_t start : {uint64_t{0}, kStart, kStart + 1'000'000 * kPeriod}) {
    EpochResult result = measure(plan, {std::vector<Packet>(packets_.begin(), packets_.begin() + 10)});
    result.start_ns = start;
    source.put(std::move(result));
  }
  EXPECT_EQ(count(rows(source, {{"task", "hosts"}, {"bucket", "1ms"}}), "\"cardinality\":10,"), 3u);
}

// A ledger is read at a cost for each of its epochs: once for each bucket, that would add up.
TEST_F(TopTest, OfBucketsReadsNoLedgerButThatOfTheAnswer) {
  const TaskPlan plan = plan_with(1 << 16);
  MemorySource source;
  put_epochs(source, shares_, {&plan, &plan});
  uint64_t ledgers = 0;
  source.on_ledger = [&] { ++ledgers; };
  const std::string by_period = rows(source, {{"task", "hosts"}, {"bucket", "10s"}});
  EXPECT_EQ(count(by_period, "\"cardinality\":"), kEpochs);
  EXPECT_EQ(ledgers, 2u) << "before the rows and after them";
  // Each epoch starts at a multiple of both.
  EXPECT_EQ(rows(source, {{"task", "hosts"}, {"bucket", "1s"}}), by_period);
  EXPECT_EQ(ledgers, 4u);
}

TEST_F(TopTest, RefusesMoreBucketsThanItMerges) {
  const TaskPlan plan = plan_tasks({estimators()[3]});
  MemorySource source;
  for (uint64_t i = 0; i < 1001; ++i) {
    EpochResult result = measure(plan, {});
    result.tasks.resize(1);
    result.tasks[0].task = &plan.tasks[0];
    result.start_ns = kStart + i * kPeriod;
    source.put(std::move(result));
  }
  EXPECT_THAT(error(source, {{"task", "hosts"}, {"bucket", "10s"}, {"limit", "5000"}},
                    absl::StatusCode::kResourceExhausted),
              HasSubstr("bucket: more than 1000 buckets"));
}

TEST_F(TopTest, RaisesTheThresholdButDoesNotLowerIt) {
  const TaskPlan plan = plan_tasks(estimators());
  MemorySource source;
  put_epochs(source, shares_, {&plan, &plan});
  const std::string own = rows(source, {{"task", "scan"}});
  EXPECT_THAT(own, HasSubstr("\"threshold\":40,"));
  EXPECT_EQ(own, rows(source, {{"task", "scan"}, {"threshold", "40"}}));
  const std::string raised = rows(source, {{"task", "scan"}, {"threshold", "200"}});
  EXPECT_THAT(raised, HasSubstr("\"threshold\":200,"));
  EXPECT_LT(count(raised, "src_ip"), count(own, "src_ip"));
  EXPECT_GT(count(raised, "src_ip"), 2u);
  EXPECT_EQ(error(source, {{"task", "scan"}, {"threshold", "39"}}, absl::StatusCode::kInvalidArgument),
            "threshold: comes to 39, below the task's own (40), from which on keys are known");
  // 0.5 % of all bytes are the second task's own; the first counts packets, of which 0.2 % are 120.
  EXPECT_EQ(rows(source, {{"task", "top_dst"}}), rows(source, {{"task", "top_dst"}, {"threshold", "0.5%"}}));
  EXPECT_THAT(rows(source, {{"task", "top_src"}, {"threshold", "0.2%"}}), HasSubstr("\"threshold\":120,"));
  EXPECT_THAT(error(source, {{"task", "top_src"}, {"threshold", "0.1%"}}, absl::StatusCode::kInvalidArgument),
              HasSubstr("comes to 60, below"));
  EXPECT_THAT(error(source, {{"task", "scan"}, {"threshold", "1%"}}, absl::StatusCode::kInvalidArgument),
              HasSubstr("threshold: spreads have no share"));
}

TEST_F(TopTest, AShareIsOfTheEpochsThatAreMerged) {
  const TaskPlan plan = plan_tasks(estimators());
  MemorySource source;
  put_epochs(source, shares_, {&plan, &plan});
  const QueryParameters own = {{"task", "top_dst"}}, raised = {{"task", "top_dst"}, {"threshold", "1%"}};
  const std::string by_own = rows(source, own), by_raised = rows(source, raised);
  EXPECT_GT(count(by_own, "dst_ip"), count(by_raised, "dst_ip"));
  EXPECT_GT(count(by_raised, "dst_ip"), 0u);
  EpochResult without;  // the books of one whose results have expired
  without.start_ns = kStart;
  without.ledger.ip_packets = without.ledger.ip_bytes = 1'000'000'000;
  source.put(std::move(without));
  EXPECT_EQ(rows(source, own), by_own);
  EXPECT_EQ(rows(source, raised), by_raised);
}

TEST_F(TopTest, ListsTheKeysThatMeetTheConditions) {
  const TaskPlan plan = plan_with(1 << 16);
  MemorySource source;
  put_epochs(source, shares_, {&plan, &plan});
  const std::string all = rows(source, {{"task", "top_src"}});
  EXPECT_THAT(all, HasSubstr("\"src_ip\":\"1.0.0.0\""));
  const std::string one = rows(source, {{"task", "top_src"}, {"where", "src_ip = 1.0.0.0"}});
  EXPECT_EQ(count(one, "src_ip"), 1u);
  const std::string others = rows(source, {{"task", "top_src"}, {"where", "src_ip != 1.0.0.0"}});
  EXPECT_EQ(count(others, "src_ip") + 1, count(all, "src_ip"));
  EXPECT_EQ(
      error(source, {{"task", "scan"}, {"where", "dst_ip = 10.0.0.1"}}, absl::StatusCode::kInvalidArgument),
      "where: task \"scan\" has no dst_ip (known: src_ip)");
  EXPECT_THAT(
      error(source, {{"task", "scan"}, {"where", "tcp_flags = S"}}, absl::StatusCode::kInvalidArgument),
      HasSubstr("where: only exact tasks have tcp_flags"));
}

TEST_F(TopTest, OrdersHeavyHittersByEitherCounter) {
  const TaskPlan plan = plan_with(1 << 16);
  MemorySource source;
  put_epochs(source, shares_, {&plan, &plan});
  const std::string by_packets = rows(source, {{"task", "top_src"}});
  EXPECT_EQ(by_packets, rows(source, {{"task", "top_src"}, {"order", "packets"}}));
  const std::string by_bytes = rows(source, {{"task", "top_src"}, {"order", "bytes"}});
  EXPECT_NE(by_packets, by_bytes);
  EXPECT_EQ(by_packets.size(), by_bytes.size());
  EXPECT_EQ(error(source, {{"task", "scan"}, {"order", "bytes"}}, absl::StatusCode::kInvalidArgument),
            "order: \"bytes\" is unknown for this kind of task (known: spread)");
}

TEST_F(TopTest, GivesTheListPageByPage) {
  const TaskPlan plan = plan_with(1 << 16);
  MemorySource source;
  put_epochs(source, shares_, {&plan, &plan});
  std::string pages;
  QueryParameters parameters = {{"task", "top_src"}, {"limit", "7"}};
  for (bool more = true; more;) {
    const absl::StatusOr<std::string> answer = ask(source, parameters);
    ASSERT_TRUE(answer.ok()) << answer.status();
    const std::string list = answer->substr(9, answer->find("],\"estimates\"") - 9);
    pages += (pages.empty() ? "" : ",") + list;
    const std::string mark = "\"next\":\"";
    const size_t next = answer->find(mark);
    more = next != std::string::npos;
    parameters.resize(2);
    if (more) {
      EXPECT_EQ(count(list, "src_ip"), 7u);
      parameters.push_back(
          {"cursor", answer->substr(next + mark.size(), answer->size() - next - mark.size() - 2)});
    }
  }
  const std::string all = rows(source, {{"task", "top_src"}});
  EXPECT_EQ(pages, all.substr(9, all.find("],\"estimates\"") - 9));
}

TEST_F(TopTest, OfAnExactTaskIsItsLargestRecords) {
  const TaskPlan plan = plan_with(1 << 16);
  MemorySource source;
  put_epochs(source, shares_, {&plan, &plan});
  const absl::StatusOr<std::string> top =
      ask(source, {{"task", "flows"}, {"limit", "5"}, {"order", "packets"}});
  ASSERT_TRUE(top.ok());
  EXPECT_EQ(*top, *answer_query(source, "aggregate",
                                {{"task", "flows"}, {"limit", "5"}, {"order", "packets"}}, 0, ApiLimits()));
  EXPECT_EQ(count(*top, "src_ip"), 5u);
  EXPECT_EQ(error(source, {{"task", "flows"}, {"threshold", "5"}}, absl::StatusCode::kInvalidArgument),
            "threshold: \"flows\" is exact: it has none");
}

TEST_F(TopTest, RefusesToMergeAcrossAChangeOfShape) {
  std::vector<TaskConfig> changed = estimators();
  for (TaskConfig& task : changed) task.seed = 2;
  const TaskPlan before = plan_tasks(estimators()), after = plan_tasks(changed);
  MemorySource source;
  put_epochs(source, shares_, {&before, &before});
  EpochResult late = measure(after, {packets_});
  late.start_ns = kStart + 3 * kPeriod;
  source.put(std::move(late));
  for (const char* name : kTasks) {
    EXPECT_THAT(
        error(source, {{"task", name}}, absl::StatusCode::kInvalidArgument),
        HasSubstr("was configured otherwise from 1700000030000000000 (2023-11-14 22:13:50.000000000Z) on"));
    EXPECT_TRUE(ask(source, {{"task", name}, {"to", "1700000030000000000"}}).ok());
    EXPECT_TRUE(ask(source, {{"task", name}, {"from", "1700000030000000000"}}).ok());
  }
}

TEST_F(TopTest, LeavesNoStateOutInSilence) {
  const TaskPlan plan = plan_tasks(estimators());
  for (const char* name : kTasks) {
    EpochResult broken = measure(plan, {packets_});
    broken.origin.site = "ams";
    broken.origin.probe = "edge-9";
    broken.start_ns = kStart;
    for (TaskResult& result : broken.tasks) result.state.resize(result.state.size() - 1);
    MemorySource source;
    put_epochs(source, shares_, {&plan, &plan});
    source.put(std::move(broken));
    EXPECT_THAT(error(source, {{"task", name}}, absl::StatusCode::kDataLoss),
                HasSubstr("epoch 1700000000000000000 of ams/edge-9: "));
  }
  EpochResult lost = measure(plan, {packets_});
  for (TaskResult& result : lost.tasks) result.state.clear();
  MemorySource source;
  source.put(std::move(lost));
  EXPECT_EQ(error(source, {{"task", "hosts"}}, absl::StatusCode::kDataLoss),
            "task hosts, epoch 0: no state was stored");
}

TEST_F(TopTest, ReadsNoMoreExactRecordsThanItMay) {
  const TaskPlan plan = plan_with(1 << 16);
  MemorySource source;
  put_epochs(source, shares_, {&plan, &plan});
  const size_t sources = [&] {
    std::map<FlowKey, int> keys;
    const KeyMask mask(plan.tasks[1].fields);
    for (const Packet& packet : packets_) keys[mask.apply(packet.key)] = 1;
    return keys.size();
  }();
  ApiLimits limits;
  limits.max_merged_rows = sources;
  EXPECT_TRUE(ask(source, {{"task", "top_src"}}, limits).ok());
  limits.max_merged_rows = sources - 1;
  const absl::StatusOr<std::string> answer = ask(source, {{"task", "top_src"}}, limits);
  EXPECT_EQ(answer.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(answer.status().message()), HasSubstr("for task top_src; narrow from and to"));
}

TEST_F(TopTest, SaysOfACardinalityHowCloseItIs) {
  const TaskPlan exact = plan_with(1 << 16), sketch = plan_tasks(estimators());
  MemorySource exactly, about;
  exactly.put(measure(exact, {packets_}));
  about.put(measure(sketch, {packets_}));
  std::map<FlowKey, int> keys;
  const KeyMask mask(sketch.tasks[3].fields);
  for (const Packet& packet : packets_) keys[mask.apply(packet.key)] = 1;
  const std::string truth = std::to_string(keys.size());
  EXPECT_EQ(rows(exactly, {{"task", "hosts"}}),
            "{\"rows\":[{\"cardinality\":" + truth + ",\"standard_error\":0,\"low\":" + truth +
                ",\"high\":" + truth + "}],\"estimates\":[{\"standard_error\":0}]");
  uint64_t value = 0, low = 0, high = 0;
  double error_found = 0;
  ASSERT_EQ(std::sscanf(rows(about, {{"task", "hosts"}}).c_str(),
                        "{\"rows\":[{\"cardinality\":%lu,\"standard_error\":%lf,\"low\":%lu,\"high\":%lu}",
                        &value, &error_found, &low, &high),
            4);
  EXPECT_GT(error_found, 0);
  EXPECT_EQ(high - value,
            uint64_t(std::ceil(2 * measure(sketch, {packets_}).tasks[3].standard_error * double(value))));
  EXPECT_EQ(value - low, high - value);
  EXPECT_LE(low, keys.size());
  EXPECT_GE(high, keys.size());
  for (const auto& [name, value_given] :
       {std::pair("where", "src_ip = ::1"), std::pair("threshold", "5"), std::pair("order", "bytes")}) {
    EXPECT_EQ(error(exactly, {{"task", "hosts"}, {name, value_given}}, absl::StatusCode::kInvalidArgument),
              std::string(name) + ": \"hosts\" is one number, without keys");
  }
}

}  // namespace
}  // namespace netspectra

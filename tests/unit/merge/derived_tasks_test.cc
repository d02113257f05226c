// A task gives the same answer whether it is derived from an exact table's records, measured packet by packet, or a
// bit of both because the table overflowed: exact kinds to the digit, estimators within their certificate.
#include <gtest/gtest.h>

#include <cmath>
#include <deque>
#include <map>
#include <random>
#include <set>

#include "merge/epoch_merger.h"

namespace netspectra {
namespace {

using Fields = std::initializer_list<KeyField>;
constexpr auto kSrc = KeyField::kSrcIp, kDst = KeyField::kDstIp;

TaskConfig task(const char* name, TaskKind kind, Fields fields, Fields elements = {}) {
  TaskConfig config;
  config.name = name;
  config.kind = kind;
  for (KeyField field : fields) config.fields.add(field);
  for (KeyField field : elements) config.elements.add(field);
  config.capacity = 1 << 20;
  return config;
}

TaskConfig five_tuple(uint64_t capacity) {
  TaskConfig config = task("flows", TaskKind::kExact, {});
  config.fields = KeyFields::five_tuple();
  config.capacity = capacity;
  return config;
}

std::vector<TaskConfig> estimators() {
  std::vector<TaskConfig> tasks = {task("top_src", TaskKind::kHeavyHitters, {kSrc}),
                                   task("top_dst_by_bytes", TaskKind::kHeavyHitters, {kDst}),
                                   task("scan", TaskKind::kSuperSpreader, {kSrc}, {kDst}),
                                   task("count", TaskKind::kCardinality, {})};
  tasks[0].threshold.count = 300;
  tasks[1].by = RankBy::kBytes;
  tasks[1].threshold.share_ppm = 5000;
  tasks[2].threshold.count = 60;
  tasks[3].fields = KeyFields::five_tuple();
  return tasks;
}

// Few large sources, many small ones; source i meets up to 3000 / i destinations.
std::vector<Packet> traffic(uint32_t count, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<Packet> packets(count);
  for (Packet& packet : packets) {
    const auto source = static_cast<uint32_t>(std::pow(20000.0, double(random()) / 4294967296.0));
    const auto destination = static_cast<uint32_t>(random() % (1 + 3000 / source));
    packet = {};
    packet.key.src_ip[10] = packet.key.src_ip[11] = packet.key.dst_ip[10] = packet.key.dst_ip[11] = 0xff;
    std::memcpy(packet.key.src_ip.data() + 12, &source, 4);
    std::memcpy(packet.key.dst_ip.data() + 12, &destination, 4);
    packet.key.ip_version = source % 7 == 0 ? 6 : 4;
    packet.key.be_src_port = static_cast<uint16_t>(random() % 3);
    packet.key.protocol = 17;
    packet.ts_ns = 1 + random() % 1000;
    packet.len_bytes = static_cast<uint32_t>(60 + random() % 1400);
  }
  return packets;
}

struct Truth {
  explicit Truth(const std::vector<Packet>& packets) {
    KeyFields src, dst, pair;
    src.add(kSrc);
    dst.add(kDst);
    pair = src | dst;
    std::set<FlowKey> pairs;
    for (const Packet& packet : packets) {
      const FlowCounters one = {1, packet.len_bytes, packet.ts_ns, packet.ts_ns, packet.tcp_flags};
      by_src[KeyMask(src).apply(packet.key)].merge(one);
      by_dst[KeyMask(dst).apply(packet.key)].merge(one);
      flows.insert(KeyMask(KeyFields::five_tuple()).apply(packet.key));
      if (pairs.insert(KeyMask(pair).apply(packet.key)).second) ++spread[KeyMask(src).apply(packet.key)];
      total.merge(one);
    }
  }
  std::map<FlowKey, FlowCounters> by_src, by_dst;
  std::map<FlowKey, uint64_t> spread;
  std::set<FlowKey> flows;
  FlowCounters total;
};

// What `workers` workers, each with its share of the packets, and the control core make of them in one epoch.
EpochResult measure(const TaskPlan& plan, const std::vector<Packet>& packets, size_t workers) {
  EpochMerger merger(plan, 0, 0);
  for (size_t worker = 0; worker < workers; ++worker) {
    WorkerTasks tasks = *make_worker_tasks(plan);
    std::deque<std::vector<Packet>> bursts(1);
    EpochPart part;
    for (size_t i = worker; i < packets.size(); i += workers) {
      if (bursts.back().size() == 64) bursts.emplace_back();
      bursts.back().push_back(packets[i]);
      ++part.ledger.ip_packets;
      part.ledger.ip_bytes += packets[i].len_bytes;
    }
    for (const std::vector<Packet>& burst : bursts) {
      for (const auto& task : tasks.measured) task->update(burst);
    }
    for (const auto& task : tasks.measured) task->flush();
    for (const auto& task : tasks.measured) part.measured.push_back(task->drain());
    for (const auto& task : tasks.fallback) part.fallback.push_back(task->drain());
    merger.add(std::move(part));
  }
  EpochResult result;
  merger.emit_all([&](EpochResult emitted) { result = std::move(emitted); });
  return result;
}

std::vector<TaskConfig> with(TaskConfig first, std::vector<TaskConfig> others) {
  others.insert(others.begin(), std::move(first));
  return others;
}

void expect_certified(const std::vector<HeavyHitterRecord>& hitters,
                      const std::map<FlowKey, FlowCounters>& truth) {
  for (const HeavyHitterRecord& hitter : hitters) {
    const FlowCounters& counters = truth.at(hitter.key);
    EXPECT_LE(counters.packets, hitter.packets);
    EXPECT_GE(counters.packets, hitter.packets - hitter.error_packets);
    EXPECT_LE(counters.bytes, hitter.bytes);
    EXPECT_GE(counters.bytes, hitter.bytes - hitter.error_bytes);
  }
}

class DerivedTasks : public testing::TestWithParam<size_t> {
 protected:
  const std::vector<Packet> packets_ = traffic(300'000, 7);
  const Truth truth_{packets_};
};

TEST_P(DerivedTasks, AreExactWhileTheTableHasRoom) {
  const TaskPlan plan = plan_tasks(with(five_tuple(1 << 20), estimators()));
  ASSERT_EQ(plan.measured, std::vector<size_t>{0});
  ASSERT_EQ(plan.fallback.size(), 4u);
  const EpochResult result = measure(plan, packets_, GetParam());

  std::vector<HeavyHitterRecord> top_src;
  for (const auto& [key, counters] : truth_.by_src) {
    if (counters.packets >= 300) top_src.push_back({key, counters.packets, counters.bytes, 0, 0});
  }
  ASSERT_GT(top_src.size(), 20u);
  std::sort(top_src.begin(), top_src.end(), [](const auto& a, const auto& b) {
    return a.packets != b.packets ? a.packets > b.packets : a.key < b.key;
  });
  EXPECT_EQ(result.tasks[1].heavy_hitters, top_src);

  EXPECT_EQ(result.tasks[2].threshold, truth_.total.bytes / 200);
  for (const HeavyHitterRecord& hitter : result.tasks[2].heavy_hitters) {
    EXPECT_EQ(hitter.bytes, truth_.by_dst.at(hitter.key).bytes);
    EXPECT_EQ(hitter.error_bytes, 0u);
  }

  size_t spreaders = 0;
  for (const auto& [key, spread] : truth_.spread) spreaders += spread >= 60;
  ASSERT_GT(spreaders, 20u);
  EXPECT_EQ(result.tasks[3].spreads.size(), spreaders);
  EXPECT_EQ(result.tasks[3].standard_error, 0);
  for (const SpreadRecord& record : result.tasks[3].spreads)
    EXPECT_EQ(record.spread, truth_.spread.at(record.key));

  EXPECT_EQ(result.tasks[4].cardinality, truth_.flows.size());
  EXPECT_EQ(result.tasks[4].standard_error, 0);
}

TEST_P(DerivedTasks, OfTheExactKindEqualTheSameTaskMeasured) {
  const TaskConfig by_src = task("src", TaskKind::kExact, {kSrc});
  const EpochResult derived = measure(plan_tasks({five_tuple(1 << 20), by_src}), packets_, GetParam());
  const EpochResult measured = measure(plan_tasks({by_src}), packets_, GetParam());
  EXPECT_EQ(derived.tasks[1].records, measured.tasks[0].records);
  EXPECT_EQ(measured.tasks[0].records.size(), truth_.by_src.size());
}

// Without an exact table, and with one that holds a fraction of the flows.
TEST_P(DerivedTasks, AreWithinTheirCertificateWhereTheyHadToBeEstimated) {
  for (const uint64_t capacity : {uint64_t{0}, uint64_t{50}, uint64_t{2000}}) {
    const std::vector<TaskConfig> tasks =
        capacity == 0 ? estimators() : with(five_tuple(capacity), estimators());
    const EpochResult result = measure(plan_tasks(tasks), packets_, GetParam());
    const size_t first = tasks.size() - 4;

    expect_certified(result.tasks[first].heavy_hitters, truth_.by_src);
    expect_certified(result.tasks[first + 1].heavy_hitters, truth_.by_dst);
    std::set<FlowKey> reported;
    for (const HeavyHitterRecord& hitter : result.tasks[first].heavy_hitters) reported.insert(hitter.key);
    for (const auto& [key, counters] : truth_.by_src) {
      EXPECT_TRUE(counters.packets < 600 || reported.contains(key));
    }

    const TaskResult& scan = result.tasks[first + 2];
    EXPECT_GT(scan.standard_error, 0);
    std::set<FlowKey> spreaders;
    for (const SpreadRecord& record : scan.spreads) {
      const auto spread = static_cast<double>(truth_.spread.at(record.key));
      EXPECT_NEAR(static_cast<double>(record.spread), spread, spread * 0.5);
      spreaders.insert(record.key);
    }
    for (const auto& [key, spread] : truth_.spread) {
      EXPECT_TRUE(spread < 120 || spreaders.contains(key));
    }

    const TaskResult& count = result.tasks[first + 3];
    const auto flows = static_cast<double>(truth_.flows.size());
    EXPECT_NEAR(static_cast<double>(count.cardinality), flows, 5 * count.standard_error * flows);
    EXPECT_GT(count.standard_error, 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Workers, DerivedTasks, testing::Values(1, 2, 4));

// Spread and cardinality see sets, not streams: who saw what must not matter.
TEST(EstimatorTasks, OfSetsGiveTheSameWhateverTheNumberOfWorkers) {
  const std::vector<Packet> packets = traffic(100'000, 8);
  const TaskPlan plan = plan_tasks({estimators()[2], estimators()[3]});
  const EpochResult one = measure(plan, packets, 1);
  for (size_t workers : {2u, 3u, 8u}) {
    const EpochResult several = measure(plan, packets, workers);
    EXPECT_EQ(several.tasks[0].spreads, one.tasks[0].spreads);
    EXPECT_EQ(several.tasks[1].cardinality, one.tasks[1].cardinality);
  }
}

TEST(EstimatorTasks, ReportNothingOfAnEpochWithoutPackets) {
  const EpochResult result = measure(plan_tasks(estimators()), {}, 2);
  for (const TaskResult& task : result.tasks) {
    EXPECT_TRUE(task.heavy_hitters.empty());
    EXPECT_TRUE(task.spreads.empty());
    EXPECT_EQ(task.cardinality, 0u);
  }
}

}  // namespace
}  // namespace netspectra

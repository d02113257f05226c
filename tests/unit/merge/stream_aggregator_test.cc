// Messages as probes encode them -> epochs: any order, losses, repeats, restarts.
#include "merge/stream_aggregator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "../wire/parts.h"
#include "flow/record_sum.h"
#include "merge/epoch_merger.h"
#include "merge/part_joiner.h"

namespace netspectra {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;
constexpr uint64_t kPeriod = 10 * kSecond;
constexpr uint64_t kEpoch = 1'700'000'010 * kSecond;
constexpr uint64_t kGrace = 30 * kSecond;

struct Sent {
  std::string subject;
  std::vector<uint8_t> bytes;
};

struct Worker {
  std::string probe = "edge-1";
  uint32_t index = 0;
  uint32_t workers = 1;
  uint64_t epoch = kEpoch;
  uint64_t end = 0;
};

EpochPart measured_part(const TaskPlan& plan, const std::vector<Packet>& packets, const Worker& worker) {
  EpochPart part = measure(plan, packets);
  part.start_ns = worker.epoch;
  part.end_ns = worker.end == 0 ? worker.epoch + kPeriod : worker.end;
  part.worker = worker.index;
  part.ledger.rx_packets = part.ledger.ip_packets = packets.size();
  for (const Packet& packet : packets) part.ledger.ip_bytes += packet.len_bytes;
  part.ledger.rx_bytes = part.ledger.ip_bytes;
  part.source.received = packets.size();
  part.source.nic_missed = worker.index + 1;
  return part;
}

std::vector<Sent> messages_of(const TaskPlan& plan, const EpochPart& part, const Worker& worker) {
  SnapshotHeader header;
  header.site = "ams";
  header.probe = worker.probe;
  header.run = 7;
  header.epoch_start_ns = part.start_ns;
  header.epoch_end_ns = part.end_ns;
  header.period_ns = kPeriod;
  header.worker = worker.index;
  header.workers = worker.workers;
  header.port = "eth1";
  header.ledger = part.ledger;
  header.source = part.source;
  std::vector<Sent> sent;
  for (const Message& message : encode(header, plan, part)) {
    sent.push_back({"netspectra.v1.ams." + worker.probe + ".snapshot." + message.task, message.bytes});
  }
  EXPECT_FALSE(sent.empty());
  return sent;
}

std::vector<Sent> messages(const TaskPlan& plan, const std::vector<Packet>& packets, const Worker& worker) {
  return messages_of(plan, measured_part(plan, packets, worker), worker);
}

void append(std::vector<Sent>& to, const std::vector<Sent>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

StreamAggregator::FindStored nothing_stored() {
  return [](const EpochOrigin&, uint64_t) { return std::vector<EpochOrigin>(); };
}

std::vector<CollectedEpoch> all_ready(StreamAggregator& aggregator, uint64_t now) {
  std::vector<CollectedEpoch> epochs;
  while (auto epoch = aggregator.next(now)) epochs.push_back(*std::move(epoch));
  return epochs;
}

EpochResult merged(CollectedEpoch epoch) {
  std::vector<CollectedEpoch> one;
  one.push_back(std::move(epoch));
  return merge_epochs(std::move(one));
}

uint64_t packets_in(const TaskResult& task) {
  uint64_t packets = task.overflow.packets;
  for (const FlowRecord& record : task.records) packets += record.counters.packets;
  return packets;
}

void expect_same(const EpochResult& a, const EpochResult& b) {
  EXPECT_EQ(a.start_ns, b.start_ns);
  EXPECT_EQ(a.period_ns, b.period_ns);
  EXPECT_EQ(a.ledger.rx_packets, b.ledger.rx_packets);
  EXPECT_EQ(a.ledger.ip_packets, b.ledger.ip_packets);
  EXPECT_EQ(a.ledger.ip_bytes, b.ledger.ip_bytes);
  EXPECT_TRUE(a.source == b.source);
  EXPECT_EQ(a.faults, b.faults);
  ASSERT_EQ(a.tasks.size(), b.tasks.size());
  for (size_t i = 0; i < a.tasks.size(); ++i) {
    EXPECT_EQ(a.tasks[i].task->name, b.tasks[i].task->name);
    EXPECT_TRUE(a.tasks[i].records == b.tasks[i].records) << a.tasks[i].task->name;
    EXPECT_TRUE(a.tasks[i].overflow == b.tasks[i].overflow) << a.tasks[i].task->name;
    EXPECT_TRUE(same(a.tasks[i], b.tasks[i])) << a.tasks[i].task->name;
  }
}

// An exact task whose records fill several chunks, with too little room, and estimators that are fed the rest.
std::vector<TaskConfig> all_kinds(uint64_t capacity = 16384) {
  return with(five_tuple(capacity), estimators());
}
constexpr uint32_t kManySources = 30'000;

TEST(StreamAggregator, GivesTheSameResultInAnyOrderOfMessages) {
  const auto plan = std::make_shared<TaskPlan>(plan_tasks(all_kinds()));
  EpochMerger merger(*plan, kPeriod, 0);
  std::vector<Sent> sent;
  for (uint32_t i = 0; i < 3; ++i) {
    const std::vector<Packet> packets = traffic(25'000, i * 25'000, kManySources);
    EpochPart part = measured_part(*plan, packets, {.index = i, .workers = 3});
    append(sent, messages_of(*plan, part, {.index = i, .workers = 3}));
    merger.add(std::move(part));
  }
  ASSERT_GT(sent.size(), 3u * 4) << "several chunks are wanted";
  EpochResult expected;
  merger.emit_all([&](EpochResult result) { expected = std::move(result); });
  EXPECT_NE(expected.tasks[0].overflow.packets, 0u);
  std::mt19937 random(1);
  for (int round = 0; round < 10; ++round) {
    std::shuffle(sent.begin(), sent.end(), random);
    StreamAggregator aggregator({}, nothing_stored());
    for (size_t i = 0; i < sent.size(); ++i) {
      EXPECT_FALSE(aggregator.next(i).has_value()) << "not before the last";
      ASSERT_EQ(*aggregator.add(sent[i].subject, sent[i].bytes, i, i), StreamAggregator::Intake::kHeld);
    }
    auto ready = aggregator.next(sent.size());
    ASSERT_TRUE(ready.has_value());
    EXPECT_TRUE(ready->origin.complete());
    EXPECT_EQ(ready->origin.amendment, 0u);
    EXPECT_EQ(ready->origin.expected_snapshots, 3u * 4);
    EXPECT_EQ(ready->origin.site, "ams");
    EXPECT_EQ(ready->origin.probe, "edge-1");
    EXPECT_EQ(ready->origin.run, 7u);
    std::sort(ready->tickets.begin(), ready->tickets.end());
    for (size_t i = 0; i < sent.size(); ++i) ASSERT_EQ(ready->tickets.at(i), i);
    expect_same(merged(*std::move(ready)), expected);
    EXPECT_EQ(aggregator.held_bytes(), 0u);
  }
}

// With room for every key: where a heavy hitter was pushed out, its error differs with who pushed it.
TEST(StreamAggregator, TwoProbesOfTwoWorkersMergeToWhatOneWorkerMakesOfAllTheTraffic) {
  for (std::vector<TaskConfig> tasks : {estimators(), all_kinds(1 << 16)}) {
    for (TaskConfig& task : tasks) {
      if (task.kind == TaskKind::kHeavyHitters) task.memory_bytes = 1 << 20;
    }
    const auto plan = std::make_shared<TaskPlan>(plan_tasks(tasks));
    const std::vector<Packet> all = traffic(40'000);
    EpochMerger one(*plan, kPeriod, 0);
    one.add(measured_part(*plan, all, {}));
    EpochResult expected;
    one.emit_all([&](EpochResult result) { expected = std::move(result); });
    StreamAggregator aggregator({}, nothing_stored());
    for (uint32_t i = 0; i < 4; ++i) {
      std::vector<Packet> share;
      for (size_t at = i; at < all.size(); at += 4) share.push_back(all[at]);
      const Worker worker = {.probe = i < 2 ? "edge-1" : "edge-2", .index = i % 2, .workers = 2};
      for (const Sent& message : messages(*plan, share, worker)) {
        ASSERT_TRUE(aggregator.add(message.subject, message.bytes, 0, 0).ok());
      }
    }
    std::vector<CollectedEpoch> epochs = all_ready(aggregator, 0);
    ASSERT_EQ(epochs.size(), 2u);
    const EpochResult result = merge_epochs(std::move(epochs));
    ASSERT_EQ(result.tasks.size(), expected.tasks.size());
    for (size_t i = 0; i < result.tasks.size(); ++i) {
      EXPECT_TRUE(result.tasks[i].records == expected.tasks[i].records);
      EXPECT_EQ(result.tasks[i].cardinality, expected.tasks[i].cardinality);
      EXPECT_TRUE(result.tasks[i].spreads == expected.tasks[i].spreads);
      EXPECT_TRUE(result.tasks[i].heavy_hitters == expected.tasks[i].heavy_hitters);
      EXPECT_TRUE(same(result.tasks[i], expected.tasks[i])) << result.tasks[i].task->name;
    }
    EXPECT_NE(result.tasks.back().cardinality, 0u);
  }
}

TEST(StreamAggregator, SaysWhatIsMissingAfterTheGraceAndAmendsItWhenItComes) {
  const auto plan = std::make_shared<TaskPlan>(plan_tasks({five_tuple()}));
  const std::vector<Packet> first = traffic(25'000, 0, kManySources), second = traffic(1000, 25'000);
  std::vector<Sent> sent = messages(*plan, first, {.workers = 2});
  ASSERT_GE(sent.size(), 3u);
  const Sent late = sent[1];
  const size_t chunks = sent.size();
  sent.erase(sent.begin() + 1);
  StreamAggregator aggregator({.grace_ns = kGrace}, nothing_stored());
  for (const Sent& message : sent)
    ASSERT_TRUE(aggregator.add(message.subject, message.bytes, 1, kSecond).ok());
  EXPECT_FALSE(aggregator.next(kSecond + kGrace - 1).has_value());
  auto ready = aggregator.next(kSecond + kGrace + kGrace / 10);
  ASSERT_TRUE(ready.has_value());
  EXPECT_EQ(ready->origin.expected_snapshots, 2u);
  EXPECT_EQ(ready->origin.missing_snapshots, 2u);
  EXPECT_EQ(ready->origin.missing,
            (std::vector<std::string>{"worker 0 of 2: flows, chunk 1 of " + std::to_string(chunks),
                                      "worker 1 of 2: everything"}));
  const EpochResult incomplete = merged(*std::move(ready));
  EXPECT_EQ(incomplete.ledger.ip_packets, 25'000u);
  const uint64_t present = packets_in(incomplete.tasks[0]);
  EXPECT_GT(present, 0u);
  EXPECT_LT(present, 25'000u);
  EXPECT_FALSE(aggregator.next(kSecond + 2 * kGrace).has_value()) << "only once";

  ASSERT_EQ(*aggregator.add(late.subject, late.bytes, 2, kSecond + 3 * kGrace),
            StreamAggregator::Intake::kHeld);
  auto amendment = aggregator.next(kSecond + 4 * kGrace + kGrace / 10);
  ASSERT_TRUE(amendment.has_value());
  EXPECT_EQ(amendment->origin.amendment, 1u);
  EXPECT_EQ(amendment->origin.missing, std::vector<std::string>{"worker 1 of 2: everything"});
  EXPECT_EQ(amendment->tickets, std::vector<uint64_t>{2});
  const EpochResult delta = merged(*std::move(amendment));
  EXPECT_EQ(delta.ledger.ip_packets, 0u) << "the worker's ledger is counted already";
  EXPECT_EQ(packets_in(delta.tasks[0]), 25'000u - present);

  for (const Sent& message : messages(*plan, second, {.index = 1, .workers = 2})) {
    ASSERT_TRUE(aggregator.add(message.subject, message.bytes, 3, kSecond + 5 * kGrace).ok());
  }
  auto last = aggregator.next(kSecond + 5 * kGrace);
  ASSERT_TRUE(last.has_value()) << "complete now: at once";
  EXPECT_EQ(last->origin.amendment, 2u);
  EXPECT_TRUE(last->origin.complete());
  EXPECT_EQ(last->origin.holds, "");
  EXPECT_EQ(merged(*std::move(last)).ledger.ip_packets, 1000u);
}

TEST(StreamAggregator, HoldsAnEstimatorsChunksUntilAllAreThere) {
  std::vector<TaskConfig> tasks = {estimators()[1]};
  tasks[0].memory_bytes = 1 << 20;
  const auto plan = std::make_shared<TaskPlan>(plan_tasks(tasks));
  const std::vector<Packet> packets = traffic(200'000, 0, 100'000);
  const std::vector<Sent> sent = messages(*plan, packets, {});
  ASSERT_GE(sent.size(), 2u);
  EpochMerger merger(*plan, kPeriod, 0);
  merger.add(measured_part(*plan, packets, {}));
  EpochResult expected;
  merger.emit_all([&](EpochResult result) { expected = std::move(result); });
  StreamAggregator aggregator({.grace_ns = kGrace}, nothing_stored());
  for (size_t i = 1; i < sent.size(); ++i)
    ASSERT_TRUE(aggregator.add(sent[i].subject, sent[i].bytes, i, kSecond).ok());
  auto ready = aggregator.next(kSecond + 2 * kGrace);
  ASSERT_TRUE(ready.has_value());
  EXPECT_EQ(ready->origin.missing_snapshots, 1u);
  EXPECT_TRUE(ready->tickets.empty()) << "they are of no use yet, and must come again after a restart";
  EXPECT_EQ(ready->origin.holds, "0=");
  ASSERT_TRUE(aggregator.add(sent[0].subject, sent[0].bytes, 0, kSecond + 3 * kGrace).ok());
  auto amendment = aggregator.next(kSecond + 3 * kGrace);
  ASSERT_TRUE(amendment.has_value());
  EXPECT_TRUE(amendment->origin.complete());
  EXPECT_EQ(amendment->tickets.size(), sent.size());
  const EpochResult result = merged(*std::move(amendment));
  EXPECT_TRUE(same(result.tasks[0], expected.tasks[0]));
}

TEST(StreamAggregator, LetsGoOfChunksThatNothingComesOf) {
  std::vector<TaskConfig> tasks = {estimators()[1]};
  tasks[0].memory_bytes = 1 << 20;
  const auto plan = std::make_shared<TaskPlan>(plan_tasks(tasks));
  const std::vector<Sent> sent = messages(*plan, traffic(200'000, 0, 100'000), {});
  StreamAggregator aggregator({.grace_ns = kGrace}, nothing_stored());
  ASSERT_TRUE(aggregator.add(sent[0].subject, sent[0].bytes, 42, kSecond).ok());
  EXPECT_EQ(all_ready(aggregator, kSecond + 2 * kGrace).size(), 1u);
  EXPECT_TRUE(aggregator.take_given_up().empty());
  EXPECT_TRUE(all_ready(aggregator, kSecond + 12 * kGrace).empty());
  EXPECT_EQ(aggregator.take_given_up(), std::vector<uint64_t>{42});
  EXPECT_EQ(aggregator.held_bytes(), 0u);
}

TEST(StreamAggregator, DropsRepeatsOfWhatItHoldsAndOfWhatIsStored) {
  const auto plan = std::make_shared<TaskPlan>(plan_tasks(all_kinds()));
  std::vector<Sent> sent = messages(*plan, traffic(2000), {.workers = 2});
  StreamAggregator aggregator({}, nothing_stored());
  for (int twice = 0; twice < 2; ++twice) {
    for (const Sent& message : sent)
      EXPECT_EQ(*aggregator.add(message.subject, message.bytes, 1, 0), StreamAggregator::Intake::kHeld);
  }
  const std::vector<Sent> others = messages(*plan, traffic(2000, 2000), {.index = 1, .workers = 2});
  for (const Sent& message : others) ASSERT_TRUE(aggregator.add(message.subject, message.bytes, 1, 0).ok());
  auto ready = aggregator.next(0);
  ASSERT_TRUE(ready.has_value());
  EXPECT_EQ(ready->tickets.size(), 2 * sent.size() + others.size())
      << "each of them wants to be acknowledged";
  const EpochResult result = merged(*std::move(ready));
  EXPECT_EQ(result.ledger.ip_packets, 4000u);
  EXPECT_EQ(packets_in(result.tasks[0]), 4000u);
  for (const Sent& message : sent)
    EXPECT_EQ(*aggregator.add(message.subject, message.bytes, 1, 0), StreamAggregator::Intake::kStored);
  EXPECT_FALSE(aggregator.next(10 * kGrace).has_value());
  EXPECT_EQ(aggregator.counters().repeats, 2 * sent.size());
}

// A store, and a stream that delivers what is not acknowledged again, in another order, to an engine that dies at any
// moment: also after it has stored an epoch and before it has acknowledged, or in the midst of acknowledging.
TEST(StreamAggregator, CountsEverythingOnceHoweverOftenItIsKilled) {
  const auto plan = std::make_shared<TaskPlan>(plan_tasks(all_kinds()));
  constexpr uint32_t kEpochs = 3;
  std::vector<Sent> sent;
  std::map<uint64_t, EpochResult> expected;
  for (uint32_t e = 0; e < kEpochs; ++e) {
    EpochMerger merger(*plan, kPeriod, 0);
    for (uint32_t i = 0; i < 2; ++i) {
      const Worker worker = {.index = i, .workers = 2, .epoch = kEpoch + e * kPeriod};
      EpochPart part = measured_part(*plan, traffic(15'000, (2 * e + i) * 15'000, kManySources), worker);
      append(sent, messages_of(*plan, part, worker));
      merger.add(std::move(part));
    }
    merger.emit_all([&](EpochResult result) { expected[result.start_ns] = std::move(result); });
  }
  for (unsigned seed = 0; seed < 12; ++seed) {
    std::mt19937 random(seed);
    std::vector<bool> acknowledged(sent.size());
    std::map<uint64_t, std::vector<EpochResult>> store;
    uint64_t now = kSecond;
    const auto find = [&](const EpochOrigin& asked, uint64_t start) {
      EXPECT_EQ(asked.probe, "edge-1");
      std::vector<EpochOrigin> origins;
      for (const EpochResult& result : store[start]) origins.push_back(result.origin);
      return origins;
    };
    for (int life = 0; life < 15; ++life) {
      const bool last_life = life == 14;
      StreamAggregator aggregator({.grace_ns = kGrace}, find);
      std::vector<uint64_t> order;
      for (uint64_t i = 0; i < sent.size(); ++i) {
        if (!acknowledged[i]) order.push_back(i);
      }
      std::shuffle(order.begin(), order.end(), random);
      size_t steps = last_life ? UINT64_MAX : random() % (sent.size() + 4);
      bool alive = true;
      // Nothing may be acknowledged that is not stored; what is stored may or may not be.
      const auto write = [&](CollectedEpoch epoch) {
        const std::vector<uint64_t> tickets = epoch.tickets;
        EpochResult result = merged(std::move(epoch));
        std::vector<EpochResult>& stored = store[result.start_ns];
        ASSERT_EQ(result.origin.amendment, stored.size());
        stored.push_back(std::move(result));
        for (uint64_t ticket : tickets) {
          if (!last_life && random() % (2 * tickets.size()) == 0) {
            alive = false;  // killed here
            return;
          }
          acknowledged[ticket] = true;
        }
      };
      for (size_t at = 0; at < order.size() && alive && steps-- > 0; ++at) {
        const Sent& message = sent[order[at]];
        const auto intake = aggregator.add(message.subject, message.bytes, order[at], now);
        ASSERT_TRUE(intake.ok());
        ASSERT_NE(*intake, StreamAggregator::Intake::kRefused);
        if (*intake == StreamAggregator::Intake::kStored) acknowledged[order[at]] = true;
        if (random() % 8 == 0) now += 2 * kGrace;  // now and then an epoch is written before it is complete
        while (alive) {
          auto epoch = aggregator.next(now);
          if (!epoch) break;
          write(*std::move(epoch));
        }
      }
    }
    EXPECT_TRUE(std::all_of(acknowledged.begin(), acknowledged.end(), [](bool a) { return a; })) << seed;
    ASSERT_EQ(store.size(), kEpochs);
    for (const auto& [start, results] : store) {
      const EpochResult& whole = expected.at(start);
      EXPECT_TRUE(results.back().origin.complete()) << seed;
      uint64_t ip_packets = 0, missed = 0;
      FlowCounters overflow;
      std::vector<std::span<const FlowRecord>> records;
      for (const EpochResult& result : results) {
        ip_packets += result.ledger.ip_packets;
        missed += result.source.nic_missed;
        overflow.merge(result.tasks[0].overflow);
        records.push_back(result.tasks[0].records);
      }
      EXPECT_EQ(ip_packets, whole.ledger.ip_packets) << seed;
      EXPECT_EQ(missed, whole.source.nic_missed) << seed;
      EXPECT_TRUE(overflow == whole.tasks[0].overflow) << seed;
      std::vector<FlowRecord> sum = sum_records(records, plan->tasks[0].fields);
      const auto by_key = [](const FlowRecord& a, const FlowRecord& b) { return a.key < b.key; };
      std::vector<FlowRecord> wanted = whole.tasks[0].records;
      std::sort(sum.begin(), sum.end(), by_key);
      std::sort(wanted.begin(), wanted.end(), by_key);
      EXPECT_TRUE(sum == wanted) << seed;
    }
  }
}

TEST(StreamAggregator, RefusesRubbishAndForeignNamesAndSaysWhoSentItButNotTooOften) {
  const auto plan = std::make_shared<TaskPlan>(plan_tasks({five_tuple()}));
  const std::vector<Sent> sent = messages(*plan, traffic(10), {});
  StreamAggregator aggregator({}, nothing_stored());
  const std::vector<uint8_t> rubbish(100, 0x55);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(*aggregator.add("netspectra.v1.ams.bad.snapshot.x", rubbish, 1, kSecond),
              StreamAggregator::Intake::kRefused);
  }
  EXPECT_EQ(*aggregator.add("netspectra.v1.ams.thief.snapshot.flows", sent[0].bytes, 1, kSecond),
            StreamAggregator::Intake::kRefused);
  EXPECT_EQ(
      aggregator.take_complaints(kSecond),
      (std::vector<std::string>{"probe ams/bad: a message is refused: not a snapshot, or a damaged one",
                                "probe ams/thief: a message is refused: it says it is from ams/edge-1"}));
  EXPECT_TRUE(aggregator.take_complaints(2 * kSecond).empty());
  EXPECT_EQ(aggregator.take_complaints(12 * kSecond),
            std::vector<std::string>{
                "probe ams/bad: 999 more, the last: a message is refused: not a snapshot, or a damaged one"});
  EXPECT_EQ(aggregator.counters().refused, 1001u);
  EXPECT_EQ(aggregator.held_bytes(), 0u);
  EXPECT_FALSE(aggregator.next(kSecond + 2 * kGrace).has_value());
}

TEST(StreamAggregator, RefusesWhatDoesNotFitTheRestOfItsEpoch) {
  const auto plan = std::make_shared<TaskPlan>(plan_tasks({five_tuple()}));
  const auto other = std::make_shared<TaskPlan>(plan_tasks({five_tuple(77)}));
  StreamAggregator aggregator({}, nothing_stored());
  const auto add = [&](const std::vector<Sent>& sent) {
    return *aggregator.add(sent[0].subject, sent[0].bytes, 1, kSecond);
  };
  EXPECT_EQ(add(messages(*plan, traffic(10), {.workers = 2})), StreamAggregator::Intake::kHeld);
  EXPECT_EQ(add(messages(*plan, traffic(10), {.index = 1, .workers = 3})),
            StreamAggregator::Intake::kRefused);
  EXPECT_EQ(add(messages(*other, traffic(10), {.index = 1, .workers = 2})),
            StreamAggregator::Intake::kRefused);
  EXPECT_EQ(aggregator.take_complaints(kSecond),
            std::vector<std::string>{
                "probe ams/edge-1: a message is refused: a snapshot of 3 workers, where there were 2"});
}

TEST(StreamAggregator, AProbeThatFloodsHarmsItselfOnly) {
  const auto plan = std::make_shared<TaskPlan>(plan_tasks({five_tuple()}));
  constexpr uint64_t kLimit = 4 << 20;
  StreamAggregator aggregator({.memory_limit_bytes = kLimit}, nothing_stored());
  const auto add = [&](const Sent& message) {
    ASSERT_TRUE(aggregator.add(message.subject, message.bytes, 1, kSecond).ok());
  };
  const std::vector<Sent> good = messages(*plan, traffic(2000), {.probe = "good", .workers = 2});
  for (const Sent& message : good) add(message);
  std::vector<uint64_t> written;
  for (uint64_t e = 0; e < 100; ++e) {
    for (const Sent& message :
         messages(*plan, traffic(3000), {.probe = "flood", .workers = 2, .epoch = kEpoch + e * kPeriod})) {
      add(message);
    }
    for (const CollectedEpoch& epoch : all_ready(aggregator, kSecond)) {
      EXPECT_EQ(epoch.origin.probe, "flood");
      EXPECT_EQ(epoch.origin.missing, std::vector<std::string>{"worker 1 of 2: everything"});
      written.push_back(epoch.start_ns);
    }
    EXPECT_LE(aggregator.held_bytes(), kLimit);
  }
  const std::vector<std::string> complaints = aggregator.take_complaints(kSecond);
  ASSERT_EQ(complaints.size(), 1u);
  EXPECT_EQ(complaints[0].find("probe ams/flood: an epoch is stored unfinished, since memory is short: "),
            0u);
  EXPECT_GT(written.size(), 50u);
  EXPECT_TRUE(std::is_sorted(written.begin(), written.end())) << "the oldest first";
  for (const Sent& message :
       messages(*plan, traffic(2000, 2000), {.probe = "good", .index = 1, .workers = 2}))
    add(message);
  auto ready = aggregator.next(kSecond);
  ASSERT_TRUE(ready.has_value());
  EXPECT_EQ(ready->origin.probe, "good");
  EXPECT_TRUE(ready->origin.complete());
}

TEST(StreamAggregator, TakesNothingWhileTheStoreCannotBeAsked) {
  const auto plan = std::make_shared<TaskPlan>(plan_tasks({five_tuple()}));
  bool down = true;
  StreamAggregator aggregator({},
                              [&](const EpochOrigin&, uint64_t) -> absl::StatusOr<std::vector<EpochOrigin>> {
                                if (down) return absl::UnavailableError("down");
                                return std::vector<EpochOrigin>();
                              });
  const Sent message = messages(*plan, traffic(10), {})[0];
  EXPECT_TRUE(absl::IsUnavailable(aggregator.add(message.subject, message.bytes, 1, 0).status()));
  EXPECT_EQ(aggregator.held_bytes(), 0u);
  down = false;
  EXPECT_EQ(*aggregator.add(message.subject, message.bytes, 1, 0), StreamAggregator::Intake::kHeld);
  EXPECT_TRUE(aggregator.next(0).has_value());
}

TEST(StreamAggregator, DoesNotWaitForAWorkerWhoseEpochWentOnIntoThisOne) {
  const auto plan = std::make_shared<TaskPlan>(plan_tasks({five_tuple()}));
  for (bool extension_first : {true, false}) {
    StreamAggregator aggregator({}, nothing_stored());
    const std::vector<Sent> next =
        messages(*plan, traffic(100), {.index = 1, .workers = 2, .epoch = kEpoch + kPeriod});
    const std::vector<Sent> extended =
        messages(*plan, traffic(100), {.workers = 2, .end = kEpoch + 2 * kPeriod});
    std::vector<Sent> sent = extended;
    if (extension_first) {
      append(sent, next);
    } else {
      sent.insert(sent.begin(), next.begin(), next.end());
    }
    for (const Sent& message : sent) ASSERT_TRUE(aggregator.add(message.subject, message.bytes, 1, 0).ok());
    auto ready = aggregator.next(0);
    ASSERT_TRUE(ready.has_value());
    EXPECT_EQ(ready->start_ns, kEpoch + kPeriod);
    EXPECT_TRUE(ready->origin.complete());
    EXPECT_EQ(ready->origin.expected_snapshots, 1u);
    EXPECT_FALSE(aggregator.next(0).has_value()) << "the extended epoch itself waits for the other worker";
  }
}

TEST(StreamAggregator, AWorkerWithoutPacketsIsNotMissingWhereTheJoinerFilledItIn) {
  const auto plan = std::make_shared<const TaskPlan>(plan_tasks(all_kinds()));
  PartJoiner joiner(3);
  for (const Worker& worker : {Worker{.index = 1}, Worker{.index = 2, .epoch = kEpoch + kPeriod}}) {
    EpochPart part = measured_part(*plan, traffic(100), worker);
    part.plan = plan;
    joiner.add(std::move(part));
  }
  StreamAggregator aggregator({}, nothing_stored());
  uint32_t parts = 0;
  joiner.emit_before(UINT64_MAX, [&](EpochPart part) {
    ++parts;
    for (const Sent& message : messages_of(*plan, part, {.index = part.worker, .workers = 3}))
      ASSERT_TRUE(aggregator.add(message.subject, message.bytes, 1, 0).ok());
  });
  EXPECT_EQ(parts, 6u);
  const std::vector<CollectedEpoch> epochs = all_ready(aggregator, 0);
  ASSERT_EQ(epochs.size(), 2u);
  for (const CollectedEpoch& epoch : epochs) {
    EXPECT_TRUE(epoch.origin.complete());
    EXPECT_EQ(epoch.total.packets, 100u);
  }
}

TEST(StreamAggregator, AtTheEndGivesOutWhatIsUnfinishedOldestFirst) {
  const auto plan = std::make_shared<TaskPlan>(plan_tasks({five_tuple()}));
  StreamAggregator aggregator({}, nothing_stored());
  for (uint64_t e : {2, 0, 1}) {
    for (const Sent& message : messages(*plan, traffic(10), {.workers = 2, .epoch = kEpoch + e * kPeriod}))
      ASSERT_TRUE(aggregator.add(message.subject, message.bytes, 1, 0).ok());
  }
  EXPECT_FALSE(aggregator.next(0).has_value());
  for (uint64_t e = 0; e < 3; ++e) {
    auto epoch = aggregator.next_unfinished();
    ASSERT_TRUE(epoch.has_value());
    EXPECT_EQ(epoch->start_ns, kEpoch + e * kPeriod);
    EXPECT_EQ(epoch->origin.missing_snapshots, 1u);
  }
  EXPECT_FALSE(aggregator.next_unfinished().has_value());
}

}  // namespace
}  // namespace netspectra

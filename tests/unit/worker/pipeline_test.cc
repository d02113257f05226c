// The poll loop on queues that deliver what a test wrote down: what it counts, and into which epoch.
#include "worker/pipeline.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <random>
#include <thread>

#include "task/task_plan.h"

namespace netspectra {
namespace {

constexpr uint64_t kPeriodNs = 1000;

using Bytes = std::array<uint8_t, 60>;
Bytes ipv4_frame(uint8_t protocol, uint16_t flow) {
  Bytes frame{};
  frame[12] = 8;
  frame[14] = 0x45;
  frame[17] = 46;
  frame[23] = protocol;
  std::memcpy(&frame[26], &flow, sizeof(flow));
  return frame;
}
const Bytes kTcp = ipv4_frame(6, 1), kOtherTcp = ipv4_frame(6, 2), kUdp = ipv4_frame(17, 3);
const Bytes kArp = [] {
  Bytes frame{};
  frame[12] = 8, frame[13] = 6;
  return frame;
}();

Frame frame_of(const Bytes& bytes, uint64_t clock_ns, uint64_t ts_ns, uint32_t wire_len = 64) {
  return {bytes.data(), ts_ns, clock_ns, uint32_t(bytes.size()), wire_len, LinkType::kEthernet};
}
Frame frame_of(const Bytes& bytes, uint64_t clock_ns) { return frame_of(bytes, clock_ns, clock_ns); }

class WrittenQueue final : public RxQueue {
 public:
  void add(std::vector<Frame> frames) {
    const uint64_t clock_ns = frames.back().clock_ns;
    bursts_.push_back({std::move(frames), clock_ns});
  }
  void add_idle(uint64_t clock_ns) { bursts_.push_back({{}, clock_ns}); }

  void receive(FrameBurst& burst) override {
    burst.count = 0;
    if (at_ == bursts_.size()) return;
    const auto& [frames, clock_ns] = bursts_[at_++];
    burst.count = uint16_t(frames.size());
    burst.clock_ns = clock_ns;
    std::copy(frames.begin(), frames.end(), burst.frames.begin());
  }
  void release(FrameBurst&) override {}
  bool finished() override { return at_ == bursts_.size(); }
  void close() override {}

 private:
  std::vector<std::pair<std::vector<Frame>, uint64_t>> bursts_;
  size_t at_ = 0;
};

struct Epoch {
  EpochSpan span;
  Ledger ledger;
  uint64_t recorded = 0;  // packets in the task's records
};

struct Rig {
  explicit Rig(Overrun overrun, const PacketFilter* filter = nullptr)
      : handover(make_state(), make_state()), pipeline(handover, feed, filter, kPeriodNs, overrun) {}

  static std::unique_ptr<EpochState> make_state() {
    TaskConfig task;
    task.fields = KeyFields::five_tuple();
    task.capacity = 1000;
    auto state = std::make_unique<EpochState>();
    state->tasks = make_worker_tasks(plan_tasks({task})).value();
    return state;
  }
  // Takes what is sealed, and gives the state back.
  bool collect() {
    EpochState* const state = handover.take();
    if (state == nullptr) return false;
    Epoch& epoch = epochs.emplace_back(Epoch{state->span, std::exchange(state->ledger, {})});
    for (const FlowRecord& record : state->tasks.measured[0]->drain().records)
      epoch.recorded += record.counters.packets;
    handover.give_back(state);
    return true;
  }
  void run(WrittenQueue& queue) {
    feed.offer(&queue);
    feed.close();
    std::thread worker([this] { pipeline.run(); });
    for (bool done = false; !done;) {
      done = pipeline.done();
      while (collect()) {
      }
      std::this_thread::yield();
    }
    worker.join();
  }

  Handover<EpochState> handover;
  QueueFeed<RxQueue> feed;
  Pipeline pipeline;
  std::vector<Epoch> epochs;
};

TEST(Pipeline, ABurstIsDealtOutToTheEpochsOfItsClocks) {
  WrittenQueue queue;
  queue.add({frame_of(kTcp, 1100), frame_of(kUdp, 1999, 1050), frame_of(kTcp, 2000),
             frame_of(kArp, 2000, 1990), frame_of(kOtherTcp, 5500)});
  Rig rig(Overrun::kWait);
  rig.run(queue);
  ASSERT_EQ(rig.epochs.size(), 3u);
  const Epoch &first = rig.epochs[0], &second = rig.epochs[1], &third = rig.epochs[2];
  EXPECT_EQ(first.span.start_ns, 1000u);
  EXPECT_EQ(first.ledger.rx_packets, 2u);
  EXPECT_EQ(first.recorded, 2u);
  EXPECT_EQ(first.ledger.first_seen_ns, 1050u);
  EXPECT_EQ(first.ledger.last_seen_ns, 1100u);
  EXPECT_EQ(first.ledger.late_packets, 0u);
  EXPECT_EQ(second.span.start_ns, 2000u);
  EXPECT_EQ(second.ledger.rx_packets, 2u);
  EXPECT_EQ(second.ledger.not_ip(), 1u);
  EXPECT_EQ(second.ledger.late_packets, 1u);
  EXPECT_EQ(second.recorded, 1u);
  EXPECT_EQ(third.span.start_ns, 5000u);
  EXPECT_EQ(third.recorded, 1u);
}

// As behind the RSS front end, when a file is followed by one that begins earlier: the burst's first and last clocks are of
// one epoch, what lies between is not.
TEST(Pipeline, ABurstWhoseClockGoesBackIsDealtOutToo) {
  WrittenQueue queue;
  queue.add({frame_of(kTcp, 5050)});
  queue.add({frame_of(kTcp, 5100), frame_of(kTcp, 3100), frame_of(kUdp, 3200), frame_of(kTcp, 5200)});
  Rig rig(Overrun::kWait);
  rig.run(queue);
  ASSERT_EQ(rig.epochs.size(), 3u);
  EXPECT_EQ(rig.epochs[0].ledger.rx_packets, 2u);
  EXPECT_EQ(rig.epochs[1].span.start_ns, 3000u);
  EXPECT_EQ(rig.epochs[1].ledger.rx_packets, 2u);
  EXPECT_EQ(rig.epochs[2].ledger.rx_packets, 1u);
}

TEST(Pipeline, AnEpochWhoseStateIsStillOutIsExtendedAndLosesNothing) {
  WrittenQueue queue;
  Rig rig(Overrun::kExtend);
  queue.add({frame_of(kTcp, 1100), frame_of(kTcp, 2100)});
  queue.add({frame_of(kTcp, 2200), frame_of(kUdp, 3100), frame_of(kUdp, 4100)});  // 1000 is not taken
  queue.add({frame_of(kTcp, 4200)});
  for (int burst = 0; burst < 3; ++burst) rig.pipeline.poll_once(queue);
  EXPECT_EQ(rig.pipeline.overruns(), 2u);
  ASSERT_TRUE(rig.collect());
  queue.add({frame_of(kTcp, 4999), frame_of(kTcp, 5000)});
  rig.pipeline.poll_once(queue);
  EXPECT_EQ(rig.pipeline.overruns(), 2u);
  ASSERT_TRUE(rig.collect());
  queue.add_idle(6000);
  rig.pipeline.poll_once(queue);
  ASSERT_TRUE(rig.collect());
  ASSERT_EQ(rig.epochs.size(), 3u);
  EXPECT_EQ(rig.epochs[0].recorded, 1u);
  EXPECT_EQ(rig.epochs[1].span.start_ns, 2000u);
  EXPECT_EQ(rig.epochs[1].span.end_ns, 5000u);
  EXPECT_EQ(rig.epochs[1].recorded, 6u);
  EXPECT_EQ(rig.epochs[2].span.start_ns, 5000u);
  EXPECT_EQ(rig.epochs[2].recorded, 1u);
}

TEST(Pipeline, WithoutPacketsAClockEndsAnEpochWhereItIsLive) {
  WrittenQueue queue;
  Rig rig(Overrun::kExtend);
  queue.add_idle(1500);
  queue.add_idle(2500);
  rig.pipeline.poll_once(queue);
  rig.pipeline.poll_once(queue);
  ASSERT_TRUE(rig.collect());
  EXPECT_EQ(rig.epochs[0].span.start_ns, 1000u);
  EXPECT_EQ(rig.epochs[0].ledger.rx_packets, 0u);
}

struct Expected {
  uint64_t packets = 0, bytes = 0, ip = 0, late = 0, filtered = 0;
  friend bool operator==(const Expected&, const Expected&) = default;
};
std::ostream& operator<<(std::ostream& out, const Expected& e) {
  return out << e.packets << " packets, " << e.bytes << " bytes, " << e.ip << " IP, " << e.late << " late, "
             << e.filtered << " filtered out";
}

void expect_books_of_random_bursts(const PacketFilter* filter) {
  std::mt19937_64 random(7);
  const Bytes* const kinds[] = {&kTcp, &kOtherTcp, &kUdp, &kArp};
  WrittenQueue queue;
  std::map<uint64_t, Expected> expected;  // by the start of the epoch
  uint64_t clock_ns = 10'000;
  for (int burst = 0; burst < 3000; ++burst) {
    std::vector<Frame> frames(1 + random() % kBurst);
    for (Frame& frame : frames) {
      clock_ns += random() % 20;
      if (random() % 500 == 0) clock_ns += 5 * kPeriodNs;
      const Bytes& bytes = *kinds[random() % std::size(kinds)];
      const uint64_t ts_ns = random() % 4 == 0 ? clock_ns - random() % 1500 : clock_ns;
      frame = frame_of(bytes, clock_ns, ts_ns, uint32_t(60 + random() % 1500));
      const uint64_t epoch_ns = clock_ns / kPeriodNs * kPeriodNs;
      Expected& books = expected[epoch_ns];
      if (filter != nullptr && &bytes != &kUdp) {
        ++books.filtered;
        continue;
      }
      ++books.packets;
      books.bytes += frame.wire_len;
      books.ip += &bytes != &kArp;
      books.late += ts_ns < epoch_ns;
    }
    queue.add(std::move(frames));
  }
  Rig rig(Overrun::kWait, filter);
  rig.run(queue);
  ASSERT_EQ(rig.epochs.size(), expected.size());
  for (const Epoch& epoch : rig.epochs) {
    const Ledger& ledger = epoch.ledger;
    const Expected seen = {ledger.rx_packets, ledger.rx_bytes, ledger.ip_packets, ledger.late_packets,
                           ledger.filtered_out};
    EXPECT_EQ(seen, expected[epoch.span.start_ns]) << "from " << epoch.span.start_ns;
    EXPECT_EQ(epoch.recorded, ledger.ip_packets);
    EXPECT_TRUE(ledger.balanced());
  }
}

TEST(Pipeline, KeepsItsBooksOfRandomBursts) { expect_books_of_random_bursts(nullptr); }

TEST(Pipeline, KeepsItsBooksOfRandomBurstsBehindAFilter) {
  const auto filter = PacketFilter::compile("udp", {LinkType::kEthernet});
  ASSERT_TRUE(filter.ok()) << filter.status();
  expect_books_of_random_bursts(filter->get());
}

}  // namespace
}  // namespace netspectra

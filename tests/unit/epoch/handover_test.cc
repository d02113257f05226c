#include "epoch/handover.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "epoch/epoch_span.h"

namespace netspectra {
namespace {

struct State {
  std::vector<uint64_t> values;
};

Handover<State> make() { return {std::make_unique<State>(), std::make_unique<State>()}; }

TEST(Handover, TheWorkerGoesOnWithTheOtherState) {
  Handover<State> handover = make();
  State* const first = &handover.active();
  EXPECT_EQ(handover.take(), nullptr);
  ASSERT_TRUE(handover.seal());
  EXPECT_NE(&handover.active(), first);
  EXPECT_EQ(handover.take(), first);
  EXPECT_EQ(handover.take(), nullptr);
}

TEST(Handover, SealFailsWhileTheOtherStateIsOut) {
  Handover<State> handover = make();
  ASSERT_TRUE(handover.seal());
  EXPECT_FALSE(handover.seal());
  State* const taken = handover.take();
  EXPECT_FALSE(handover.seal());
  handover.give_back(taken);
  EXPECT_TRUE(handover.seal());
  EXPECT_EQ(&handover.active(), taken);
}

// A worker that writes without pause and a control core that empties: every value arrives once, in order.
TEST(Handover, NothingIsLostOrDoubledBetweenTwoThreads) {
  constexpr uint64_t kValues = 200000;
  Handover<State> handover = make();
  std::atomic<bool> done{false};
  std::thread worker([&] {
    for (uint64_t i = 0; i < kValues; ++i) {
      handover.active().values.push_back(i);
      if (i % 7 == 0) handover.seal();  // extends the epoch where it cannot
    }
    while (!handover.seal()) std::this_thread::yield();
    done.store(true, std::memory_order_release);
  });
  std::vector<uint64_t> all;
  for (bool last = false; !last;) {
    last = done.load(std::memory_order_acquire);
    while (State* state = handover.take()) {
      all.insert(all.end(), state->values.begin(), state->values.end());
      state->values.clear();
      handover.give_back(state);
    }
  }
  worker.join();
  ASSERT_EQ(all.size(), kValues);
  for (uint64_t i = 0; i < kValues; ++i) ASSERT_EQ(all[i], i);
}

TEST(EpochSpan, StartsAtAMultipleOfThePeriod) {
  const EpochSpan span = EpochSpan::at(25, 10);
  EXPECT_EQ(span.start_ns, 20u);
  EXPECT_TRUE(span.contains(20));
  EXPECT_TRUE(span.contains(29));
  EXPECT_FALSE(span.contains(30));
  EXPECT_FALSE(span.contains(19));
  EXPECT_FALSE(span.contains(0));
}

TEST(EpochSpan, WithoutAPeriodHoldsEverything) {
  const EpochSpan span = EpochSpan::at(12345, 0);
  EXPECT_EQ(span.start_ns, 0u);
  EXPECT_TRUE(span.contains(0));
  EXPECT_TRUE(span.contains(UINT64_MAX - 1));
}

TEST(EpochSpan, AtFirstHoldsNothing) {
  EXPECT_FALSE(EpochSpan{}.contains(0));
  EXPECT_FALSE(EpochSpan{}.contains(1));
}

}  // namespace
}  // namespace netspectra

// After start a worker makes no allocation: malloc and its kin are counted on the worker's thread.
#include <gtest/gtest.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <vector>

#include "ethdev/capture_queue.h"
#include "ethdev/eal.h"
#include "ethdev/mbuf_pool.h"
#include "task/task_plan.h"
#include "worker/pipeline.h"

namespace {
thread_local bool counting = false;
std::atomic<uint64_t> allocations{0};
void note() {
  if (counting) allocations.fetch_add(1, std::memory_order_relaxed);
}
}  // namespace

// The allocator that every library in the process calls.
extern "C" {
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);
void* malloc(size_t n) {
  note();
  return __libc_malloc(n);
}
void* calloc(size_t n, size_t size) {
  note();
  return __libc_calloc(n, size);
}
void* realloc(void* old, size_t n) {
  note();
  return __libc_realloc(old, n);
}
void* aligned_alloc(size_t alignment, size_t n) {
  note();
  return __libc_memalign(alignment, n);
}
}

namespace netspectra {
namespace {

constexpr uint32_t kPackets = 200000;
constexpr uint32_t kFlows = 30000;  // more than the tables have room for at the start
constexpr uint64_t kSecond = 1000000000;

std::string write_capture() {
  std::string path = testing::TempDir() + "/no_allocation_test_XXXXXX";
  std::FILE* out = fdopen(mkstemp(path.data()), "wb");
  const uint32_t header[6] = {0xa1b23c4d, 2 | 4 << 16, 0, 0, 65535, 1};
  std::fwrite(header, sizeof(header), 1, out);
  for (uint32_t i = 0; i < kPackets; ++i) {
    uint8_t frame[60] = {};
    frame[12] = 8;
    frame[14] = 0x45;
    frame[17] = 46;
    frame[23] = 17;
    const uint32_t flow = i % kFlows;
    std::memcpy(frame + 26, &flow, 4);
    const uint32_t record[4] = {1700000000 + i / 50000, i % 50000, sizeof(frame), sizeof(frame)};
    std::fwrite(record, sizeof(record), 1, out);
    std::fwrite(frame, sizeof(frame), 1, out);
  }
  std::fclose(out);
  return path;
}

// An exact table that grows, and then overflows into an estimator of each kind.
std::unique_ptr<EpochState> make_state() {
  std::vector<TaskConfig> tasks(4);
  tasks[0].fields = tasks[3].fields = KeyFields::five_tuple();
  tasks[0].capacity = kFlows * 3 / 4;
  tasks[1].kind = TaskKind::kHeavyHitters;
  tasks[2].kind = TaskKind::kSuperSpreader;
  tasks[3].kind = TaskKind::kCardinality;
  for (int i : {1, 2}) tasks[i].fields.add(KeyField::kSrcIp);
  tasks[2].elements.add(KeyField::kDstIp);
  auto state = std::make_unique<EpochState>();
  state->tasks = *make_worker_tasks(plan_tasks(tasks));
  return state;
}

TEST(Worker, AllocatesNothingBetweenStartAndEnd) {
  const std::string path = write_capture();
  const auto eal = start_eal({});
  ASSERT_TRUE(eal.ok()) << eal.status();
  const auto pool = make_mbuf_pool("test", kMbufsForOneBurst);
  ASSERT_TRUE(pool.ok()) << pool.status();
  const auto file = CaptureFile::open(path);
  ASSERT_TRUE(file.ok()) << file.status();
  const std::atomic<bool> stop{false};
  auto queue = CaptureQueue::attach(**file, **pool, eal->cpus, stop);
  ASSERT_TRUE(queue.ok()) << queue.status();

  Handover<EpochState> handover(make_state(), make_state());
  QueueFeed<RxQueue> feed;
  Pipeline pipeline(handover, feed, nullptr, kSecond, Overrun::kWait);
  feed.offer(queue->get());
  feed.close();
  rte_eal_remote_launch(
      [](void* p) {
        counting = true;
        static_cast<Pipeline*>(p)->run();
        counting = false;
        return 0;
      },
      &pipeline, eal->polling_lcores[0]);

  uint64_t packets = 0;
  int epochs = 0, fed = 0;
  for (bool done = false; !done;) {
    done = pipeline.done();
    while (EpochState* state = handover.take()) {
      const TaskPart part = state->tasks.measured[0]->drain();
      for (const FlowRecord& record : part.records) packets += record.counters.packets;
      packets += part.overflow.packets;
      for (const std::unique_ptr<Task>& task : state->tasks.fallback)
        fed += task->drain().estimate != nullptr;
      state->ledger = {};
      handover.give_back(state);
      ++epochs;
    }
  }
  rte_eal_mp_wait_lcore();
  EXPECT_EQ(packets, kPackets);
  EXPECT_EQ(epochs, 4);
  EXPECT_EQ(fed, 4 * 3);
  EXPECT_EQ(allocations.load(), 0u);
  unlink(path.c_str());
}

TEST(Worker, TheCountWouldSeeAnAllocation) {
  const uint64_t before = allocations.load();
  counting = true;
  void* volatile one = std::malloc(10);
  int* volatile other = new int(1);
  counting = false;
  std::free(one);
  delete other;
  EXPECT_EQ(allocations.load(), before + 2);
}

}  // namespace
}  // namespace netspectra

// A process of its own: nats.c makes some of its threads once in a process.
#include <gtest/gtest.h>
#include <sched.h>

#include <filesystem>
#include <vector>

#include "bus/publisher.h"
#include "messages.h"
#include "nats_server.h"

namespace netspectra {
namespace {

// The CPUs of each thread of this process, but of the calling one.
std::vector<cpu_set_t> affinities() {
  std::vector<cpu_set_t> sets;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    const pid_t tid = std::stoi(task.path().filename());
    cpu_set_t set;
    if (tid != ::gettid() && ::sched_getaffinity(tid, sizeof(set), &set) == 0) sets.push_back(set);
  }
  return sets;
}

TEST(Threads, KeepTheAffinityOfOpenWhateverTheCallerIsPinnedToLater) {
  cpu_set_t all;
  ASSERT_EQ(::sched_getaffinity(0, sizeof(all), &all), 0);
  if (CPU_COUNT(&all) < 2) {
    CPU_ZERO(&all);
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) CPU_SET(cpu, &all);
    if (::sched_setaffinity(0, sizeof(all), &all) != 0) GTEST_SKIP() << "one CPU only";
    ASSERT_EQ(::sched_getaffinity(0, sizeof(all), &all), 0);
    if (CPU_COUNT(&all) < 2) GTEST_SKIP() << "one CPU only";
  }
  NatsServer server;
  server.start();
  auto publisher = open_publisher(server.config());
  cpu_set_t pinned;
  CPU_ZERO(&pinned);
  CPU_SET(0, &pinned);
  ASSERT_EQ(::sched_setaffinity(0, sizeof(pinned), &pinned), 0);
  for (int i = 0; i < 2; ++i) {
    server.kill();
    publish(*publisher, static_cast<uint64_t>(i), 0, 100);
    server.start();
    ASSERT_TRUE(publisher->flush(std::chrono::seconds(5)));
  }
  const std::vector<cpu_set_t> sets = affinities();
  EXPECT_GE(sets.size(), 3u);
  for (const cpu_set_t& set : sets) EXPECT_TRUE(CPU_EQUAL(&set, &all));
  ::sched_setaffinity(0, sizeof(all), &all);
}

}  // namespace
}  // namespace netspectra

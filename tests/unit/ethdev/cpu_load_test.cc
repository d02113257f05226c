#include "ethdev/cpu_load.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>

namespace netspectra {
namespace {

using Numbers = std::vector<int>;

TEST(CpuLoad, IsTheShareOfTicksThatWereNotIdle) {
  const std::string before =
      "cpu  300 0 0 700 0 0 0\ncpu0 100 0 0 400 0 0 0 0 0 0\ncpu1 200 0 0 300 0 0 0 0 0 0\nintr 5\n";
  const std::string after =
      "cpu  400 0 0 800 0 0 0\ncpu0 175 0 5 420 0 0 0 0 0 0\ncpu1 200 0 0 350 50 0 0 0 0 0\nintr 9\n";
  EXPECT_EQ(busy_percent(before, after, {0, 1}), (Numbers{80, 0}));
  EXPECT_EQ(busy_percent(before, after, {7}), (Numbers{0}));
  EXPECT_EQ(busy_percent(before, before, {0}), (Numbers{0}));
}

TEST(CpuLoad, RefusesABusyCpuThatIsIsolated) {
  std::vector<std::string> warnings;
  const absl::Status status = judge_cpus({{2, 10, true, ""}, {3, 97, true, ""}}, false, warnings);
  EXPECT_NE(status.message().find("CPU 3 is 97 % busy although it is isolated"), absl::string_view::npos)
      << status;
  EXPECT_TRUE(warnings.empty());
}

TEST(CpuLoad, RefusesACpuThatIsPolledUnlessItMayBeShared) {
  const std::vector<CpuUse> uses = {{1, 100, false, "ns-probe (process 12)"}};
  std::vector<std::string> warnings;
  const absl::Status status = judge_cpus(uses, false, warnings);
  EXPECT_NE(status.message().find("CPU 1 is polled by ns-probe (process 12) already; stop that"),
            absl::string_view::npos)
      << status;
  EXPECT_TRUE(warnings.empty());
  EXPECT_TRUE(judge_cpus(uses, true, warnings).ok());
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_NE(warnings[0].find("packets are lost"), std::string::npos) << warnings[0];
}

TEST(CpuLoad, WarnsOfAnyOtherBusyCpu) {
  std::vector<std::string> warnings;
  EXPECT_TRUE(judge_cpus({{2, 49, false, ""}, {3, 50, false, ""}}, false, warnings).ok());
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_NE(warnings[0].find("CPU 3 is 50 % busy with other work"), std::string::npos) << warnings[0];
}

// A process that does nothing but run: on `cpu` alone, before all others where that is allowed, or, with -1, wherever the
// kernel puts it.
class Spinner {
 public:
  explicit Spinner(int cpu) {
    process_ = fork();
    if (process_ != 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (cpu >= 0) {
      cpu_set_t one;
      CPU_ZERO(&one);
      CPU_SET(cpu, &one);
      sched_setaffinity(0, sizeof(one), &one);
      const sched_param highest{.sched_priority = 1};
      sched_setscheduler(0, SCHED_FIFO, &highest);
    }
    for (std::atomic<uint64_t> turns = 0;; ++turns) {
    }
  }
  ~Spinner() {
    kill(process_, SIGKILL);
    waitpid(process_, nullptr, 0);
  }
  int process() const { return process_; }

 private:
  int process_;
};

int first_cpu() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  sched_getaffinity(0, sizeof(allowed), &allowed);
  int cpu = 0;
  while (!CPU_ISSET(cpu, &allowed)) ++cpu;
  return cpu;
}

TEST(CpuLoad, FindsAPollerByNameOnItsCpuAlone) {
  const int cpu = first_cpu();
  const Spinner poller(cpu);
  // Other programs may have a part of the CPU, for a while.
  std::string found;
  for (int attempt = 0; attempt < 50 && found.empty(); ++attempt) {
    const std::vector<CpuUse> uses = measure_cpus({cpu, cpu}, std::chrono::milliseconds(200));
    ASSERT_EQ(uses.size(), 1u);
    found = uses[0].poller;
  }
  EXPECT_NE(found.find("(process " + std::to_string(poller.process()) + ")"), std::string::npos) << found;
}

TEST(CpuLoad, TakesWorkThatTheKernelMayMoveForNoPoller) {
  const int cpu = first_cpu();
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  sched_getaffinity(0, sizeof(allowed), &allowed);
  if (CPU_COUNT(&allowed) == 1) GTEST_SKIP() << "there is one CPU only";
  const Spinner passing(-1);
  const std::vector<CpuUse> uses = measure_cpus({cpu}, std::chrono::milliseconds(300));
  EXPECT_EQ(uses[0].poller.find("(process " + std::to_string(passing.process()) + ")"), std::string::npos);
}

}  // namespace
}  // namespace netspectra

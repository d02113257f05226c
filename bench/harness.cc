#include "harness.h"

#include <time.h>

#include <algorithm>
#include <fstream>

namespace netspectra::bench {
namespace {
bool failed = false;
}

std::vector<int> cpus;

void fail(benchmark::State& state, const std::string& why) {
  failed = true;
  state.SkipWithError(why.c_str());
}

bool any_failed() { return failed; }

void report(benchmark::State& state, uint64_t items, double slowest_spin_ns) {
  static double before_ns = 0;  // what stood behind the last sample stands before this one
  const double after_ns = spin_ns();
  state.counters["spin_ns"] = std::max({before_ns, after_ns, slowest_spin_ns});
  before_ns = after_ns;
  state.SetItemsProcessed(static_cast<int64_t>(items));
  state.counters["ns"] = benchmark::Counter(static_cast<double>(items) * 1e-9,
                                            benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

uint64_t thread_cpu_ns() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

double huge_page_mib() {
  std::ifstream rollup("/proc/self/smaps_rollup");
  std::string word;
  while (rollup >> word) {
    double kib = 0;
    if (word == "AnonHugePages:" && rollup >> kib) return kib / 1024;
  }
  return 0;
}

}  // namespace netspectra::bench

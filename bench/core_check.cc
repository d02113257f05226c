// core-check: prints spin_ns() of the slowest of the CPUs that it was given, all of them spinning at once.
#include <sched.h>

#include <algorithm>
#include <barrier>
#include <cstdio>
#include <thread>
#include <vector>

#include "spin.h"

int main() {
  cpu_set_t given;
  sched_getaffinity(0, sizeof(given), &given);
  std::vector<int> cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &given)) cpus.push_back(cpu);
  }
  std::vector<double> spins(cpus.size());
  std::barrier start(static_cast<ptrdiff_t>(cpus.size()));
  std::vector<std::jthread> threads;
  for (size_t i = 0; i < cpus.size(); ++i) {
    threads.emplace_back([&, i] {
      netspectra::bench::pin_to(cpus[i]);
      start.arrive_and_wait();
      spins[i] = netspectra::bench::spin_ns();
    });
  }
  threads.clear();
  std::printf("%.4f\n", *std::max_element(spins.begin(), spins.end()));
}

#include "ethdev/cpu_load.h"

#include <dirent.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <sstream>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/cpu_list.h"

namespace netspectra {
namespace {

constexpr int kBusy = 50;                       // percent
constexpr int kPolled = 90;                     // percent, by one thread
constexpr uint64_t kKernelThread = 0x00200000;  // PF_KTHREAD of linux/sched.h

struct Ticks {
  uint64_t idle = 0, all = 0;
};

// A line "cpuN user nice system idle iowait ...": of a CPU without one, nothing.
Ticks ticks_of(const std::string& stat, int cpu) {
  std::istringstream lines(stat);
  const std::string name = absl::StrCat("cpu", cpu);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string first;
    if (!(fields >> first) || first != name) continue;
    Ticks ticks;
    uint64_t value;
    for (int field = 0; fields >> value; ++field) {
      ticks.all += value;
      if (field == 3 || field == 4) ticks.idle += value;  // idle, and waiting for a disk
    }
    return ticks;
  }
  return {};
}

std::string read_whole(const std::string& path) {
  std::ifstream in(path);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

std::vector<int> numbers_in(const std::string& folder) {
  std::vector<int> numbers;
  DIR* const dir = opendir(folder.c_str());
  if (dir == nullptr) return numbers;
  while (const dirent* entry = readdir(dir)) {
    if (const int number = std::atoi(entry->d_name); number > 0) numbers.push_back(number);
  }
  closedir(dir);
  return numbers;
}

// The one CPU that the thread may run on; -1: none, or several.
int only_cpu_of(int thread) {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(thread, sizeof(allowed), &allowed) != 0 || CPU_COUNT(&allowed) != 1) return -1;
  int cpu = 0;
  while (!CPU_ISSET(cpu, &allowed)) ++cpu;
  return cpu;
}

struct Thread {
  std::string name;
  int process = 0;
  int cpu = 0;
  uint64_t ticks = 0;  // that it has run
};

// "TID (NAME) STATE ... utime stime ...", where NAME may hold anything. Of a thread that has gone, nothing.
bool read_stat(const std::string& path, Thread& thread) {
  const std::string stat = read_whole(path);
  const size_t open = stat.find('('), close = stat.rfind(')');
  if (open == std::string::npos || close == std::string::npos || close < open) return false;
  thread.name = stat.substr(open + 1, close - open - 1);
  std::istringstream fields(stat.substr(close + 1));
  std::string skipped;
  for (int field = 3; field < 9; ++field) fields >> skipped;
  uint64_t flags = 0;
  fields >> flags;
  if ((flags & kKernelThread) != 0) return false;  // ksoftirqd is busy where packets come; it does not poll
  for (int field = 10; field < 14; ++field) fields >> skipped;
  uint64_t user = 0, system = 0;
  if (!(fields >> user >> system)) return false;
  thread.ticks = user + system;
  return true;
}

// Those that are bound to one of `cpus`, by thread.
std::map<int, Thread> bound_threads(const std::set<int>& cpus) {
  std::map<int, Thread> bound;
  for (const int process : numbers_in("/proc")) {
    if (process == getpid()) continue;
    const std::string folder = absl::StrCat("/proc/", process, "/task");
    for (const int id : numbers_in(folder)) {
      Thread thread;
      thread.process = process;
      thread.cpu = only_cpu_of(id);
      if (!cpus.contains(thread.cpu)) continue;
      if (read_stat(absl::StrCat(folder, "/", id, "/stat"), thread)) bound[id] = std::move(thread);
    }
  }
  return bound;
}

}  // namespace

std::vector<int> busy_percent(const std::string& before, const std::string& after,
                              const std::vector<int>& cpus) {
  std::vector<int> percent;
  for (int cpu : cpus) {
    const Ticks from = ticks_of(before, cpu), to = ticks_of(after, cpu);
    const uint64_t all = to.all - from.all, idle = to.idle - from.idle;
    percent.push_back(to.all <= from.all || idle > all ? 0 : static_cast<int>((all - idle) * 100 / all));
  }
  return percent;
}

std::vector<CpuUse> measure_cpus(const std::vector<int>& cpus, std::chrono::milliseconds over) {
  const std::set<int> once(cpus.begin(), cpus.end());
  const std::vector<int> each(once.begin(), once.end());
  const std::map<int, Thread> threads_before = bound_threads(once);
  const std::string before = read_whole("/proc/stat");
  const auto began = std::chrono::steady_clock::now();
  std::this_thread::sleep_for(over);
  const std::map<int, Thread> threads = bound_threads(once);
  const std::vector<int> percent = busy_percent(before, read_whole("/proc/stat"), each);
  const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - began;
  const double ticks = passed.count() * static_cast<double>(sysconf(_SC_CLK_TCK));

  const std::set<unsigned> isolated = parse_cpu_list(read_whole("/sys/devices/system/cpu/isolated"));
  std::vector<CpuUse> uses;
  for (size_t i = 0; i < each.size(); ++i) {
    CpuUse use{each[i], percent[i], isolated.contains(static_cast<unsigned>(each[i])), ""};
    for (const auto& [id, thread] : threads) {
      const auto was = threads_before.find(id);
      if (thread.cpu != use.cpu || was == threads_before.end()) continue;
      if (static_cast<double>(thread.ticks - was->second.ticks) * 100 < kPolled * ticks) continue;
      use.poller = absl::StrCat(thread.name, " (process ", thread.process, ")");
    }
    uses.push_back(std::move(use));
  }
  return uses;
}

absl::Status judge_cpus(const std::vector<CpuUse>& uses, bool may_share, std::vector<std::string>& warnings) {
  for (const CpuUse& use : uses) {
    if (use.percent < kBusy && use.poller.empty()) continue;
    const std::string busy = use.poller.empty()
                                 ? absl::StrCat("CPU ", use.cpu, " is ", use.percent, " % busy")
                                 : absl::StrCat("CPU ", use.cpu, " is polled by ", use.poller, " already");
    if (!may_share && (use.isolated || !use.poller.empty())) {
      return absl::FailedPreconditionError(absl::StrCat(
          busy, use.poller.empty() ? " although it is isolated: another poller runs there" : "",
          "; stop that, give this probe other CPUs (taskset -c LIST ns-probe ...), or let both lose packets "
          "(--share-cpus)"));
    }
    warnings.push_back(
        absl::StrCat(busy, use.poller.empty() ? " with other work, and a worker is to poll there" : "",
                     ": packets are lost while it waits; move that work, or isolate the CPU"));
  }
  return absl::OkStatus();
}

}  // namespace netspectra

#include "ethdev/cpu_load.h"

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <thread>

#include "absl/strings/str_cat.h"

namespace netspectra {
namespace {

constexpr int kBusy = 50;  // percent

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

std::string read_whole(const char* path) {
  std::ifstream in(path);
  return std::string(std::istreambuf_iterator<char>(in), {});
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

std::vector<int> parse_cpu_list(const std::string& list) {
  std::vector<int> cpus;
  std::istringstream ranges(list);
  for (std::string range; std::getline(ranges, range, ',');) {
    std::istringstream ends(range);
    int first, last;
    if (!(ends >> first)) continue;
    char dash;
    if (!(ends >> dash >> last)) last = first;
    for (int cpu = first; cpu <= last; ++cpu) cpus.push_back(cpu);
  }
  return cpus;
}

absl::Status judge_busy_cpus(const std::vector<int>& cpus, const std::vector<int>& percent,
                             const std::vector<int>& isolated, std::vector<std::string>& warnings) {
  for (size_t i = 0; i < cpus.size(); ++i) {
    if (percent[i] < kBusy) continue;
    const std::string busy = absl::StrCat("CPU ", cpus[i], " is ", percent[i], " % busy");
    if (std::find(isolated.begin(), isolated.end(), cpus[i]) != isolated.end()) {
      return absl::FailedPreconditionError(absl::StrCat(
          busy,
          " although it is isolated: another poller runs there; stop it, or give this probe other "
          "CPUs (taskset -c LIST ns-probe ...)"));
    }
    warnings.push_back(
        absl::StrCat(busy,
                     " with other work, and a worker is to poll there: packets are lost while it "
                     "waits; move that work, or isolate the CPU"));
  }
  return absl::OkStatus();
}

absl::Status check_worker_cpus(const std::vector<int>& cpus, std::chrono::milliseconds over,
                               std::vector<std::string>& warnings) {
  const std::set<int> once(cpus.begin(), cpus.end());
  const std::vector<int> each(once.begin(), once.end());
  const std::string before = read_whole("/proc/stat");
  std::this_thread::sleep_for(over);
  const std::vector<int> percent = busy_percent(before, read_whole("/proc/stat"), each);
  return judge_busy_cpus(each, percent, parse_cpu_list(read_whole("/sys/devices/system/cpu/isolated")),
                         warnings);
}

}  // namespace netspectra

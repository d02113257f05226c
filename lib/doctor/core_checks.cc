// Cores: how many, isolated or not, shared by threads, throttled or not.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/cpu_list.h"
#include "doctor/checks.h"

namespace netspectra {
namespace {

constexpr const char* kCpus = "/sys/devices/system/cpu/";

std::set<unsigned> siblings(const Machine& machine, unsigned cpu) {
  std::set<unsigned> threads =
      parse_cpu_list(machine.line(absl::StrCat(kCpus, "cpu", cpu, "/topology/thread_siblings_list")));
  threads.insert(cpu);
  return threads;
}

// The first thread of each core that is usable.
std::set<unsigned> one_per_core(const Machine& machine, const std::set<unsigned>& usable) {
  std::set<unsigned> firsts, seen;
  for (const unsigned cpu : usable) {
    if (seen.contains(cpu)) continue;
    firsts.insert(cpu);
    seen.merge(siblings(machine, cpu));
  }
  return firsts;
}

std::set<unsigned> last(std::set<unsigned> cpus, size_t count) {
  while (cpus.size() > count) cpus.erase(cpus.begin());
  return cpus;
}

bool on_command_line(const Machine& machine, const std::string& parameter) {
  return absl::StrCat(" ", machine.line("/proc/cmdline")).find(absl::StrCat(" ", parameter, "=")) !=
         std::string::npos;
}

void examine_isolation(const Examined& it, const std::set<unsigned>& usable, Findings& findings) {
  constexpr const char* kSubject = "isolation";
  const unsigned workers = it.queues();
  const std::set<unsigned> isolated = parse_cpu_list(it.machine.line(absl::StrCat(kCpus, "isolated")));
  std::set<unsigned> both;
  std::set_intersection(isolated.begin(), isolated.end(), usable.begin(), usable.end(),
                        std::inserter(both, both.end()));
  if (both.size() >= workers) {
    if (on_command_line(it.machine, "nohz_full")) {
      return good(findings, kSubject,
                  absl::StrCat("CPUs ", cpu_list_text(both), " are isolated, without a tick"));
    }
    return warn(findings, kSubject,
                absl::StrCat("CPUs ", cpu_list_text(both),
                             " are isolated, but the kernel's tick still interrupts them"),
                absl::StrCat("kernel command line: nohz_full=", cpu_list_text(both),
                             " rcu_nocbs=", cpu_list_text(both)));
  }
  if (isolated.size() >= workers && !isolated.empty()) {
    // The kernel takes isolated CPUs out of what a process may use, until it is told otherwise.
    std::set<unsigned> wanted = isolated;
    if (!usable.empty()) wanted.insert(*usable.begin());
    return warn(
        findings, kSubject,
        absl::StrCat("CPUs ", cpu_list_text(isolated), " are isolated, but this process may use only ",
                     cpu_list_text(usable)),
        absl::StrCat("taskset -c ", cpu_list_text(wanted), " ns-probe ...   (as a service: CPUAffinity=)"));
  }
  const std::set<unsigned> cores = one_per_core(it.machine, usable);
  const std::string wish = cpu_list_text(last(cores, std::min<size_t>(workers, cores.size() - 1)));
  warn(findings, kSubject,
       absl::StrCat(isolated.empty() ? "no CPU is isolated"
                                     : absl::StrCat("only CPUs ", cpu_list_text(isolated), " are isolated"),
                    ": the kernel's other work interrupts the workers, and packets are lost meanwhile"),
       wish.empty() ? ""
                    : absl::StrCat("kernel command line: isolcpus=managed_irq,domain,", wish,
                                   " nohz_full=", wish, " rcu_nocbs=", wish));
}

void examine_siblings(const Examined& it, const std::set<unsigned>& usable, Findings& findings) {
  const std::set<unsigned> cores = one_per_core(it.machine, usable);
  if (cores.size() == usable.size())
    return good(findings, "sibling threads", "no two usable CPUs share a core");
  const unsigned needed = it.queues() + 1;
  if (cores.size() >= needed) {
    return warn(
        findings, "sibling threads", "some usable CPUs share a core: two workers on one are slowed by half",
        absl::StrCat("taskset -c ", cpu_list_text(cores), " ns-probe ...   (as a service: CPUAffinity=)"));
  }
  warn(findings, "sibling threads",
       absl::StrCat(usable.size(), " usable CPUs are threads of ", cores.size(), " cores, and ", needed,
                    " are needed: workers slow each other"),
       absl::StrCat("ns-probe --queues ", std::max<size_t>(1, cores.size() - 1), " ..."));
}

void examine_governor(const Examined& it, const std::set<unsigned>& usable, Findings& findings) {
  std::set<unsigned> slowed;
  std::string governor;
  for (const unsigned cpu : usable) {
    const std::string name = it.machine.line(absl::StrCat(kCpus, "cpu", cpu, "/cpufreq/scaling_governor"));
    if (name.empty() || name == "performance") continue;
    slowed.insert(cpu);
    governor = name;
  }
  if (slowed.empty()) return good(findings, "governor", "performance, or none");
  warn(findings, "governor",
       absl::StrCat(governor, " on CPUs ", cpu_list_text(slowed),
                    ": a burst meets a core that has not sped up yet"),
       "sudo cpupower frequency-set -g performance");
}

}  // namespace

void examine_cores(const Examined& it, Findings& findings) {
  const std::set<unsigned> usable = parse_cpu_list(it.machine.status_of_self("Cpus_allowed_list"));
  const unsigned workers = it.queues(), needed = workers + 1;
  if (usable.empty()) {
    return warn(findings, "cores", "/proc/self/status does not say which CPUs may be used", "");
  }
  const std::string text = absl::StrCat(
      usable.size(), usable.size() == 1 ? " CPU is" : " CPUs are", " usable (", cpu_list_text(usable), "), ",
      needed, " needed: ", workers, workers == 1 ? " worker" : " workers", " and the control core");
  if (usable.size() >= needed) {
    good(findings, "cores", text);
  } else {
    warn(findings, "cores", absl::StrCat(text, ". Workers that share a CPU lose packets while they wait"),
         usable.size() > 1 ? absl::StrCat("ns-probe --queues ", usable.size() - 1, " ...") : "");
  }
  if (workers == 0) return;
  examine_isolation(it, usable, findings);
  examine_siblings(it, usable, findings);
  examine_governor(it, usable, findings);
}

}  // namespace netspectra

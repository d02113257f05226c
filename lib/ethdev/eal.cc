#include "ethdev/eal.h"

#include <fcntl.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_pci.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace netspectra {
namespace {

// Whether `mib` of hugepages of the default size can be had right now: free ones exist, and the kernel lends
// them to this process.
bool hugepages_available(unsigned mib) {
  const size_t bytes = size_t{mib} << 20;
  void* probe =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
  if (probe == MAP_FAILED) return false;
  munmap(probe, bytes);
  return true;
}

std::vector<int> cpus_in(const cpu_set_t& set) {
  std::vector<int> cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  }
  return cpus;
}

// "0@2,1@3,2@2": the main lcore and the polling ones over the CPUs that the process may use, where they are not given.
// Pollers take the later CPUs first: the main lcore mostly sleeps, so it is the one to share.
std::string lcore_map(const cpu_set_t& allowed, const EalConfig& config) {
  const std::vector<int> cpus = cpus_in(allowed);
  std::string map = absl::StrCat("0@", config.main_cpu >= 0 ? config.main_cpu : cpus[0]);
  for (unsigned i = 1; i <= config.polling_lcores; ++i) {
    const bool given = i <= config.worker_cpus.size();
    absl::StrAppend(&map, ",", i, "@", given ? config.worker_cpus[i - 1] : cpus[i % cpus.size()]);
  }
  return map;
}

std::vector<std::string> derive_args(const EalConfig& config, const cpu_set_t& cpus, bool hugepages) {
  std::vector<std::string> args = {"--log-level=4", "--log-level=pmd.net.pcap:3", "--lcores",
                                   lcore_map(cpus, config)};
  if (!config.pci_ports.empty()) {
    // An allow list with the host bridge alone: the bus is scanned, and nothing on it is taken.
    args.insert(args.end(), {"-a", "0000:00:00.0"});
  } else {
    args.emplace_back("--no-pci");
  }
  if (!config.telemetry) args.emplace_back("--no-telemetry");
  if (!config.file_prefix.empty()) args.push_back(absl::StrCat("--file-prefix=", config.file_prefix));
  const std::vector<std::string> memory =
      hugepages ? std::vector<std::string>{"--in-memory"}
                : std::vector<std::string>{"--no-huge", "--no-shconf", "-m", absl::StrCat(config.memory_mib)};
  args.insert(args.end(), memory.begin(), memory.end());
  return args;
}

// A field of /proc/meminfo, "HugePages_Free:" for example; 0 if it is not there.
uint64_t meminfo(const std::string& field) {
  std::ifstream in("/proc/meminfo");
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string name;
    uint64_t value = 0;
    if (words >> name >> value && name == field) return value;
  }
  return 0;
}

// Of a port on PCI that is there; of one that is not, opening it has more to say.
absl::Status need_hugepages(const EalConfig& config) {
  for (const std::string& port : config.pci_ports) {
    rte_pci_addr address;
    char name[PCI_PRI_STR_SIZE];
    if (rte_pci_addr_parse(port.c_str(), &address) != 0) continue;
    rte_pci_device_name(&address, name, sizeof(name));
    if (access(absl::StrCat("/sys/bus/pci/devices/", name).c_str(), F_OK) != 0) continue;
    const uint64_t page_kib = std::max<uint64_t>(1, meminfo("Hugepagesize:"));
    const uint64_t free = meminfo("HugePages_Free:");
    const uint64_t pages = (uint64_t{config.memory_mib} * 1024 + page_kib - 1) / page_kib;
    const std::string size =
        page_kib % 1024 == 0 ? absl::StrCat(page_kib / 1024, "M") : absl::StrCat(page_kib, "K");
    return absl::FailedPreconditionError(
        absl::StrCat("port ", port, ": a NIC on PCI writes its packets to hugepages, and ", config.memory_mib,
                     " MiB of them cannot be had (", free, " pages of ", size,
                     " are free): \"sudo scripts/hugepages.sh reserve --size ", size, " --count ",
                     meminfo("HugePages_Total:") + pages - std::min(free, pages),
                     "\", or \"ns-probe --check\", which names the NIC's NUMA node, too"));
  }
  return absl::OkStatus();
}

// What the EAL says on standard output and error while it starts, held back: it prints its whole help text
// when it refuses an argument, and the results on standard output are not for it to talk into.
class EalTalk {
 public:
  EalTalk() : held_(memfd_create("eal", MFD_CLOEXEC)) {
    std::fflush(stdout);
    if (held_ < 0) return;
    for (int fd : {STDOUT_FILENO, STDERR_FILENO}) {
      saved_[fd] = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
      dup2(held_, fd);
    }
  }
  EalTalk(const EalTalk&) = delete;
  EalTalk& operator=(const EalTalk&) = delete;

  // Gives the descriptors back and returns the first line that is not about what the machine has.
  std::string end() {
    std::fflush(stdout);
    if (held_ < 0) return "";
    for (int fd : {STDOUT_FILENO, STDERR_FILENO}) {
      if (saved_[fd] < 0) continue;
      dup2(saved_[fd], fd);
      close(saved_[fd]);
    }
    lseek(held_, 0, SEEK_SET);
    std::FILE* const said = fdopen(held_, "r");
    char line[256];
    std::string found;
    while (found.empty() && std::fgets(line, sizeof(line), said) != nullptr) {
      const std::string text(line, std::strcspn(line, "\n"));
      if (!absl::StartsWith(text, "EAL: Detected ")) found = text;
    }
    std::fclose(said);
    return found;
  }

 private:
  const int held_;
  int saved_[3] = {-1, -1, -1};
};

}  // namespace

absl::StatusOr<EalInfo> start_eal(const EalConfig& config) {
  EalInfo info;
  CPU_ZERO(&info.cpus);
  sched_getaffinity(0, sizeof(info.cpus), &info.cpus);
  const bool hugepages = hugepages_available(config.memory_mib);

  if (config.args.empty() && !hugepages) {
    if (absl::Status had = need_hugepages(config); !had.ok()) return had;
  }
  for (const std::string& arg : config.args) {
    // The EAL would print its help and end the process.
    if (arg == "-h" || arg == "--help") {
      return absl::InvalidArgumentError(absl::StrCat("EAL argument ", arg,
                                                     ": nothing would be measured; see DPDK's ",
                                                     "documentation of the EAL parameters"));
    }
  }
  std::vector<std::string> args =
      config.args.empty() ? derive_args(config, info.cpus, hugepages) : config.args;
  const std::string shown = absl::StrJoin(args, " ");
  args.insert(args.begin(), "netspectra");
  std::vector<char*> argv;
  for (std::string& arg : args) argv.push_back(arg.data());
  EalTalk talk;
  const bool started = rte_eal_init(static_cast<int>(argv.size()), argv.data()) >= 0;
  const std::string said = talk.end();
  if (!started) {
    return absl::FailedPreconditionError(absl::StrCat("DPDK's EAL refused to start with \"", shown,
                                                      "\": ", said.empty() ? rte_strerror(rte_errno) : said));
  }
  unsigned lcore;
  RTE_LCORE_FOREACH_WORKER(lcore) { info.polling_lcores.push_back(lcore); }
  if (info.polling_lcores.size() < config.polling_lcores) {
    return absl::InvalidArgumentError(
        absl::StrCat("the EAL arguments \"", shown, "\" give ", info.polling_lcores.size() + 1,
                     " lcores, but ", config.polling_lcores + 1, " are needed (one of them the main lcore)"));
  }
  info.polling_lcores.resize(config.polling_lcores);
  // Only the EAL knows what the user's own arguments came to.
  info.other_cpus = info.cpus;
  for (unsigned polling : info.polling_lcores) {
    info.polling_cpus.push_back(cpus_in(rte_lcore_cpuset(polling)));
    for (int cpu : info.polling_cpus.back()) CPU_CLR(cpu, &info.other_cpus);
  }
  if (CPU_COUNT(&info.other_cpus) == 0) info.other_cpus = rte_lcore_cpuset(rte_get_main_lcore());
  return info;
}

}  // namespace netspectra

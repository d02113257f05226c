// ns-bench: what each layer of the data path and of the control core costs, in one process.
//
//   ns-bench --benchmark_filter=REGEX --benchmark_repetitions=7 --benchmark_enable_random_interleaving=true
//
// The families are in the *_bench.cc files; docs/benchmarks.md says how to read them. Takes the options
// of Google Benchmark (--help). Exit status 1 when a fixture gave a wrong result.
#include <benchmark/benchmark.h>
#include <rte_eal.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "base/mapped_memory.h"
#include "ethdev/eal.h"
#include "harness.h"

namespace netspectra::bench {
namespace {

constexpr unsigned kEalMib = 384;
#ifdef __clang__
constexpr const char* kCompiler = __VERSION__;  // names itself
#else
constexpr const char* kCompiler = "g++ " __VERSION__;
#endif

std::string cpu_model() {
  std::ifstream info("/proc/cpuinfo");
  std::string line;
  while (std::getline(info, line)) {
    const size_t colon = line.find(": ");
    if (line.rfind("model name", 0) == 0 && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown";
}

// What memory such as the tables' really stands on.
std::string table_pages() {
  constexpr size_t kProbeMib = 64;
  const double before_mib = huge_page_mib();
  MappedMemory memory = MappedMemory::reserve(kProbeMib << 20).value();
  memory.populate(0, kProbeMib << 20);
  const double share = (huge_page_mib() - before_mib) / kProbeMib;
  if (share >= 1) return "2 MiB (transparent)";
  if (share == 0) return "4 KiB";
  return std::to_string(static_cast<int>(share * 100)) + " % on 2 MiB pages, the rest on 4 KiB";
}

// Prints "ns" as the number that it is: the console's own reporter takes all that is per item for seconds.
class Console final : public benchmark::ConsoleReporter {
 public:
  Console() : ConsoleReporter(OO_Tabular) {}
  void ReportRuns(const std::vector<Run>& runs) override {
    std::vector<Run> shown = runs;
    for (Run& one : shown) {
      if (const auto ns = one.counters.find("ns"); ns != one.counters.end()) ns->second.flags = {};
    }
    ConsoleReporter::ReportRuns(shown);
  }
};

int run(int argc, char** argv) {
  // Short repetitions: many of them, interleaved, say more than few long ones. The user's flags come later.
  std::vector<char*> args(argv, argv + argc);
  std::string min_time = "--benchmark_min_time=0.2";
  args.insert(args.begin() + 1, min_time.data());
  const bool other_format = std::any_of(argv + 1, argv + argc, [](const char* arg) {
    return std::strncmp(arg, "--benchmark_format=", std::strlen("--benchmark_format=")) == 0;
  });
  int count = static_cast<int>(args.size());
  args.push_back(nullptr);
  benchmark::Initialize(&count, args.data());
  if (benchmark::ReportUnrecognizedArguments(count, args.data())) return 2;

  EalConfig config;
  config.polling_lcores = 0;
  config.memory_mib = kEalMib;
  const absl::StatusOr<EalInfo> eal = start_eal(config);
  if (!eal.ok()) {
    std::fprintf(stderr, "ns-bench: %s\n", std::string(eal.status().message()).c_str());
    return 1;
  }
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &eal->cpus)) cpus.push_back(cpu);
  }
  pin_to(cpus.back());  // as pollers are: the first CPU has most of the machine's other work
  benchmark::AddCustomContext("cpu", cpu_model());
  benchmark::AddCustomContext("compiler", kCompiler);
  benchmark::AddCustomContext("table_pages", table_pages());
  benchmark::AddCustomContext("eal_memory",
                              rte_eal_has_hugepages() != 0 ? "hugepages" : "4 KiB pages (--no-huge)");

  register_source_benchmarks();
  register_table_benchmarks();
  register_rival_benchmarks();
  register_sketch_benchmarks();
  register_member_benchmarks();
  register_decode_benchmarks();
  register_pipeline_benchmarks();
  register_worker_benchmarks();
  register_handover_benchmarks();
  register_ethdev_benchmarks();
  register_control_benchmarks();
  register_engine_benchmarks();
  Console console;
  if (other_format) {
    benchmark::RunSpecifiedBenchmarks();
  } else {
    benchmark::RunSpecifiedBenchmarks(&console);
  }
  return any_failed() ? 1 : 0;
}

}  // namespace
}  // namespace netspectra::bench

int main(int argc, char** argv) { return netspectra::bench::run(argc, argv); }

// What pcap-analyzer's options mean when they are right: at both doors, precedence, defaults, the example.
#include "config/analyzer_options.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "config/task_spec.h"
#include "task_text.h"
#include "temp_file.h"

namespace netspectra {
namespace {

using Strings = std::vector<std::string>;

absl::StatusOr<std::variant<AnalyzerOptions, EarlyExit>> parse(const Strings& arguments) {
  std::vector<const char*> argv = {"pcap-analyzer"};
  for (const std::string& a : arguments) argv.push_back(a.c_str());
  return parse_analyzer_options(static_cast<int>(argv.size()), argv.data());
}

AnalyzerOptions options(const Strings& arguments) {
  const auto result = parse(arguments);
  if (!result.ok() || !std::holds_alternative<AnalyzerOptions>(*result)) {
    ADD_FAILURE() << result.status();
    return {};
  }
  return std::get<AnalyzerOptions>(*result);
}

// The same setting on the command line and in a file, each with one capture.
AnalyzerOptions by_line(Strings arguments) {
  arguments.push_back("a.pcap");
  return options(arguments);
}
AnalyzerOptions by_file(const std::string& yaml) {
  const TempFile file(yaml);
  return by_line({"-c", file.path()});
}

Strings specs(const AnalyzerOptions& options) {
  Strings specs;
  for (const TaskConfig& task : options.tasks) specs.push_back(task_text(task));
  return specs;
}

TEST(AnalyzerOptions, HaveDefaults) {
  const AnalyzerOptions o = options({"a.pcap"});
  EXPECT_TRUE(o.eal_args.empty());
  EXPECT_EQ(o.files, (Strings{"a.pcap"}));
  EXPECT_EQ(specs(o), (Strings{"per_five_tuple=exact:src_ip,dst_ip,src_port,dst_port,protocol"}));
  EXPECT_EQ(o.workers, 1u);
  EXPECT_EQ(o.period_ns, 0u);
  EXPECT_FALSE(o.top.has_value());
  EXPECT_EQ(o.rows(), 10u);
  EXPECT_EQ(o.format, Format::kTable);
  EXPECT_EQ(o.output, "-");
  EXPECT_EQ(o.store, "");
  EXPECT_EQ(o.filter, "");
  EXPECT_EQ(o.progress, ProgressMode::kAuto);
}

TEST(AnalyzerOptions, TakeWorkers) {
  for (const AnalyzerOptions& o :
       {by_line({"-w", "16"}), by_line({"--workers=16"}), by_file("workers: 16")}) {
    EXPECT_EQ(o.workers, 16u);
  }
}

TEST(AnalyzerOptions, TakeAPeriod) {
  for (const AnalyzerOptions& o :
       {by_line({"-p", "500ms"}), by_line({"--period=500ms"}), by_file("period: 500ms")}) {
    EXPECT_EQ(o.period_ns, 500'000'000u);
  }
  EXPECT_EQ(by_line({"-p", "365d"}).period_ns, 31'536'000'000'000'000u);
}

TEST(AnalyzerOptions, TakeRows) {
  for (const AnalyzerOptions& o : {by_line({"-n", "2k"}), by_line({"--top=2k"}), by_file("top: 2k")}) {
    EXPECT_EQ(o.rows(), 2'000u);
  }
  EXPECT_EQ(by_line({"-n0"}).rows(), 0u);
}

TEST(AnalyzerOptions, TakeAFormat) {
  for (const AnalyzerOptions& o :
       {by_line({"-f", "json"}), by_line({"--format=json"}), by_file("format: json")}) {
    EXPECT_EQ(o.format, Format::kJson);
    EXPECT_EQ(o.rows(), 0u);  // all, unless asked for fewer
  }
  EXPECT_EQ(by_line({"-f", "csv"}).format, Format::kCsv);
  EXPECT_EQ(by_line({"-f", "csv", "-n", "3"}).rows(), 3u);
  EXPECT_EQ(by_line({"-f", "table"}).format, Format::kTable);
}

TEST(AnalyzerOptions, TakeAnOutput) {
  for (const AnalyzerOptions& o :
       {by_line({"-o", "out"}), by_line({"--output=out"}), by_file("output: out")}) {
    EXPECT_EQ(o.output, "out");
  }
}

TEST(AnalyzerOptions, TakeAStore) {
  for (const AnalyzerOptions& o : {by_line({"--store", "files:d"}), by_file("store: files:d")}) {
    EXPECT_EQ(o.store, "files:d");
  }
}

TEST(AnalyzerOptions, TakeAFilter) {
  for (const AnalyzerOptions& o : {by_line({"--filter", "tcp port 80"}), by_file("filter: tcp port 80")}) {
    EXPECT_EQ(o.filter, "tcp port 80");
  }
}

TEST(AnalyzerOptions, TakeAProgressMode) {
  for (const AnalyzerOptions& o : {by_line({"--progress", "never"}), by_file("progress: never")}) {
    EXPECT_EQ(o.progress, ProgressMode::kNever);
  }
  EXPECT_EQ(by_line({"--progress=always"}).progress, ProgressMode::kAlways);
  EXPECT_EQ(by_line({"--progress=auto"}).progress, ProgressMode::kAuto);
}

TEST(AnalyzerOptions, TakeTasksInOrder) {
  const Strings expected = {"a=exact:src_ip", "b=exact:dst_port,protocol:capacity=1000000"};
  EXPECT_EQ(specs(by_line({"-t", "a=exact:src_ip", "--task=b=exact:protocol,dst_port:capacity=1M"})),
            expected);
  EXPECT_EQ(specs(by_file("tasks:\n"
                          "  - {name: a, kind: exact, fields: [src_ip]}\n"
                          "  - {name: b, kind: exact, fields: [protocol, dst_port], capacity: 1M}\n")),
            expected);
}

TEST(AnalyzerOptions, TakeTasksOfEveryKind) {
  const Strings expected = {"a=heavy_hitters:src_ip:threshold=500ppm,by=bytes,memory=65536,seed=9",
                            "b=super_spreader:src_ip/dst_ip,dst_port:threshold=2000",
                            "c=cardinality:vlan:seed=3"};
  EXPECT_EQ(specs(by_line({"-ta=heavy_hitters:src_ip:threshold=0.05%,by=bytes,memory=64KiB,seed=9",
                           "-tb=super_spreader:src_ip/dst_port,dst_ip:threshold=2k",
                           "-tc=cardinality:vlan:seed=3"})),
            expected);
  // The order of the keys does not matter.
  EXPECT_EQ(
      specs(by_file("tasks:\n"
                    "  - {threshold: 0.05%, by: bytes, memory: 64KiB, seed: 9, name: a, fields: [src_ip],\n"
                    "     kind: heavy_hitters}\n"
                    "  - {name: b, elements: [dst_port, dst_ip], threshold: 2k, fields: [src_ip],\n"
                    "     kind: super_spreader}\n"
                    "  - {name: c, kind: cardinality, fields: [vlan], seed: 3}\n")),
      expected);
}

TEST(AnalyzerOptions, TakeTheDefaultTasksByTheirWord) {
  const Strings expected = {"per_five_tuple=exact:src_ip,dst_ip,src_port,dst_port,protocol",
                            "top_src=heavy_hitters:src_ip",
                            "top_dst=heavy_hitters:dst_ip",
                            "spread_src=super_spreader:src_ip/dst_ip",
                            "spread_dst=super_spreader:dst_ip/src_ip",
                            "flows=cardinality:src_ip,dst_ip,src_port,dst_port,protocol"};
  EXPECT_EQ(specs(by_line({"-t", "default"})), expected);
  EXPECT_EQ(specs(by_file("tasks: default\n")), expected);
  Strings and_one_more = expected;
  and_one_more.push_back("vlans=exact:vlan");
  EXPECT_EQ(specs(by_line({"-t", "default", "-t", "vlans=exact:vlan"})), and_one_more);
}

TEST(AnalyzerOptions, TakeFilesFromEitherDoor) {
  EXPECT_EQ(options({"b.pcap", "a.pcap", "b.pcap"}).files, (Strings{"b.pcap", "a.pcap", "b.pcap"}));
  const TempFile file("files: [x.pcap, y.pcap]\n");
  EXPECT_EQ(options({"--config=" + file.path()}).files, (Strings{"x.pcap", "y.pcap"}));
}

TEST(AnalyzerOptions, GiveTheEalWhatStandsBeforeADoubleDash) {
  const AnalyzerOptions o = options({"-l", "0,1", "--no-huge", "--", "-w", "2", "a.pcap", "b.pcap"});
  EXPECT_EQ(o.eal_args, (Strings{"-l", "0,1", "--no-huge"}));
  EXPECT_EQ(o.workers, 2u);
  EXPECT_EQ(o.files, (Strings{"a.pcap", "b.pcap"}));
}

TEST(AnalyzerOptions, OfTheCommandLineWinOverTheFile) {
  const TempFile file(
      "files: [x.pcap, y.pcap]\nworkers: 8\nperiod: 10s\ntop: 5\nformat: csv\noutput: out\nstore: files:d\n"
      "filter: tcp\nprogress: never\ntasks:\n  - {name: a, kind: exact, fields: [src_ip]}\n");
  // Also where the file comes last.
  const AnalyzerOptions o =
      options({"a.pcap", "-w1", "-p0s", "-n7", "-ftable", "-o-", "--store=", "--filter=", "--progress=auto",
               "-ta=exact:vlan", "-c", file.path()});
  EXPECT_EQ(o.files, (Strings{"a.pcap"}));
  EXPECT_EQ(o.workers, 1u);
  EXPECT_EQ(o.period_ns, 0u);
  EXPECT_EQ(o.rows(), 7u);
  EXPECT_EQ(o.format, Format::kTable);
  EXPECT_EQ(o.output, "-");
  EXPECT_EQ(o.store, "");
  EXPECT_EQ(o.filter, "");
  EXPECT_EQ(o.progress, ProgressMode::kAuto);
  EXPECT_EQ(specs(o), (Strings{"a=exact:vlan"}));
}

TEST(AnalyzerOptions, OfTheFileStayWhereTheCommandLineIsSilent) {
  const TempFile file("files: [x.pcap]\nworkers: 8\ntop: 5\n");
  const AnalyzerOptions o = options({"-c", file.path(), "-n", "6"});
  EXPECT_EQ(o.files, (Strings{"x.pcap"}));
  EXPECT_EQ(o.workers, 8u);
  EXPECT_EQ(o.rows(), 6u);
}

TEST(AnalyzerOptions, HelpAndVersionWinOverEverythingElse) {
  for (const Strings& arguments :
       {Strings{"--help"}, Strings{"-h"}, Strings{"--nonsense", "-w", "x", "--help"},
        Strings{"-c", "/none", "-h"}, Strings{"--version", "--help"}, Strings{"--help", "a.pcap"},
        Strings{"-l", "0", "--", "-h"}}) {
    const auto result = parse(arguments);
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(std::get<EarlyExit>(*result), EarlyExit::kHelp);
  }
  const auto result = parse({"-w", "--version", "--nonsense"});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(std::get<EarlyExit>(*result), EarlyExit::kVersion);
}

TEST(AnalyzerHelp, NamesEveryOptionAndFitsTheScreen) {
  const std::string help = analyzer_help();
  for (const char* option :
       {"-t, --task", "-p, --period", "--filter", "-f, --format", "-n, --top", "-o, --output", "--store",
        "--progress", "-c, --config", "-w, --workers", "-h, --help", "--version"}) {
    EXPECT_NE(help.find(option), std::string::npos) << option;
  }
  for (const char* field : kKeyFieldNames) EXPECT_NE(help.find(field), std::string::npos) << field;
  for (const char* kind : kTaskKindNames) EXPECT_NE(help.find(kind), std::string::npos) << kind;
  for (const char* option : kTaskOptionNames) EXPECT_NE(help.find(option), std::string::npos) << option;
  for (const TaskConfig& task : default_tasks()) {
    EXPECT_NE(help.find(task.name), std::string::npos) << task.name;
  }
  EXPECT_NE(help.find(task_text(default_task())), std::string::npos);
  for (size_t at = 0, end; (end = help.find('\n', at)) != std::string::npos; at = end + 1) {
    EXPECT_LE(end - at, 110u) << help.substr(at, end - at);
  }
  EXPECT_EQ(help.back(), '\n');
}

TEST(AnalyzerExample, Loads) {
  setenv("HOME", "/home/someone", 1);
  const AnalyzerOptions o = options({"-c", NS_EXAMPLE_YAML});
  EXPECT_EQ(o.files, (Strings{"captures/monday.pcap", "captures/tuesday.pcapng"}));
  EXPECT_EQ(specs(o),
            (Strings{"per_five_tuple=exact:src_ip,dst_ip,src_port,dst_port,protocol:capacity=1000000",
                     "talkers=exact:src_ip",
                     "top_dst=heavy_hitters:dst_ip:threshold=500ppm,by=bytes,memory=262144,seed=1234",
                     "scan=super_spreader:src_ip/dst_ip,dst_port:threshold=200,memory=1048576",
                     "hosts=cardinality:src_ip,vlan"}));
  EXPECT_EQ(o.period_ns, 10'000'000'000u);
  EXPECT_EQ(o.workers, 2u);
  EXPECT_EQ(o.filter, "ip or ip6");
  EXPECT_EQ(o.format, Format::kTable);
  EXPECT_EQ(o.top, 20u);
  EXPECT_EQ(o.output, "-");
  EXPECT_EQ(o.store, "files:/home/someone/netspectra");
  EXPECT_EQ(o.progress, ProgressMode::kAuto);
}

}  // namespace
}  // namespace netspectra

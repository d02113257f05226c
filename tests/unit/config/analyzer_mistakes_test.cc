// What pcap-analyzer says about options that are wrong: every message, word for word.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "config/analyzer_options.h"
#include "temp_file.h"

namespace netspectra {
namespace {

using Strings = std::vector<std::string>;

constexpr const char* kNoCapture =
    "no capture file is given (FILE... on the command line, or files: in the configuration)";
constexpr const char* kCount =
    "must be a whole number, with or without a unit (k, M, G, Ki, Mi, Gi; for example 250k)";
constexpr const char* kDuration =
    "must be a whole number and a unit (ns, us, ms, s, m, h, d; for example 10s)";
constexpr const char* kRootKeys =
    "known: files, tasks, workers, period, top, format, output, store, filter, progress)";
constexpr const char* kKinds = "known: exact, heavy_hitters, super_spreader, cardinality)";
constexpr const char* kTaskKeys =
    "known: name, kind, fields, elements, capacity, threshold, by, memory, seed)";
constexpr const char* kFields = "known: src_ip, dst_ip, src_port, dst_port, protocol, vlan)";

std::string mistakes(const Strings& arguments) {
  std::vector<const char*> argv = {"pcap-analyzer"};
  for (const std::string& a : arguments) argv.push_back(a.c_str());
  const auto result = parse_analyzer_options(static_cast<int>(argv.size()), argv.data());
  EXPECT_EQ(result.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(result.status().message());
}

std::string on_line(Strings arguments) {
  arguments.push_back("a.pcap");
  return mistakes(arguments);
}

// The path of the file is written as FILE.
std::string in_file(const std::string& yaml, Strings arguments = {}) {
  const TempFile file(yaml);
  arguments.insert(arguments.end(), {"-c", file.path()});
  std::string text = on_line(arguments);
  for (size_t at; (at = text.find(file.path())) != std::string::npos;)
    text.replace(at, file.path().size(), "FILE");
  return text;
}

// One wrong value of one setting, at both doors.
void expect_mistake(const std::string& setting, const std::string& value, const std::string& what) {
  EXPECT_EQ(on_line({"--" + setting, value}), "--" + setting + " " + value + ": " + what);
  EXPECT_EQ(in_file("# one\n" + setting + ": " + value + "\n"),
            "FILE:2: " + setting + ": \"" + value + "\" " + what);
}

TEST(AnalyzerMistakes, Workers) {
  for (const char* value : {"0", "17", "two", "1.5", "99999999999999999999"}) {
    expect_mistake("workers", value, "must be a whole number from 1 to 16");
  }
}

TEST(AnalyzerMistakes, Period) {
  expect_mistake("period", "10", "needs a unit (ns, us, ms, s, m, h, d; for example 10s)");
  expect_mistake("period", "10sec", kDuration);
  expect_mistake("period", "1.5s", kDuration);
  expect_mistake("period", "366d", "must be at most 365d");
  expect_mistake("period", "999999999d", "is too large (at most 213503d)");
}

TEST(AnalyzerMistakes, Top) {
  expect_mistake("top", "ten", kCount);
  expect_mistake("top", "18446744073709551616", "is too large (at most 18446744073709551615)");
  EXPECT_EQ(on_line({"--top=-1"}), std::string("--top -1: ") + kCount);
}

TEST(AnalyzerMistakes, Format) {
  expect_mistake("format", "xml", "is unknown (known: table, json, csv)");
  expect_mistake("format", "jsn", "is unknown (did you mean \"json\"? known: table, json, csv)");
}

TEST(AnalyzerMistakes, Output) {
  EXPECT_EQ(on_line({"--output="}), "--output \"\": must be a file, or - for standard output");
  EXPECT_EQ(in_file("output: ''\n"), "FILE:1: output: \"\" must be a file, or - for standard output");
}

TEST(AnalyzerMistakes, Progress) {
  expect_mistake("progress", "sometimes", "is unknown (known: auto, always, never)");
}

TEST(AnalyzerMistakes, Files) {
  EXPECT_EQ(mistakes({}), kNoCapture);
  EXPECT_EQ(mistakes({"-w", "2"}), kNoCapture);
  EXPECT_EQ(mistakes({"a.pcap", "--"}), kNoCapture);  // all of it is the EAL's
  EXPECT_EQ(mistakes({""}), "FILE \"\": must be the name of a capture file");
  const TempFile no_files("workers: 2\n");
  EXPECT_EQ(mistakes({"-c", no_files.path()}), kNoCapture);
  EXPECT_EQ(in_file("files: ['']\n"), "FILE:1: files[0]: \"\" must be the name of a capture file");
  EXPECT_EQ(in_file("files: a.pcap\n"), "FILE:1: files: must be a list, not a single value");
}

TEST(AnalyzerMistakes, AFileWithMistakesIsNotBlamedForCapturesToo) {
  const TempFile file("files: [${NS_TEST_UNSET}\n");
  EXPECT_EQ(mistakes({"-c", file.path()}).find(kNoCapture), std::string::npos);
}

TEST(AnalyzerMistakes, UnknownOptions) {
  EXPECT_EQ(on_line({"--perod=10s"}), "--perod: unknown option (did you mean --period? see --help)");
  EXPECT_EQ(on_line({"--per=10s"}), "--per: unknown option (see --help)");
  EXPECT_EQ(on_line({"-x"}), "-x: unknown option (see --help)");
}

TEST(AnalyzerMistakes, OptionsWithoutTheirValueAndOptionsTwice) {
  for (const char* option :
       {"task", "config", "workers", "period", "top", "format", "output", "store", "filter", "progress"}) {
    EXPECT_EQ(mistakes({"a.pcap", std::string("--") + option}),
              std::string("--") + option + ": needs a value");
  }
  EXPECT_EQ(on_line({"-w", "2", "--workers=3"}), "--workers 3: is given twice");
}

TEST(AnalyzerMistakes, TasksOnTheCommandLine) {
  EXPECT_EQ(
      on_line({"-t", "x"}),
      "--task x: is not a task (NAME=KIND:FIELD,FIELD[/ELEMENT,ELEMENT][:option=value,...], or default)");
  EXPECT_EQ(on_line({"-t", "a=exact:src_ip", "-t", "a=exact:dst_ip"}),
            "--task a=exact:dst_ip: name \"a\" is the name of another task too");
  EXPECT_EQ(on_line({"-t", "flows=exact:src_ip", "-t", "default"}),
            "--task default: name \"flows\" is the name of another task too");
  EXPECT_EQ(on_line({"-t", "s=cardinal:src_ip,ip"}),
            std::string("--task s=cardinal:src_ip,ip: kind \"cardinal\" is unknown (did you mean "
                        "\"cardinality\"? ") +
                kKinds + "\n--task s=cardinal:src_ip,ip: field \"ip\" is unknown (" + kFields);
  EXPECT_EQ(on_line({"-t", "a=exact:src_ip/dst_ip"}),
            "--task a=exact:src_ip/dst_ip: kind exact takes no elements (\"/dst_ip\")");
}

TEST(AnalyzerMistakes, TasksInAFile) {
  EXPECT_EQ(in_file("tasks: []\n"), "FILE:1: tasks: must not be an empty list");
  EXPECT_EQ(in_file("tasks:\n  a: b\n"), "FILE:1: tasks: must be a list, not a map");
  EXPECT_EQ(in_file("tasks: all\n"), "FILE:1: tasks: \"all\" must be a list of tasks, or default");
  EXPECT_EQ(in_file("tasks:\n  - default\n"), "FILE:2: tasks[0]: must be a map, not a single value");
  EXPECT_EQ(
      in_file("tasks:\n"
              "  - name: a b\n"
              "    kind: exakt\n"
              "    fields: [src_ip, ip, src_ip]\n"
              "    capacity: many\n"  // whether the kind has it is not known
              "  - fields: []\n"
              "  - {name: c, kind: exact, fields: src_ip, treshold: 3}\n"
              "  - {name: c, kind: exact, fields: [vlan], capacity: 0}\n"
              "  - {name: d, kind: exact, fields: [vlan], capacity: many, seed: 2}\n"),
      std::string("FILE:2: tasks[0].name: \"a b\" is not a task name (1 to 64 letters, digits, _ and -)\n"
                  "FILE:3: tasks[0].kind: \"exakt\" is unknown (did you mean \"exact\"? ") +
          kKinds +
          "\n"
          "FILE:4: tasks[0].fields[1]: \"ip\" is unknown (" +
          kFields +
          "\n"
          "FILE:4: tasks[0].fields[2]: \"src_ip\" is given twice\n"
          "FILE:6: tasks[1].fields: must not be an empty list\n"
          "FILE:6: tasks[1]: has no name\n"
          "FILE:6: tasks[1]: has no kind\n"
          "FILE:7: tasks[2].fields: must be a list, not a single value\n"
          "FILE:7: tasks[2].treshold: unknown key (did you mean \"threshold\"? " +
          kTaskKeys +
          "\n"
          "FILE:8: tasks[3].name: \"c\" is the name of another task too\n"
          "FILE:8: tasks[3].capacity: \"0\" must be from 1 to 1G\n"
          "FILE:9: tasks[4].capacity: \"many\" " +
          kCount +
          "\n"
          "FILE:9: tasks[4].seed: is not an option of exact (known: capacity)");
}

TEST(AnalyzerMistakes, EstimatorsInAFile) {
  EXPECT_EQ(in_file("tasks:\n"
                    "  - {name: a, kind: heavy_hitters, fields: [src_ip], elements: [dst_ip], capacity: 1M}\n"
                    "  - {name: b, kind: super_spreader, fields: [src_ip], threshold: 0}\n"
                    "  - name: c\n"
                    "    elements: [dst_ip, src_ip, ip, dst_ip]\n"  // before the kind and the fields
                    "    by: bytes\n"
                    "    memory: 1KiB\n"
                    "    kind: super_spreader\n"
                    "    fields: [src_ip]\n"
                    "  - {name: d, kind: super_spreader, fields: [src_ip], elements: []}\n"
                    "  - {name: e, kind: heavy_hitters, fields: [src_ip], seed: 1, seed: 2}\n"),
            std::string("FILE:2: tasks[0].elements: kind heavy_hitters takes none\n"
                        "FILE:2: tasks[0].capacity: is not an option of heavy_hitters "
                        "(known: threshold, by, memory, seed)\n"
                        "FILE:3: tasks[1].threshold: \"0\" must be at least 1\n"
                        "FILE:3: tasks[1]: has no elements\n"
                        "FILE:5: tasks[2].elements[1]: \"src_ip\" is a field of the same task\n"
                        "FILE:5: tasks[2].elements[2]: \"ip\" is unknown (") +
                kFields +
                "\n"
                "FILE:5: tasks[2].elements[3]: \"dst_ip\" is given twice\n"
                "FILE:6: tasks[2].by: is not an option of super_spreader (known: threshold, memory, seed)\n"
                "FILE:7: tasks[2].memory: \"1KiB\" must be a size from 4KiB to 1GiB "
                "(B, kB, MB, GB, KiB, MiB, GiB; for example 256KiB)\n"
                "FILE:10: tasks[3].elements: must not be an empty list\n"
                "FILE:11: tasks[4].seed: is given twice (first on line 11)");
}

TEST(AnalyzerMistakes, InAFileThatTheCommandLineOverridesAreStillTold) {
  EXPECT_EQ(in_file("workers: 0\n", {"-w", "2"}),
            "FILE:1: workers: \"0\" must be a whole number from 1 to 16");
}

TEST(AnalyzerMistakes, ComeAllAtOnceTheCommandLinesFirstThenTheFilesByLine) {
  unsetenv("NS_TEST_UNSET");
  EXPECT_EQ(
      in_file("# all wrong\n"
              "perod: 10s\n"
              "store: ${NS_TEST_UNSET}\n"
              "workers: 99\n"
              "workers: 2\n"
              "top:\n"
              "format: [json]\n",
              {"-n", "x", "--wrkers=2", "-p", "3"}),
      std::string("--wrkers: unknown option (did you mean --workers? see --help)\n"
                  "--top x: ") +
          kCount +
          "\n"
          "--period 3: needs a unit (ns, us, ms, s, m, h, d; for example 10s)\n"
          "FILE:2: perod: unknown key (did you mean \"period\"? " +
          kRootKeys +
          "\n"
          "FILE:3: store: \"${NS_TEST_UNSET}\" needs NS_TEST_UNSET, which the environment does not set\n"
          "FILE:4: workers: \"99\" must be a whole number from 1 to 16\n"
          "FILE:5: workers: is given twice (first on line 4)\n"
          "FILE:6: top: has no value (must be a single value)\n"
          "FILE:7: format: must be a single value, not a list");
}

TEST(AnalyzerMistakes, AConfigurationThatCannotBeReadIsOneLine) {
  EXPECT_EQ(mistakes({"-c", "/does/not/exist.yaml"}),
            "/does/not/exist.yaml: cannot be read (No such file or directory)");
  EXPECT_EQ(mistakes({"-c", "/"}), "/: cannot be read (Is a directory)");
  EXPECT_EQ(in_file("period: 10s\ntop: b: c\n"), "FILE:2: is not valid YAML (illegal map value)");
}

}  // namespace
}  // namespace netspectra

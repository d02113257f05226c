// pcap-analyzer's options: command line over configuration file over defaults, typed and checked.
//
// Shapes: docs/configuration.md; docs/pcap-analyzer.yaml is an annotated example.
// Errors: parse_analyzer_options() gathers every mistake and returns them all in one InvalidArgument status,
//   one line each: those of the command line ("--option VALUE: ..."), then those of the file
//   ("FILE:LINE: key: ...") in the order of its lines. Captures, store and filter are not opened here.
// Threads: set-up only; reads the environment.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "output/format.h"
#include "task/task_config.h"

namespace netspectra {

enum class ProgressMode : uint8_t { kAuto, kAlways, kNever };

struct AnalyzerOptions {
  std::vector<std::string> eal_args;  // what stood before `--`, untouched; empty = derive
  std::vector<std::string> files;
  std::vector<TaskConfig> tasks;  // never empty
  unsigned workers = 1;           // 1 .. 16
  uint64_t period_ns = 0;         // 0 = the whole capture is one epoch
  std::optional<uint64_t> top;    // not given: 10 for tables, all for JSON and CSV
  Format format = Format::kTable;
  std::string output = "-";
  std::string store;   // "" = none, else a store URL
  std::string filter;  // "" = none, else a pcap-filter expression
  ProgressMode progress = ProgressMode::kAuto;

  uint64_t rows() const { return top.value_or(format == Format::kTable ? 10 : 0); }
};

enum class EarlyExit : uint8_t { kHelp, kVersion };

// --help and --version win over everything else.
absl::StatusOr<std::variant<AnalyzerOptions, EarlyExit>> parse_analyzer_options(int argc,
                                                                                const char* const* argv);
std::string analyzer_help();  // what --help prints

}  // namespace netspectra

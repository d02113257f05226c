// ns-probe's options: command line over configuration file over defaults, typed and checked.
//
// Shapes: docs/configuration.md; docs/ns-probe.yaml is an annotated example.
// Errors: parse_probe_options() gathers every mistake and returns them all in one InvalidArgument status, one line
//   each: those of the command line ("--option VALUE: ..."), then those of the file ("FILE:LINE: key: ...") in the
//   order of its lines. Nothing is opened here.
// Threads: set-up only; reads the environment.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "bus/nats_config.h"
#include "config/analyzer_options.h"
#include "output/format.h"
#include "task/task_config.h"

namespace netspectra {

enum class ProbeMode : uint8_t { kProbe, kSubscribe };
enum class ProbeSink : uint8_t { kNats, kLocal };

struct PortOptions {
  std::string spec;  // PCI address, kernel interface, "pcap:FILE", "vdev:DEVARGS"
  unsigned queues = 1;
  std::string kernel_driver = "af_packet";  // or "af_xdp"
  // Over the driver's preset; checked by whoever knows the presets.
  std::map<std::string, std::string> driver_settings;
};

struct ProbeOptions {
  std::vector<std::string> eal_args;  // what stood before `--`, untouched; empty = derive
  ProbeMode mode = ProbeMode::kProbe;
  bool check = false;       // --check: examine the machine, start nothing
  bool share_cpus = false;  // --share-cpus: poll also where another poller does
  std::string config_file;  // "" = none; read again on SIGHUP
  // Tokens of the NATS subject. kSubscribe: whose snapshots to show, "*" (anybody's) where not given.
  std::string site;      // default: "default"
  std::string probe_id;  // default: the host's name, made into a token
  uint64_t period_ns = 10'000'000'000;
  std::vector<PortOptions> ports;  // at least one, unless mode is kSubscribe or only `check` is asked for
  std::vector<TaskConfig> tasks;   // never empty; default_tasks() where none is given
  ProbeSink sink = ProbeSink::kNats;
  NatsConfig nats;
  uint64_t duration_ns = 0;  // 0 = until a signal
  std::string metrics;       // "" = none, else ADDR:PORT on loopback
  // --sink local: as pcap-analyzer's.
  std::optional<uint64_t> top;
  Format format = Format::kTable;
  std::string output = "-";
  std::string store;
  // --mode sub
  bool from_start = false;

  uint64_t rows() const { return top.value_or(format == Format::kTable ? 10 : 0); }
};

absl::StatusOr<std::variant<ProbeOptions, EarlyExit>> parse_probe_options(int argc, const char* const* argv);
std::string probe_help();  // what --help prints

}  // namespace netspectra

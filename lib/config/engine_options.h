// ns-engine's options: command line over configuration file over defaults, typed and checked.
//
// Shapes: docs/engine.md; docs/ns-engine.yaml is an annotated example.
// Errors: parse_engine_options() gathers every mistake and returns them all in one InvalidArgument status, one line
//   each: those of the command line ("--option VALUE: ..."), then those of the file ("FILE:LINE: key: ...") in the
//   order of its lines. Nothing is opened here: the store's URL is judged by whoever opens it.
// Threads: set-up only; reads the environment.
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "absl/status/statusor.h"
#include "alert/alert_config.h"
#include "bus/nats_config.h"
#include "config/analyzer_options.h"
#include "config/http_options.h"

namespace netspectra {

struct EngineOptions {
  // Whose snapshots: tokens of the NATS subject, "*" = anybody's.
  std::string site = "*";
  std::string probe_id = "*";
  NatsConfig nats;
  std::string consumer;  // the durable consumer's name; default: made of site and probe_id
  std::string store;     // never empty
  HttpOptions http;
  AlertConfig alerts;  // without rules: none
  uint64_t grace_ns = 30'000'000'000;
  uint64_t memory_limit_bytes = 512 << 20;
  uint64_t duration_ns = 0;  // 0 = until a signal

  std::string subject() const { return "netspectra.v1." + site + "." + probe_id + ".snapshot.>"; }
};

absl::StatusOr<std::variant<EngineOptions, EarlyExit>> parse_engine_options(int argc,
                                                                            const char* const* argv);
std::string engine_help();  // what --help prints

}  // namespace netspectra

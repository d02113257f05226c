// ns-engine: takes the snapshots of probes from NATS, merges them and stores them.
#include <cstdio>
#include <string>
#include <variant>

#include "common/report.h"
#include "common/signals.h"
#include "config/engine_options.h"
#include "engine.h"

int main(int argc, char** argv) {
  using namespace netspectra;
  occupy_standard_descriptors();
  auto parsed = parse_engine_options(argc, argv);
  if (!parsed.ok()) {
    report_error(std::string(parsed.status().message()));
    return kExitUsage;
  }
  if (const auto* early = std::get_if<EarlyExit>(&*parsed)) {
    std::fputs(*early == EarlyExit::kHelp ? engine_help().c_str() : "ns-engine " NETSPECTRA_VERSION "\n",
               stdout);
    return std::fflush(stdout) == 0 ? kExitDone : kExitFailed;
  }
  return run_engine(std::get<EngineOptions>(*parsed));
}

// ns-probe: measures the packets of NICs, and publishes a snapshot of them each period.
#include <cstdio>
#include <string>
#include <variant>

#include "check.h"
#include "common/report.h"
#include "common/signals.h"
#include "config/probe_options.h"
#include "probe.h"
#include "subscribe.h"

int main(int argc, char** argv) {
  using namespace netspectra;
  occupy_standard_descriptors();
  auto parsed = parse_probe_options(argc, argv);
  if (!parsed.ok()) {
    report_error(std::string(parsed.status().message()));
    return kExitUsage;
  }
  if (const auto* early = std::get_if<EarlyExit>(&*parsed)) {
    std::fputs(*early == EarlyExit::kHelp ? probe_help().c_str() : "ns-probe " NETSPECTRA_VERSION "\n",
               stdout);
    return std::fflush(stdout) == 0 ? kExitDone : kExitFailed;
  }
  const ProbeOptions& options = std::get<ProbeOptions>(*parsed);
  if (options.check) return check_machine(options);
  if (options.mode == ProbeMode::kSubscribe) return subscribe(options);
  return run_probe(options, argc, argv);
}

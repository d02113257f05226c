// pcap-analyzer: per-flow measurements of capture files, through the pipeline that polls NICs.
#include <cstdio>
#include <string>
#include <variant>

#include "analysis.h"
#include "common/report.h"
#include "common/signals.h"
#include "config/analyzer_options.h"

int main(int argc, char** argv) {
  using namespace netspectra;
  occupy_standard_descriptors();
  auto parsed = parse_analyzer_options(argc, argv);
  if (!parsed.ok()) {
    report_error(std::string(parsed.status().message()));
    return kExitUsage;
  }
  if (const auto* early = std::get_if<EarlyExit>(&*parsed)) {
    std::fputs(
        *early == EarlyExit::kHelp ? analyzer_help().c_str() : "pcap-analyzer " NETSPECTRA_VERSION "\n",
        stdout);
    return std::fflush(stdout) == 0 ? kExitDone : kExitFailed;
  }
  return analyze(std::get<AnalyzerOptions>(*parsed));
}

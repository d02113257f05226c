// ns-query: asks ns-engine what was measured.
#include <cstdio>
#include <string>
#include <variant>

#include "common/report.h"
#include "common/signals.h"
#include "options.h"
#include "query.h"

int main(int argc, char** argv) {
  using namespace netspectra;
  occupy_standard_descriptors();
  auto parsed = parse_query_options(argc, argv);
  if (!parsed.ok()) {
    report_error(std::string(parsed.status().message()));
    return kExitUsage;
  }
  if (const auto* early = std::get_if<QueryEarlyExit>(&*parsed)) {
    std::fputs(*early == QueryEarlyExit::kHelp ? query_help().c_str() : "ns-query " NETSPECTRA_VERSION "\n",
               stdout);
    return std::fflush(stdout) == 0 ? kExitDone : kExitFailed;
  }
  return run_query(std::get<QueryOptions>(*parsed));
}

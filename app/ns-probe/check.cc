#include "check.h"

#include <cstdio>
#include <string>

#include "bus/nats_check.h"
#include "common/report.h"
#include "doctor/doctor.h"
#include "ports.h"

namespace netspectra {
namespace {

// What nobody can mend from here, such as a refused login, names its cause itself.
Finding examine_nats(const NatsConfig& config) {
  const absl::StatusOr<NatsCheck> check = check_nats(config);
  if (check.ok() && check->has_jetstream) return {Finding::Level::kGood, "NATS", check->said, ""};
  if (check.ok()) return {Finding::Level::kWarning, "NATS", check->said, "nats-server -js -sd /var/lib/nats"};
  std::string reason(check.status().message());
  if (reason.starts_with("NATS")) reason.erase(0, reason.find_first_not_of(": ", 4));
  if (!absl::IsUnavailable(check.status())) return {Finding::Level::kFault, "NATS", reason, ""};
  return {Finding::Level::kWarning, "NATS", reason + "; what is measured waits until it can",
          "nats-server -js -sd /var/lib/nats"};
}

}  // namespace

int check_machine(const ProbeOptions& options) {
  DoctorConfig config;
  for (const PortOptions& port : options.ports) config.ports.push_back({port.spec, port.queues});
  config.memory_mib = memory_mib(options);
  config.spool_dir = options.nats.spool.dir;
  config.spool_limit_bytes = options.nats.spool.limit_bytes;
  std::vector<Finding> findings = examine(config);
  if (options.sink == ProbeSink::kNats) findings.push_back(examine_nats(options.nats));
  std::fputs(findings_text(findings).c_str(), stdout);
  if (std::fflush(stdout) != 0) return kExitFailed;
  for (const Finding& finding : findings) {
    if (finding.level == Finding::Level::kFault) return kExitFailed;
  }
  return kExitDone;
}

}  // namespace netspectra

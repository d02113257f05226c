#include "check.h"

#include <cstdio>
#include <string>
#include <vector>

#include "bus/nats_check.h"
#include "common/report.h"
#include "doctor/doctor.h"
#include "ethdev/driver_preset.h"
#include "ethdev/port.h"
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

// What the presets know of each driver's RSS; the source that stands in brackets at a trap's end is left out.
std::vector<DoctorDriver> nic_drivers() {
  const std::string about_rss = "RSS: ";
  std::vector<DoctorDriver> drivers;
  for (const DriverPreset& preset : driver_presets()) {
    if (preset.bind == "none" || preset.driver.empty()) continue;
    DoctorDriver& driver = drivers.emplace_back();
    driver.name = preset.driver;
    for (const std::string& trap : preset.traps) {
      if (!trap.starts_with(about_rss)) continue;
      driver.rss_traps.push_back(trap.substr(about_rss.size(), trap.rfind(" [") - about_rss.size()));
    }
  }
  return drivers;
}

}  // namespace

int check_machine(const ProbeOptions& options) {
  if (absl::Status checked = check_driver_settings(options); !checked.ok()) {
    report_error(std::string(checked.message()));
    return kExitUsage;
  }
  DoctorConfig config;
  for (const PortOptions& port : options.ports) {
    const auto rss = port.driver_settings.find("rss");
    const bool is_off = rss != port.driver_settings.end() && rss->second == "false";
    config.ports.push_back({port.spec, port.queues, port.kernel_driver, !is_off});
  }
  config.drivers = nic_drivers();
  config.memory_mib = memory_mib(options);
  config.kernel_locked_bytes =
      replays_captures(options) ? 0 : Port::kernel_locked_bytes(port_configs(options));
  config.publishes = options.sink == ProbeSink::kNats;
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

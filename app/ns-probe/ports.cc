#include "ports.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "ethdev/mbuf_pool.h"
#include "worker/capture_manager.h"

namespace netspectra {
namespace {

constexpr const char* kCapture = "pcap:";

}  // namespace

bool replays_captures(const ProbeOptions& options) {
  return !options.ports.empty() && absl::StartsWith(options.ports.front().spec, kCapture);
}

std::vector<std::string> capture_files(const ProbeOptions& options) {
  std::vector<std::string> files;
  for (const PortOptions& port : options.ports)
    files.push_back(port.spec.substr(std::string(kCapture).size()));
  return files;
}

std::vector<PortConfig> port_configs(const ProbeOptions& options) {
  std::vector<PortConfig> configs;
  for (const PortOptions& port : options.ports) {
    configs.push_back({port.spec, port.queues, port.kernel_driver, port.driver_settings});
  }
  return configs;
}

absl::Status check_driver_settings(const ProbeOptions& options) {
  std::string mistakes;
  for (const PortOptions& port : options.ports) {
    for (const auto& [key, value] : port.driver_settings) {
      const absl::Status checked = check_preset_override(key, value);
      if (checked.ok()) continue;
      absl::StrAppend(&mistakes, mistakes.empty() ? "" : "\n", "port ", port.spec, ": driver_settings: ", key,
                      ": ", value, ": ", checked.message());
    }
  }
  return mistakes.empty() ? absl::OkStatus() : absl::InvalidArgumentError(mistakes);
}

unsigned workers(const ProbeOptions& options) {
  unsigned count = 0;
  for (const PortOptions& port : options.ports) count += port.queues;
  return count;
}

unsigned memory_mib(const ProbeOptions& options) {
  if (replays_captures(options)) {
    return CaptureManager::eal_needs(workers(options), options.ports.size()).memory_mib;
  }
  uint64_t mbufs = 0;
  for (const PortConfig& config : port_configs(options)) mbufs += Port::mbufs(config);
  return static_cast<unsigned>(64 + 4 * workers(options) + (mbufs * kMbufBytes >> 20));
}

}  // namespace netspectra

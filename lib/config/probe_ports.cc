#include "config/probe_ports.h"

#include <net/if.h>

#include <algorithm>
#include <array>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "config/values.h"
#include "config/words.h"

namespace netspectra {
namespace {

constexpr unsigned kMaxQueues = 64;
constexpr unsigned kMaxCaptureQueues = 16;  // software RSS feeds them by a net_ring port
constexpr std::array<const char*, 2> kKernelDrivers = {"af_packet", "af_xdp"};
constexpr const char* kCapture = "pcap:";
constexpr const char* kVirtual = "vdev:";

bool all_hex(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) { return absl::ascii_isxdigit(c); });
}

// DDDD:BB:DD.F; domains behind a VMD controller have more digits.
bool is_pci_address(const std::string& spec) {
  const size_t bus = spec.find(':');
  return bus != std::string::npos && bus >= 4 && bus <= 8 && spec.size() == bus + 8 && spec[bus + 3] == ':' &&
         spec[bus + 6] == '.' && all_hex(spec.substr(0, bus)) && all_hex(spec.substr(bus + 1, 2)) &&
         all_hex(spec.substr(bus + 4, 2)) && spec[bus + 7] >= '0' && spec[bus + 7] <= '7';
}

// As the kernel's dev_valid_name().
bool is_interface_name(const std::string& spec) {
  return !spec.empty() && spec.size() < IFNAMSIZ && spec != "." && spec != ".." &&
         std::none_of(spec.begin(), spec.end(),
                      [](unsigned char c) { return c == '/' || c == ':' || absl::ascii_isspace(c); });
}

bool is_capture(const std::string& spec) { return spec.starts_with(kCapture); }

bool is_spec(const std::string& spec) {
  for (const std::string prefix : {kCapture, kVirtual}) {
    if (spec.starts_with(prefix)) return spec.size() > prefix.size();
  }
  return is_pci_address(spec) || is_interface_name(spec);
}

// The port that is read last, if its spec is right.
void read_port(const ConfigNode& node, std::vector<PortOptions>& ports) {
  PortOptions port;
  bool known = false;
  const auto set_spec = [&](const std::string& text) {
    const absl::Status status = add_port(text, ports);
    known = status.ok();
    return status;
  };
  const auto set_kernel_driver = [&](const std::string& text) {
    const absl::StatusOr<size_t> index = find_word(text, kKernelDrivers);
    if (index.ok()) port.kernel_driver = kKernelDrivers[*index];
    return index.status();
  };
  std::vector<ConfigNode> kernel_driver;
  node.read_map({
      {"spec", [&](const ConfigNode& value) { value.read_text(set_spec); }, true},
      {"queues",
       [&](const ConfigNode& value) {
         value.read_text([&](const std::string& text) { return set_queues(text, port.queues); });
       }},
      {"kernel_driver",
       [&](const ConfigNode& value) {
         kernel_driver.push_back(value);
         value.read_text(set_kernel_driver);
       }},
      {"driver_settings",
       [&](const ConfigNode& map) {
         map.read_entries([&](const std::string& name, const ConfigNode& value) {
           value.read_text([&](const std::string& text) {
             port.driver_settings[name] = text;
             return absl::OkStatus();
           });
         });
       }},
  });
  if (!known) return;
  port.spec = ports.back().spec;
  for (const ConfigNode& value : kernel_driver) {
    if (!is_interface_name(port.spec)) value.mistake("is for kernel interfaces only");
  }
  ports.back() = std::move(port);
}

}  // namespace

absl::Status set_queues(const std::string& text, unsigned& queues) {
  return set_whole_number(text, 1, kMaxQueues, queues);
}

absl::Status add_port(const std::string& text, std::vector<PortOptions>& ports) {
  if (!is_spec(text)) {
    return must("a PCI address (0000:3b:00.0), the name of a kernel interface, pcap:FILE or vdev:DEVARGS");
  }
  PortOptions port;
  // As sysfs writes it, so that one port is not taken for two.
  port.spec = is_pci_address(text) ? absl::AsciiStrToLower(text) : text;
  for (const PortOptions& other : ports) {
    if (other.spec == port.spec) return absl::InvalidArgumentError("is given twice");
    if (is_capture(other.spec) != is_capture(port.spec)) {
      return absl::InvalidArgumentError(
          absl::StrCat("cannot stand beside ", other.spec,
                       ": captures have a clock of their own, live ports the machine's"));
    }
  }
  ports.push_back(std::move(port));
  return absl::OkStatus();
}

void read_ports(const ConfigNode& node, std::vector<PortOptions>& ports) {
  node.read_list([&](const ConfigNode& item) { read_port(item, ports); });
}

std::vector<std::string> check_ports(const std::vector<PortOptions>& ports) {
  std::vector<std::string> mistakes;
  for (const PortOptions& port : ports) {
    if (is_capture(port.spec) && port.queues > kMaxCaptureQueues) {
      mistakes.push_back(absl::StrCat("port ", port.spec, ": a capture has at most ", kMaxCaptureQueues,
                                      " queues (", port.queues, " are asked for)"));
    }
  }
  return mistakes;
}

}  // namespace netspectra

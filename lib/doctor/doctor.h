// `ns-probe --check`: what on this machine stands in the way of line rate, and the command that mends it.
//
// Purpose: looks, and touches nothing. Each finding names what was found, what it costs, and how to mend it.
// Threads: one thread, once; reads /proc and /sys under `root`, and asks its `ip` for routes.
// Errors: none: what cannot be read is a finding.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace netspectra {

struct Finding {
  enum class Level : uint8_t { kGood, kWarning, kFault };
  Level level;
  std::string subject;  // "hugepages", "memlock", "driver of 0000:3b:00.0", ...
  std::string text;     // what is the case, and what that costs
  std::string mend;     // a command, or ""
};

struct DoctorPort {
  std::string spec;  // as ns-probe's --port
  unsigned queues = 1;
  std::string kernel_driver = "af_packet";  // of a kernel interface; or "af_xdp"
  bool rss = true;                          // false: the port's own settings switch the NIC's spread off
};

// A driver of DPDK that there is a preset for.
struct DoctorDriver {
  std::string name;  // "net_ixgbe"
  std::vector<std::string>
      rss_traps;  // what may keep it from spreading, or both directions of a flow from one queue
};

struct DoctorConfig {
  std::vector<DoctorPort> ports;
  std::vector<DoctorDriver> drivers;
  uint64_t memory_mib = 0;           // that the probe will take, by node as far as its ports are known
  uint64_t kernel_locked_bytes = 0;  // that must be allowed to be locked for its kernel interfaces
  bool publishes = true;             // false: nothing is kept for NATS, so no spool is needed
  std::string spool_dir;             // "" = none
  uint64_t spool_limit_bytes = 0;
  std::string root;  // "" = this machine; else a folder that stands for its root (tests)
};

// In the order: hugepages, memlock, permissions, IOMMU and vfio, then each port (there, driver, binding, NUMA, queues,
// spread), cores (how many, isolation, sibling threads, governor), disk for the spool, clock.
std::vector<Finding> examine(const DoctorConfig& config);

// One line each: "ok    hugepages: 512 of 2 MiB free on node 0", "FAULT memlock: ...", with "      mend: COMMAND" below.
std::string findings_text(const std::vector<Finding>& findings);

}  // namespace netspectra

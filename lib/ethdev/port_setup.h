// Configures an attached DPDK port: queues, descriptors, MTU, RSS, timestamps, by its driver's preset and as far as the
// device goes along.
//
// Purpose: what the device cannot do becomes a warning with its cost, where measuring can go on; else an error.
// Threads: set-up, one thread. Ownership: borrows port and pool. Errors: name the step and the driver's answer.
// Source: DPDK 22.11 rte_ethdev.h; programmer's guide, "Poll Mode Driver", "Generic Packet Interface".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ethdev/driver_preset.h"
#include "ethdev/mbuf_pool.h"

namespace netspectra {

struct PortSetup {
  // Given
  uint16_t port = 0;
  std::string spec;
  std::string driver;
  DriverPreset preset;
  uint32_t frame_bytes = 0;  // an mbuf must hold that many in one piece; 0 = frames may be chained
  // Found
  uint16_t queues = 1;
  uint16_t descriptors = 0;
  int numa_node = -1;
  bool nic_rss = false;       // the NIC spreads
  bool symmetric = false;     // ... by the symmetric key
  bool hashes_ports = false;  // ... over TCP and UDP ports
  std::string rss;            // in words
  bool timestamps = false;    // packets carry the device's time
  int timestamp_offset = -1;  // dynamic mbuf field, flag
  uint64_t timestamp_flag = 0;
  std::vector<std::string> warnings;
};

// Decides on queues and descriptors, by what the device takes.
absl::Status size_port(unsigned queues, PortSetup& setup);
// mbufs that the port and its pollers hold at most.
unsigned mbufs_of(unsigned queues, unsigned descriptors);
// REQUIRES: sized; stopped. Also after a device reset.
absl::Status configure_port(rte_mempool& pool, PortSetup& setup);
// REQUIRES: started. What the device says about its spread now.
void verify_rss(PortSetup& setup);
// False where the driver does not let its clock be read.
bool read_device_clock(uint16_t port, uint64_t& ticks);
// The redirection table; empty where the device does not tell.
std::vector<uint16_t> redirection_table(uint16_t port);
absl::Status set_redirection_table(uint16_t port, const std::vector<uint16_t>& table);

}  // namespace netspectra

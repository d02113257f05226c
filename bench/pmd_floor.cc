// The floor under pcap-analyzer: DPDK's net_pcap, receive and free, nothing else.
//
//   pmd-floor FILE     prints packets, seconds between the first and the last poll, and packets/s
//
// Same EAL, same burst, same kind of pool as pcap-analyzer; what it costs beyond this is ours.
#include <rte_bus_vdev.h>
#include <rte_ethdev.h>
#include <rte_launch.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>

#include "ethdev/eal.h"
#include "ethdev/mbuf_pool.h"

namespace {

uint64_t packets = 0;
double seconds = 0;

int receive_and_free(void*) {
  const auto start = std::chrono::steady_clock::now();
  rte_mbuf* mbufs[netspectra::kBurst];
  // At the end of the file net_pcap returns empty bursts for ever.
  while (const uint16_t n = rte_eth_rx_burst(0, 0, mbufs, netspectra::kBurst)) {
    rte_pktmbuf_free_bulk(mbufs, n);
    packets += n;
  }
  seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "pmd-floor FILE\n");
    return 2;
  }
  const auto eal = netspectra::start_eal({});
  if (!eal.ok()) {
    std::fprintf(stderr, "pmd-floor: %s\n", std::string(eal.status().message()).c_str());
    return 1;
  }
  const auto pool = netspectra::make_mbuf_pool("floor", netspectra::kMbufsForOneBurst);
  rte_eth_conf conf = {};
  if (!pool.ok() || rte_vdev_init("net_pcap0", ("rx_pcap=" + std::string(argv[1])).c_str()) != 0 ||
      rte_eth_dev_configure(0, 1, 0, &conf) != 0 ||
      rte_eth_rx_queue_setup(0, 0, 0, SOCKET_ID_ANY, nullptr, pool->get()) != 0 ||
      rte_eth_dev_start(0) != 0) {
    std::fprintf(stderr, "pmd-floor: %s: net_pcap cannot open it\n", argv[1]);
    return 1;
  }
  rte_eal_remote_launch(receive_and_free, nullptr, eal->polling_lcores[0]);
  // Not rte_eal_mp_wait_lcore() at once: it spins, and would count as CPU time.
  while (rte_eal_get_lcore_state(eal->polling_lcores[0]) == RUNNING) usleep(500);
  rte_eal_mp_wait_lcore();
  std::printf("%lu packets in %.6f s, %.2f M packets/s\n", packets, seconds,
              static_cast<double>(packets) / seconds / 1e6);
  return 0;
}

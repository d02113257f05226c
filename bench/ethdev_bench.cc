// ethdev/*: the pipeline on DPDK's own software ports, with an mbuf from a pool for each packet.
//
//   net_null            mbufs that stand filled in the pool; few of them go round, all in cache
//   net_pcap_infinite   a small capture, which the driver copies into a new mbuf for each packet
#include <rte_bus_vdev.h>
#include <rte_ethdev.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bit>
#include <cstdio>

#include "harness.h"
#include "pipeline_rig.h"

namespace netspectra::bench {
namespace {

constexpr unsigned kFlows = 4096;

struct PortRig {
  // Mbufs beyond those that hold a flow each: for bursts, and for what the cache holds back.
  explicit PortRig(const std::string& name)
      : pool(make_mbuf_pool(name, 2 * kFlows + kMbufsCached).value()), worker(everything(kFlows)) {}
  ~PortRig() {
    if (!wrong.empty()) return;
    rte_eth_dev_stop(port);
    rte_eth_dev_close(port);
  }
  void attach(const std::string& device, const std::string& args) {
    rte_eth_conf conf = {};
    int code = rte_vdev_init(device.c_str(), args.c_str());
    if (code == 0) code = rte_eth_dev_get_port_by_name(device.c_str(), &port);
    if (code == 0) code = rte_eth_dev_configure(port, 1, 0, &conf);
    if (code == 0) code = rte_eth_rx_queue_setup(port, 0, 0, SOCKET_ID_ANY, nullptr, pool.get());
    if (code == 0) code = rte_eth_dev_start(port);
    if (code != 0) wrong = device + ": cannot be started";
  }
  // The flows that its packets belong to are known; then, those that are expected.
  void check(size_t flows) {
    PortQueue queue(port);
    const uint64_t packets = worker.run(queue, 16 * kFlows);
    const EpochPart part = worker.drain();
    if (part.ledger.ip_packets != packets) wrong = "packets were refused";
    const size_t found = part.measured[0].records.size();
    if (found == 0 || found > flows) wrong = "flows that were not sent";
  }

  MbufPool pool;
  PipelineRig worker;
  uint16_t port = 0;
  std::string wrong;
};

std::unique_ptr<PortRig> null_rig() {
  auto rig = std::make_unique<PortRig>("bench_null");
  // The driver sets lengths only; it finds the frames where its last user left them.
  rte_mempool_obj_iter(
      rig->pool.get(),
      [](rte_mempool*, void* flows, void* object, unsigned i) {
        auto* const mbuf = static_cast<rte_mbuf*>(object);
        uint8_t* const frame = static_cast<uint8_t*>(mbuf->buf_addr) + RTE_PKTMBUF_HEADROOM;
        write_frame({}, frame);
        patch_ipv4_frame(static_cast<const uint64_t*>(flows)[i % kFlows], frame + kEthernetBytes);
      },
      const_cast<uint64_t*>(flow_stream({k1m}).flows().data()));
  rig->attach("net_null0", "size=" + std::to_string(kFrameBytes));
  if (rig->wrong.empty()) rig->check(kFlows);
  return rig;
}

// The open capture.
int write_capture() {
  const int fd = memfd_create("bench.pcap", MFD_CLOEXEC);
  std::FILE* const out = fdopen(dup(fd), "wb");
  const uint32_t header[6] = {0xa1b23c4d, 2 | 4 << 16, 0, 0, 262144, 1};  // nanoseconds, Ethernet
  std::fwrite(header, sizeof(header), 1, out);
  const FlowStream each({kFlows, Draw::kEachOnce});
  for (uint64_t flow : each.flows()) {
    uint8_t frame[128];
    const uint32_t length = write_frame({}, frame);
    patch_ipv4_frame(flow, frame + kEthernetBytes);
    const uint32_t record[4] = {1'700'000'000, 0, length, length};
    std::fwrite(record, sizeof(record), 1, out);
    std::fwrite(frame, length, 1, out);
  }
  std::fclose(out);
  return fd;
}

std::unique_ptr<PortRig> pcap_rig() {
  auto rig = std::make_unique<PortRig>("bench_pcap");
  const int fd = write_capture();
  rig->attach("net_pcap0", "rx_pcap=/proc/self/fd/" + std::to_string(fd) + ",infinite_rx=1");
  close(fd);
  if (rig->wrong.empty()) rig->check(kFlows);
  return rig;
}

void poll(benchmark::State& state, const std::string& name, std::unique_ptr<PortRig> (*make)()) {
  PortRig& rig = kept<PortRig>(name, make);
  if (!rig.wrong.empty()) return fail(state, rig.wrong);
  const unsigned free_mbufs = rte_mempool_avail_count(rig.pool.get());
  PortQueue queue(rig.port);
  uint64_t packets = 0;
  for (auto _ : state) packets += rig.worker.run(queue, kPacketsPerIteration);
  if (!rig.worker.handover.active().ledger.balanced()) return fail(state, "the ledger does not balance");
  if (rte_mempool_avail_count(rig.pool.get()) != free_mbufs) return fail(state, "mbufs have leaked");
  report(state, packets);
}

}  // namespace

void register_ethdev_benchmarks() {
  benchmark::RegisterBenchmark("ethdev/net_null",
                               [](benchmark::State& state) { poll(state, "null", null_rig); });
  benchmark::RegisterBenchmark("ethdev/net_pcap_infinite",
                               [](benchmark::State& state) { poll(state, "pcap", pcap_rig); });
}

}  // namespace netspectra::bench

#include "ethdev/port_setup.h"

#include <rte_ethdev.h>
#include <rte_mbuf_dyn.h>

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "ethdev/dpdk_log.h"

namespace netspectra {
namespace {

constexpr uint64_t kTcpHashes = RTE_ETH_RSS_TCP, kUdpHashes = RTE_ETH_RSS_UDP, kIpHashes = RTE_ETH_RSS_IP;
constexpr uint64_t kWantedHashes = kIpHashes | kTcpHashes | kUdpHashes | RTE_ETH_RSS_SCTP;
constexpr size_t kUsualKeyBytes = 40;

absl::Status refused(const PortSetup& setup, const std::string& what, int code, const std::string& said) {
  return absl::InternalError(absl::StrCat("port ", setup.spec, ": ", setup.driver, " cannot ", what, ": ",
                                          said.empty() ? strerror(-code) : said));
}

std::vector<uint8_t> symmetric_key(size_t bytes) {
  std::vector<uint8_t> key(bytes == 0 ? kUsualKeyBytes : bytes);
  for (size_t i = 0; i < key.size(); ++i) key[i] = i % 2 == 0 ? 0x6d : 0x5a;
  return key;
}

std::string hash_words(uint64_t hashes) {
  std::vector<std::string> words;
  if ((hashes & kIpHashes) != 0) words.emplace_back("ip");
  if ((hashes & kTcpHashes) != 0) words.emplace_back("tcp");
  if ((hashes & kUdpHashes) != 0) words.emplace_back("udp");
  if ((hashes & RTE_ETH_RSS_SCTP) != 0) words.emplace_back("sctp");
  return absl::StrJoin(words, ",");
}

// Who spreads, when the NIC does not.
void describe_other_spread(PortSetup& setup) {
  setup.nic_rss = setup.symmetric = false;
  if (setup.queues == 1) {
    setup.rss = "one queue";
  } else if (setup.driver == "net_af_packet") {
    setup.rss = "kernel fanout, symmetric hash of the flow";
  } else if (setup.driver == "net_af_xdp") {
    setup.rss = "the interface's own spread over its queues";
    setup.warnings.push_back(
        absl::StrCat("the interface's own RSS may send the two directions of a flow to different queues: set "
                     "the symmetric key with "
                     "\"ethtool -X ",
                     setup.spec, " hkey 6d:5a:6d:5a:...\""));
  } else {
    setup.rss = "none";
    setup.warnings.push_back(absl::StrCat(setup.driver,
                                          " spreads nothing by RSS: unless its queues are fed apart, all "
                                          "packets come on queue 0, and ",
                                          setup.queues - 1,
                                          " workers have nothing to do; configure one queue"));
  }
}

int try_configure(PortSetup& setup, const rte_eth_conf& conf, std::string& said) {
  // Nothing is sent, but some drivers insist on TX queues, or on as many as there are RX queues.
  int code = 0;
  for (uint16_t tx : {uint16_t{0}, uint16_t{1}, setup.queues}) {
    HeldDpdkLog log;
    code = rte_eth_dev_configure(setup.port, setup.queues, tx, &conf);
    said = log.end();
    if (code == 0) {
      for (uint16_t q = 0; code == 0 && q < tx; ++q) {
        code = rte_eth_tx_queue_setup(setup.port, q, 0, rte_eth_dev_socket_id(setup.port), nullptr);
      }
      if (code == 0) return 0;
    }
  }
  return code;
}

void choose_offloads(const rte_eth_dev_info& info, rte_mempool& pool, PortSetup& setup, rte_eth_conf& conf) {
  const uint32_t room = rte_pktmbuf_data_room_size(&pool) - RTE_PKTMBUF_HEADROOM;
  // Kernel sockets take what fits a frame of their ring, whatever net_af_packet says of its limits.
  if (setup.preset.mtu != 0 && setup.frame_bytes == 0) {
    uint32_t mtu = setup.preset.mtu;
    if (info.max_mtu != 0 && mtu > info.max_mtu) {
      setup.warnings.push_back(absl::StrCat("the MTU is ", info.max_mtu, ", not ", mtu, ": ", setup.driver,
                                            " takes no larger packets, and counts them as errors"));
      mtu = info.max_mtu;
    }
    conf.rxmode.mtu = mtu;
    constexpr uint32_t kEthernetAndTags = 14 + 4 * 2 + 4;
    const bool chained = mtu + kEthernetAndTags > room;
    if (chained && (info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER) != 0) {
      conf.rxmode.offloads |= RTE_ETH_RX_OFFLOAD_SCATTER;
    } else if (chained) {
      setup.warnings.push_back(
          absl::StrCat("frames above ", room, " bytes are lost: ", setup.driver, " does not chain buffers"));
      conf.rxmode.mtu = room - kEthernetAndTags;
    }
  }
  if (setup.preset.hardware_timestamps && (info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_TIMESTAMP) != 0) {
    conf.rxmode.offloads |= RTE_ETH_RX_OFFLOAD_TIMESTAMP;
  }
}

// With the symmetric key if the device takes one, else with its own.
absl::Status configure_spread(const rte_eth_dev_info& info, PortSetup& setup, rte_eth_conf& conf) {
  std::vector<uint8_t> key = symmetric_key(info.hash_key_size);
  const uint64_t hashes = info.flow_type_rss_offloads & kWantedHashes;
  std::string said;
  setup.nic_rss = setup.queues > 1 && setup.preset.rss && hashes != 0;
  if (setup.nic_rss) {
    conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
    conf.rx_adv_conf.rss_conf = {key.data(), static_cast<uint8_t>(key.size()), hashes};
    setup.hashes_ports = (hashes & kTcpHashes) != 0 && (hashes & kUdpHashes) != 0;
    if (try_configure(setup, conf, said) == 0) {
      setup.symmetric = true;
      setup.rss = absl::StrCat("NIC, symmetric Toeplitz over ", hash_words(hashes));
      if (!setup.hashes_ports) {
        setup.warnings.push_back(absl::StrCat("RSS hashes ", hash_words(hashes),
                                              " only: all flows between two "
                                              "addresses come on one queue"));
      }
      return absl::OkStatus();
    }
    conf.rx_adv_conf.rss_conf.rss_key = nullptr;
    conf.rx_adv_conf.rss_conf.rss_key_len = 0;
    if (try_configure(setup, conf, said) == 0) {
      setup.rss = absl::StrCat("NIC, its own key, over ", hash_words(hashes));
      setup.warnings.push_back(absl::StrCat(setup.driver,
                                            " does not take the symmetric RSS key: the two directions of a "
                                            "flow may come on different queues"));
      return absl::OkStatus();
    }
    conf.rxmode.mq_mode = RTE_ETH_MQ_RX_NONE;
    conf.rx_adv_conf.rss_conf = {};
  }
  describe_other_spread(setup);
  if (const int code = try_configure(setup, conf, said); code != 0) {
    return refused(setup, absl::StrCat("be configured with ", setup.queues, " queues"), code, said);
  }
  return absl::OkStatus();
}

}  // namespace

unsigned mbufs_of(unsigned queues, unsigned descriptors) {
  return queues * (descriptors + 2 * kBurst + kMbufsCached);
}

absl::Status size_port(unsigned queues, PortSetup& setup) {
  rte_eth_dev_info info = {};
  if (const int code = rte_eth_dev_info_get(setup.port, &info); code != 0) {
    return refused(setup, "describe itself", code, "");
  }
  setup.queues =
      static_cast<uint16_t>(std::clamp<unsigned>(queues, 1, std::max<unsigned>(info.max_rx_queues, 1)));
  if (setup.queues < queues) {
    setup.warnings.push_back(absl::StrCat("has ", setup.queues, " RX queues, not ", queues, ": ",
                                          queues - setup.queues, " workers fewer"));
  }
  setup.descriptors = static_cast<uint16_t>(setup.preset.rx_descriptors);
  uint16_t tx_descriptors = 0;
  if (rte_eth_dev_adjust_nb_rx_tx_desc(setup.port, &setup.descriptors, &tx_descriptors) != 0) {
    setup.descriptors = 0;  // the driver's default
  }
  setup.numa_node = rte_eth_dev_socket_id(setup.port);
  return absl::OkStatus();
}

absl::Status configure_port(rte_mempool& pool, PortSetup& setup) {
  rte_eth_dev_info info = {};
  if (const int code = rte_eth_dev_info_get(setup.port, &info); code != 0) {
    return refused(setup, "describe itself", code, "");
  }
  rte_eth_conf conf = {};
  choose_offloads(info, pool, setup, conf);
  if (absl::Status spread = configure_spread(info, setup, conf); !spread.ok()) return spread;
  setup.timestamps = (conf.rxmode.offloads & RTE_ETH_RX_OFFLOAD_TIMESTAMP) != 0 &&
                     rte_mbuf_dyn_rx_timestamp_register(&setup.timestamp_offset, &setup.timestamp_flag) == 0;
  for (uint16_t q = 0; q < setup.queues; ++q) {
    HeldDpdkLog log;
    const int socket = setup.numa_node;
    const int code = rte_eth_rx_queue_setup(setup.port, q, setup.descriptors, static_cast<unsigned>(socket),
                                            nullptr, &pool);
    const std::string said = log.end();
    if (code != 0) return refused(setup, absl::StrCat("set up RX queue ", q), code, said);
  }
  return absl::OkStatus();
}

void verify_rss(PortSetup& setup) {
  if (!setup.symmetric) return;
  rte_eth_dev_info info = {};
  if (rte_eth_dev_info_get(setup.port, &info) != 0) return;
  const std::vector<uint8_t> wanted = symmetric_key(info.hash_key_size);
  std::vector<uint8_t> key(std::max<size_t>(wanted.size(), kUsualKeyBytes));
  rte_eth_rss_conf conf = {key.data(), static_cast<uint8_t>(wanted.size()), 0};
  if (rte_eth_dev_rss_hash_conf_get(setup.port, &conf) != 0) return;  // it does not tell: RssWatch will
  key.resize(wanted.size());
  if (conf.rss_hf != 0 && key == wanted) return;
  setup.symmetric = false;
  setup.rss = conf.rss_hf == 0 ? "none" : absl::StrCat("NIC, its own key, over ", hash_words(conf.rss_hf));
  setup.warnings.push_back(
      conf.rss_hf == 0 ? absl::StrCat(setup.driver,
                                      " has RSS switched off though it was asked for it: all packets come "
                                      "on queue 0")
                       : absl::StrCat(setup.driver,
                                      " keeps an RSS key of its own: the two directions of a flow may come "
                                      "on different queues"));
}

bool read_device_clock(uint16_t port, uint64_t& ticks) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"  // experimental in DPDK 22.11, stable since
  return rte_eth_read_clock(port, &ticks) == 0;
#pragma GCC diagnostic pop
}

std::vector<uint16_t> redirection_table(uint16_t port) {
  rte_eth_dev_info info = {};
  if (rte_eth_dev_info_get(port, &info) != 0 || info.reta_size == 0) return {};
  std::vector<rte_eth_rss_reta_entry64> groups((info.reta_size + RTE_ETH_RETA_GROUP_SIZE - 1) /
                                               RTE_ETH_RETA_GROUP_SIZE);
  for (rte_eth_rss_reta_entry64& group : groups) group.mask = UINT64_MAX;
  if (rte_eth_dev_rss_reta_query(port, groups.data(), info.reta_size) != 0) return {};
  std::vector<uint16_t> table(info.reta_size);
  for (size_t i = 0; i < table.size(); ++i) {
    table[i] = groups[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE];
  }
  return table;
}

absl::Status set_redirection_table(uint16_t port, const std::vector<uint16_t>& table) {
  std::vector<rte_eth_rss_reta_entry64> groups((table.size() + RTE_ETH_RETA_GROUP_SIZE - 1) /
                                               RTE_ETH_RETA_GROUP_SIZE);
  for (size_t i = 0; i < table.size(); ++i) {
    rte_eth_rss_reta_entry64& group = groups[i / RTE_ETH_RETA_GROUP_SIZE];
    group.mask |= uint64_t{1} << (i % RTE_ETH_RETA_GROUP_SIZE);
    group.reta[i % RTE_ETH_RETA_GROUP_SIZE] = table[i];
  }
  const int code = rte_eth_dev_rss_reta_update(port, groups.data(), static_cast<uint16_t>(table.size()));
  return code == 0 ? absl::OkStatus() : absl::InternalError(strerror(-code));
}

}  // namespace netspectra

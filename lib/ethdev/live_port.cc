#include "ethdev/live_port.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "base/system_clock.h"
#include "ethdev/dpdk_log.h"
#include "packet/decode.h"

namespace netspectra {
namespace {

constexpr uint64_t kPauseMs = 200;  // a poller comes by between two bursts

int ask_for_reset(uint16_t, rte_eth_event_type, void* flag, void*) {
  static_cast<std::atomic<bool>*>(flag)->store(true, std::memory_order_release);
  return 0;
}

}  // namespace

LivePort::LivePort(AttachedPort attached, PortSetup setup, MbufPool pool, std::vector<int> sockets,
                   const std::atomic<bool>& stop)
    : attached_(std::move(attached)),
      setup_(std::move(setup)),
      pool_(std::move(pool)),
      kernel_drops_(std::move(sockets)) {
  for (uint16_t q = 0; q < setup_.queues; ++q) {
    PortQueueConfig config;
    config.port = setup_.port;
    config.queue = q;
    config.stop = &stop;
    config.wall = &wall_.line();
    if (setup_.timestamps) config.device = &device_line_;
    config.timestamp_offset = setup_.timestamp_offset;
    config.timestamp_flag = setup_.timestamp_flag;
    if (attached_.own_sockets) config.room = attached_.socket_config.room();
    queues_.push_back(std::make_unique<PortQueue>(config));
  }
  rte_eth_dev_callback_register(setup_.port, RTE_ETH_EVENT_INTR_RESET, ask_for_reset, &reset_asked_);
}

LivePort::~LivePort() {
  rte_eth_dev_callback_unregister(setup_.port, RTE_ETH_EVENT_INTR_RESET, ask_for_reset, &reset_asked_);
  // A kernel interface would stay so; own sockets leave its flag alone.
  if (made_promiscuous_) rte_eth_promiscuous_disable(setup_.port);
  detach_port(attached_);
}

absl::Status LivePort::start_device() {
  // Starting restores what DPDK was asked for, and takes the flag off an interface that somebody else gave it to.
  const std::string interface = attached_.interface_index == 0 ? "" : listened_interface(attached_);
  const bool was_promiscuous = interface_promiscuous(interface);
  HeldDpdkLog log;
  const int code = rte_eth_dev_start(setup_.port);
  const std::string said = log.end();
  const absl::Status kept = was_promiscuous ? make_interface_promiscuous(interface) : absl::OkStatus();
  if (!kept.ok()) {
    setup_.warnings.push_back(
        absl::StrCat("DPDK switched its promiscuous mode off, and it cannot be switched on "
                     "again (",
                     kept.message(), "): \"ip link set ", interface, " promisc on\""));
  }
  if (code != 0) {
    return absl::InternalError(absl::StrCat("port ", setup_.spec, ": ", setup_.driver,
                                            " cannot start: ", said.empty() ? strerror(-code) : said));
  }
  if (setup_.preset.promiscuous && !attached_.own_sockets && rte_eth_promiscuous_get(setup_.port) != 1) {
    const int refused = rte_eth_promiscuous_enable(setup_.port);
    made_promiscuous_ = refused == 0 && !was_promiscuous;
    if (refused != 0) {
      setup_.warnings.push_back(absl::StrCat("no promiscuous mode (", strerror(-refused),
                                             "): only what is addressed to this port is measured"));
    }
  }
  return absl::OkStatus();
}

absl::Status LivePort::start() {
  if (setup_.timestamps) {
    uint64_t ticks = 0;
    if (read_device_clock(setup_.port, ticks)) {
      device_model_ = std::make_unique<ClockModel>(0, ticks, system_clock_ns());
    } else {
      setup_.warnings.push_back("its timestamps cannot be used: the driver does not let its clock be read");
    }
  }
  if (absl::Status started = start_device(); !started.ok()) return started;
  if (device_model_ != nullptr) {  // its rate is needed for the first packet
    rte_delay_ms(ClockModel::kLeastNs / 1'000'000 + 1);
    std::vector<std::string> none;
    watch_clocks(none);
  }
  verify_rss(setup_);
  make_rss_watch();
  losses_base_ = device_losses();
  was_up_ = link_up();
  started_ = true;
  if (!attached_.own_sockets) return absl::OkStatus();
  if (absl::Status listening = listen_on_packet_sockets(attached_.sockets, attached_.socket_config);
      !listening.ok()) {
    return absl::InternalError(absl::StrCat("port ", setup_.spec, ": ", listening.message()));
  }
  return absl::OkStatus();
}

void LivePort::make_rss_watch() {
  RssWatchConfig config;
  config.queues = setup_.queues;
  config.hashes_ports = setup_.hashes_ports;
  if (setup_.symmetric) config.redirection = redirection_table(setup_.port);
  if (setup_.preset.rebalance && setup_.queues > 1 && config.redirection.empty()) {
    setup_.warnings.push_back(absl::StrCat(
        "nothing can be rebalanced: that takes the symmetric RSS key, and a redirection table that ",
        setup_.driver, " tells"));
  }
  for (const std::unique_ptr<PortQueue>& queue : queues_) {
    config.received.push_back(queue->counters().received);
    queue->samples().take_all([](const PacketSample&) {});  // from before a reset: spread by another rule
  }
  rss_watch_ = std::make_unique<RssWatch>(std::move(config));
}

// net_af_packet says that its link is up whatever the interface does.
bool LivePort::link_up() const {
  if (attached_.interface_index != 0)
    return !interface_gone_ && interface_running(listened_interface(attached_));
  rte_eth_link link = {};
  return rte_eth_link_get_nowait(setup_.port, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
}

SourceStats LivePort::device_losses() {
  rte_eth_stats stats = {};
  if (rte_eth_stats_get(setup_.port, &stats) == 0) {
    last_losses_.nic_missed = stats.imissed;
    last_losses_.no_mbuf = stats.rx_nombuf;
    last_losses_.nic_errors = stats.ierrors;
  }
  return last_losses_;
}

SourceStats LivePort::stats(unsigned queue) {
  SourceStats stats = queues_[queue]->counters();
  stats.kernel_dropped = kernel_drops_.dropped(queue);
  if (queue != 0) return stats;
  stats += device_losses();
  stats += losses_before_reset_;
  stats -= losses_base_;
  return stats;
}

PortInfo LivePort::info() const {
  PortInfo info;
  info.spec = setup_.spec;
  info.driver = setup_.driver;
  info.numa_node = setup_.numa_node;
  info.rss = setup_.rss;
  info.hardware_timestamps = device_model_ != nullptr;
  info.warnings = setup_.warnings;
  info.link_up = link_up();
  rte_eth_link link = {};
  const bool has_speed = attached_.interface_index == 0 && rte_eth_link_get_nowait(setup_.port, &link) == 0;
  if (has_speed && link.link_speed != RTE_ETH_SPEED_NUM_UNKNOWN) info.link_mbps = link.link_speed;
  uint16_t mtu = 0;
  if (attached_.interface_index != 0) {
    info.mtu = interface_mtu(listened_interface(attached_));
  } else if (rte_eth_dev_get_mtu(setup_.port, &mtu) == 0) {
    info.mtu = mtu;
  }
  return info;
}

std::vector<std::string> LivePort::watch() {
  std::vector<std::string> lines;
  if (!started_) return lines;
  watch_clocks(lines);
  watch_reset(lines);
  watch_link(lines);
  watch_cut(lines);
  watch_rss(lines);
  for (std::string& line : lines) line = absl::StrCat("port ", setup_.spec, ": ", line);
  return lines;
}

void LivePort::watch_clocks(std::vector<std::string>& lines) {
  if (const int64_t step_ns = wall_.calibrate(); step_ns != 0) {
    lines.push_back(absl::StrFormat("the system's clock was set %s by %.3f s: %s",
                                    step_ns > 0 ? "forward" : "back",
                                    static_cast<double>(std::abs(step_ns)) / 1e9,
                                    step_ns > 0 ? "timestamps follow at once"
                                                : "timestamps go on, slower by 6 %, until it has caught up"));
  }
  uint64_t ticks = 0;
  if (device_model_ == nullptr || !read_device_clock(setup_.port, ticks)) return;
  device_model_->observe(ticks, system_clock_ns());
  device_line_.publish(device_model_->line());
}

void LivePort::watch_link(std::vector<std::string>& lines) {
  if (interface_gone_) return;  // said, and it does not come back
  if (attached_.interface_index != 0 && listened_interface(attached_).empty()) {
    interface_gone_ = true;
    lines.emplace_back(
        "the interface is gone (deleted, made anew, or moved to another network namespace): nothing of it is "
        "measured until ns-probe is started again");
    return;
  }
  const bool up = link_up();
  if (up != was_up_)
    lines.emplace_back(up ? "link is up" : "link is down: nothing arrives until it is up again");
  was_up_ = up;
}

void LivePort::watch_cut(std::vector<std::string>& lines) {
  if (cut_) return;
  for (const std::unique_ptr<PortQueue>& queue : queues_) cut_ |= queue->cut() != 0;
  if (!cut_) return;
  lines.push_back(
      absl::StrCat("frames of more than ", attached_.socket_config.room(),
                   " bytes arrive, which the kernel cuts: they count with the length in their "
                   "IP header, with too few bytes where that has none (not IP, above 64 KiB). "
                   "If the sender joins segments: \"ethtool -K INTERFACE tso off gso off\" there; "
                   "if the MTU was raised: start ns-probe again"));
}

void LivePort::watch_reset(std::vector<std::string>& lines) {
  if (!reset_asked_.load(std::memory_order_acquire)) return;
  if (!pause_queues()) return;  // a worker is busy elsewhere: the next time
  if (reset_failure_.empty()) still_since_tsc_ = rte_get_timer_cycles();
  reset_asked_.store(false, std::memory_order_release);
  const std::vector<std::string> known = setup_.warnings;
  setup_.warnings.clear();
  const absl::Status reset = reset_device();
  const std::vector<std::string> found = std::exchange(setup_.warnings, known);
  for (const std::string& warning : found) {
    if (std::find(known.begin(), known.end(), warning) != known.end()) continue;
    setup_.warnings.push_back(warning);
    lines.push_back(absl::StrCat("warning: ", warning));
  }
  if (!reset.ok()) {
    reset_asked_.store(true, std::memory_order_release);  // again the next time
    const absl::string_view cause =
        absl::StripPrefix(reset.message(), absl::StrCat("port ", setup_.spec, ": "));  // as every line has it
    if (cause != reset_failure_) {
      reset_failure_ = std::string(cause);
      lines.push_back(
          absl::StrCat("the device asked for a reset, which fails and is tried again; until then nothing of "
                       "it is measured: ",
                       reset_failure_));
    }
    return;
  }
  for (const std::unique_ptr<PortQueue>& queue : queues_) queue->resume();
  reset_failure_.clear();
  const double ms = static_cast<double>(rte_get_timer_cycles() - still_since_tsc_) * 1e3 /
                    static_cast<double>(rte_get_timer_hz());
  lines.push_back(
      absl::StrFormat("the device asked for a reset and was reset: %.0f ms were not measured", ms));
}

bool LivePort::pause_queues() {
  for (const std::unique_ptr<PortQueue>& queue : queues_) queue->pause();
  for (uint64_t waited_ms = 0; waited_ms < kPauseMs; ++waited_ms) {
    bool all = true;
    for (const std::unique_ptr<PortQueue>& queue : queues_) all &= queue->paused();
    if (all) return true;
    rte_delay_us_sleep(1000);
  }
  for (const std::unique_ptr<PortQueue>& queue : queues_) queue->resume();
  return false;
}

absl::Status LivePort::reset_device() {
  // DPDK's log is not held back here: its interrupt thread may be writing to it.
  const SourceStats before = device_losses();
  int code = rte_eth_dev_reset(setup_.port);
  if (code == -ENOTSUP) code = rte_eth_dev_stop(setup_.port);
  if (code == 0) rte_eth_stats_reset(setup_.port);
  losses_before_reset_ += before;
  losses_before_reset_ -=
      device_losses();  // 0, where the driver counts from anew, which a failing one may, too
  if (code != 0) return absl::InternalError(strerror(-code));
  if (absl::Status configured = configure_port(*pool_, setup_); !configured.ok()) return configured;
  if (absl::Status started = start_device(); !started.ok()) return started;
  verify_rss(setup_);
  make_rss_watch();
  return absl::OkStatus();
}

void LivePort::watch_rss(std::vector<std::string>& lines) {
  std::vector<uint64_t> received(queues_.size());
  for (unsigned q = 0; q < queues_.size(); ++q) {
    received[q] = queues_[q]->counters().received;
    queues_[q]->samples().take_all([this, q](const PacketSample& sample) {
      Packet packet;
      if (decode(sample.frame(), packet).reason == DropReason::kNone) rss_watch_->sample(packet, q);
    });
  }
  for (std::string& line : rss_watch_->judge(received)) lines.push_back(std::move(line));
  const std::vector<uint16_t>& better = rss_watch_->better_redirection();
  if (!setup_.preset.rebalance || better.empty()) return;
  if (const absl::Status set = set_redirection_table(setup_.port, better); set.ok()) {
    rss_watch_->redirected(better);
    lines.emplace_back("the redirection table was rebalanced: flows may change their queue once");
  } else {
    lines.push_back(absl::StrCat("the redirection table cannot be rebalanced: ", set.message()));
    setup_.preset.rebalance = false;
  }
}

}  // namespace netspectra

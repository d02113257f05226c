#include "ethdev/capture_queue.h"

#include <rte_bus_vdev.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "ethdev/mapped_captures.h"

namespace netspectra {
namespace {

// Empty polls in a row, with records left in the file, after which net_pcap is taken to have given up. At the
// end of the file and after an error it returns empty bursts for ever.
constexpr unsigned kStalled = 4;

absl::Status port_error(const CaptureFile& file, const char* what, int code) {
  return absl::InternalError(absl::StrCat(file.path(), ": net_pcap: cannot ", what, ": ", strerror(-code)));
}

absl::StatusOr<uint16_t> attach_port(const CaptureFile& file, const std::string& name, int fd,
                                     rte_mempool& pool) {
  // By descriptor: a path with a comma or an equals sign would break the device arguments.
  const std::string args = absl::StrCat("rx_pcap=/proc/self/fd/", fd);
  if (const int code = rte_vdev_init(name.c_str(), args.c_str()); code != 0) {
    return port_error(file, "open the file any more", code);
  }
  uint16_t port = 0;
  rte_eth_conf conf = {};
  int code = rte_eth_dev_get_port_by_name(name.c_str(), &port);
  if (code == 0) code = rte_eth_dev_configure(port, 1, 0, &conf);
  if (code == 0) code = rte_eth_rx_queue_setup(port, 0, 0, SOCKET_ID_ANY, nullptr, &pool);
  if (code == 0) code = rte_eth_dev_start(port);
  if (code != 0) {
    rte_vdev_uninit(name.c_str());
    return port_error(file, "start the port", code);
  }
  return port;
}

std::string port_name(const CaptureFile& file) { return absl::StrCat("net_pcap_fd", file.fd()); }

}  // namespace

absl::StatusOr<std::unique_ptr<CaptureQueue>> CaptureQueue::attach(const CaptureFile& file, rte_mempool& pool,
                                                                   const cpu_set_t& feeder_cpus,
                                                                   const std::atomic<bool>& stop) {
  std::unique_ptr<PcapPipe> pipe;
  int fd = file.fd();
  if (file.format() == CaptureFormat::kPcapng) {
    absl::StatusOr<std::unique_ptr<PcapPipe>> started = PcapPipe::start(file, feeder_cpus);
    if (!started.ok()) return started.status();
    pipe = *std::move(started);
    fd = pipe->read_fd();
  }
  absl::StatusOr<uint16_t> port = attach_port(file, port_name(file), fd, pool);
  if (!port.ok()) return port.status();
  if (pipe != nullptr) pipe->close_read_end();
  return std::unique_ptr<CaptureQueue>(new CaptureQueue(file, *port, std::move(pipe), stop));
}

CaptureQueue::CaptureQueue(const CaptureFile& file, uint16_t port, std::unique_ptr<PcapPipe> pipe,
                           const std::atomic<bool>& stop)
    : file_(file),
      port_(port),
      stop_(stop),
      pipe_(std::move(pipe)),
      reader_(file),
      clock_ns_(file.first_ts_ns()),
      published_clock_ns_(file.first_ts_ns()) {}

CaptureQueue::~CaptureQueue() {
  rte_eth_dev_stop(port_);
  rte_vdev_uninit(port_name(file_).c_str());
}

void CaptureQueue::receive(FrameBurst& burst) {
  stopped_ = stop_.load(std::memory_order_relaxed);
  // Not past the last whole record: net_pcap would go on behind a corrupt one and deliver rubbish.
  if (stopped_ || out_of_step_ || !reader_.has_next()) {
    burst.count = 0;
    return;
  }
  if (reader_.records() == 0) take_capture_cut();  // of whatever the thread read before
  const uint16_t received = rte_eth_rx_burst(port_, 0, burst.mbufs.data(), kBurst);
  uint16_t i = 0;
  for (; i < received; ++i) {
    CaptureRecord record;
    if (!reader_.next(record)) break;
    rte_mbuf* const mbuf = burst.mbufs[i];
    if (mbuf->pkt_len > record.captured) [[unlikely]] {
      out_of_step_ = true;
      break;
    }
    const bool whole = mbuf->nb_segs == 1 && mbuf->data_len == record.captured;
    clock_ns_ = std::max(clock_ns_, record.ts_ns);
    burst.frames[i] = {whole ? rte_pktmbuf_mtod(mbuf, const uint8_t*) : record.data,
                       record.ts_ns,
                       clock_ns_,
                       record.captured,
                       record.wire_len,
                       record.link};
  }
  if (take_capture_cut()) [[unlikely]] {  // no telling which of these frames are zeros
    out_of_step_ = true;
    i = 0;
  }
  // Frames beyond the file as it was opened: it has grown, or it was cut shorter and its records are gone.
  if (i < received) {
    rte_pktmbuf_free_bulk(burst.mbufs.data() + i, received - i);
    surplus_ += static_cast<uint64_t>(received - i);
  }
  burst.count = i;
  burst.clock_ns = clock_ns_;
  stalled_ = received != 0 ? 0 : stalled_ + 1;
}

void CaptureQueue::release(FrameBurst& burst) {
  rte_pktmbuf_free_bulk(burst.mbufs.data(), burst.count);
  publish();
}

void CaptureQueue::publish() {
  packets_.set(reader_.records());
  offset_.set(reader_.offset());
  published_clock_ns_.store(clock_ns_, std::memory_order_release);
}

bool CaptureQueue::finished() {
  if (stopped_ || out_of_step_ || !reader_.has_next()) return true;
  gave_up_ = stalled_ >= kStalled;
  return gave_up_;
}

std::string CaptureQueue::error() {
  if (out_of_step_) {
    return absl::StrCat(file_.path(), ": was cut shorter or overwritten while it was read, after ",
                        packets_.get(), " packets");
  }
  if (gave_up_) {
    return absl::StrCat(file_.path(), ": net_pcap stopped after ", reader_.records(), " packets, at byte ",
                        reader_.offset(), " of ", file_.size());
  }
  if (stopped_ && reader_.has_next()) {
    return absl::StrCat(file_.path(), ": interrupted after ", reader_.records(), " packets, at byte ",
                        reader_.offset(), " of ", file_.size());
  }
  return reader_.error();
}

uint64_t CaptureQueue::received_by_port() const {
  rte_eth_stats stats = {};
  rte_eth_stats_get(port_, &stats);
  return stats.ipackets - surplus_;
}

}  // namespace netspectra

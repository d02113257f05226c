#include "ethdev/rss_front_end.h"

#include <rte_errno.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_ring.h>

#include <array>

#include "absl/strings/str_cat.h"
#include "ethdev/backoff.h"
#include "packet/decode.h"

namespace netspectra {
namespace {

constexpr unsigned kRingSize = 512;  // a power of two; holds one less

}  // namespace

void RssFrontEnd::RingDeleter::operator()(rte_ring* ring) const { rte_ring_free(ring); }

// One RX queue of the net_ring port.
class RssFrontEnd::RingQueue final : public RxQueue {
 public:
  RingQueue(const RssFrontEnd& front, uint16_t port, uint16_t queue)
      : front_(front), port_(port), queue_(queue) {}

  void receive(FrameBurst& burst) override {
    // The clock first: whatever was put into the ring before it was published is seen by the poll below, so
    // an empty poll means that nothing older is to come.
    const uint64_t clock_ns = front_.clock_ns_.load(std::memory_order_acquire);
    done_ = front_.done_.load(std::memory_order_acquire);
    burst.count = rte_eth_rx_burst(port_, queue_, burst.mbufs.data(), kBurst);
    for (uint16_t i = 0; i < burst.count; ++i) burst.frames[i] = frame_of(burst.mbufs[i]);
    burst.clock_ns = burst.count != 0 ? burst.frames[burst.count - 1].clock_ns : clock_ns;
  }
  void release(FrameBurst& burst) override { rte_pktmbuf_free_bulk(burst.mbufs.data(), burst.count); }
  bool finished() override { return done_; }
  void close() override {}

 private:
  const RssFrontEnd& front_;
  const uint16_t port_;
  const uint16_t queue_;
  bool done_ = false;  // as it was before the last poll
};

unsigned RssFrontEnd::mbufs(unsigned queues) {
  return kMbufsForOneBurst + queues * (kRingSize + kBurst + kMbufsCached);
}

absl::StatusOr<std::unique_ptr<RssFrontEnd>> RssFrontEnd::create(unsigned queues) {
  absl::StatusOr<MbufPool> pool = make_mbuf_pool("rss_front_end", mbufs(queues));
  if (!pool.ok()) return pool.status();

  std::vector<std::unique_ptr<rte_ring, RingDeleter>> rings;
  std::vector<rte_ring*> raw;
  for (unsigned i = 0; i < queues; ++i) {
    const std::string name = absl::StrCat("rss_", i);
    rings.emplace_back(
        rte_ring_create(name.c_str(), kRingSize, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ));
    if (rings.back() == nullptr) {
      return absl::ResourceExhaustedError(
          absl::StrCat("cannot create ring ", name, ": ", rte_strerror(rte_errno)));
    }
    raw.push_back(rings.back().get());
  }
  const int port = rte_eth_from_rings("rss", raw.data(), queues, raw.data(), 1, SOCKET_ID_ANY);
  if (port < 0)
    return absl::InternalError(absl::StrCat("cannot create the net_ring port: ", rte_strerror(rte_errno)));
  std::unique_ptr<RssFrontEnd> front(
      new RssFrontEnd(*std::move(pool), std::move(rings), static_cast<uint16_t>(port)));

  rte_eth_conf conf = {};
  int code = rte_eth_dev_configure(front->port_, static_cast<uint16_t>(queues), 1, &conf);
  for (uint16_t q = 0; code == 0 && q < queues; ++q) {
    code = rte_eth_rx_queue_setup(front->port_, q, kRingSize, SOCKET_ID_ANY, nullptr, front->pool_.get());
  }
  if (code == 0) code = rte_eth_tx_queue_setup(front->port_, 0, kRingSize, SOCKET_ID_ANY, nullptr);
  if (code == 0) code = rte_eth_dev_start(front->port_);
  if (code != 0)
    return absl::InternalError(absl::StrCat("cannot start the net_ring port: ", rte_strerror(-code)));
  return front;
}

RssFrontEnd::RssFrontEnd(MbufPool pool, std::vector<std::unique_ptr<rte_ring, RingDeleter>> rings,
                         uint16_t port)
    : pool_(std::move(pool)), rings_(std::move(rings)), port_(port) {
  for (uint16_t q = 0; q < rings_.size(); ++q) queues_.push_back(std::make_unique<RingQueue>(*this, port, q));
}

RssFrontEnd::~RssFrontEnd() {
  rte_eth_dev_stop(port_);
  rte_eth_dev_close(port_);
}

void RssFrontEnd::run() {
  feed_.serve([this](CaptureQueue& queue) { drain(queue); });
  done_.store(true, std::memory_order_release);
}

void RssFrontEnd::drain(CaptureQueue& queue) {
  const unsigned held_by_workers = static_cast<unsigned>(rings_.size()) * kMbufsCached;
  FrameBurst burst;
  Backoff backoff;
  for (;;) {
    if (rte_mempool_avail_count(pool_.get()) < held_by_workers + kMbufsForOneBurst) {
      backoff.wait();
      continue;
    }
    backoff.reset();
    queue.receive(burst);
    if (burst.count == 0 && queue.finished()) return;
    spread(burst);
    clock_ns_.store(burst.clock_ns, std::memory_order_release);
    queue.publish();
  }
}

void RssFrontEnd::spread(const FrameBurst& burst) {
  const auto queues = static_cast<unsigned>(rings_.size());
  std::array<rte_mbuf*, kBurst> out;
  std::array<uint8_t, kBurst> to;
  for (uint16_t i = 0; i < burst.count; ++i) {
    frame_of(burst.mbufs[i]) = burst.frames[i];
    Packet packet;
    // What is not IP goes to the first queue, as on a NIC.
    const bool ip = decode(burst.frames[i], packet).reason == DropReason::kNone;
    to[i] = ip ? static_cast<uint8_t>(hash_(packet.key) % queues) : 0;
  }
  for (unsigned q = 0; q < queues; ++q) {
    unsigned count = 0;
    for (uint16_t i = 0; i < burst.count; ++i) {
      if (to[i] == q) out[count++] = burst.mbufs[i];
    }
    enqueue(q, out.data(), count);
  }
}

void RssFrontEnd::enqueue(unsigned ring, rte_mbuf** mbufs, unsigned count) {
  Backoff backoff;
  unsigned done = 0;
  while (done < count) {
    const unsigned put = rte_ring_sp_enqueue_burst(rings_[ring].get(), reinterpret_cast<void**>(mbufs + done),
                                                   count - done, nullptr);
    done += put;
    if (put == 0) {
      backoff.wait();
    } else {
      backoff.reset();
    }
  }
}

}  // namespace netspectra

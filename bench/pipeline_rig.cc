#include "pipeline_rig.h"

#include <rte_ethdev.h>

#include <algorithm>
#include <random>
#include <utility>

#include "ethdev/mbuf_frame.h"
#include "harness.h"
#include "reference.h"

namespace netspectra::bench {
namespace {

constexpr uint64_t kPreparedEvery = 4096;  // packets, in 0.1 ms

std::unique_ptr<EpochState> make_state(const TaskPlan& plan) {
  auto state = std::make_unique<EpochState>();
  state->tasks = make_worker_tasks(plan).value();
  return state;
}

}  // namespace

MbufSet::MbufSet(const std::string& name, unsigned mbufs, bool shuffled)
    : pool_(make_mbuf_pool(name, mbufs + kMbufsCached).value()), mbufs_(mbufs) {
  for (rte_mbuf*& mbuf : mbufs_) {
    mbuf = rte_pktmbuf_alloc(pool_.get());
    mbuf->data_len = static_cast<uint16_t>(write_frame({}, rte_pktmbuf_mtod(mbuf, uint8_t*)));
    mbuf->pkt_len = mbuf->data_len;
  }
  if (shuffled) std::shuffle(mbufs_.begin(), mbufs_.end(), std::mt19937_64(1));
}

MbufSet& hot_mbufs() {
  return kept<MbufSet>(kHotMbufs, [] { return std::make_unique<MbufSet>("hot", kHotMbufs, false); });
}

MbufSet& cold_mbufs() {
  return kept<MbufSet>(kColdMbufs, [] { return std::make_unique<MbufSet>("cold", kColdMbufs, true); });
}

void ResidentQueue::receive(FrameBurst& burst) {
  clock_ns_ += kBurst * kPacketGapNs;
  const uint64_t* const flows = cursor_.next_burst();
  rte_mbuf* const* const mbufs = mbufs_.data() + at_;
  const uint64_t now_ns = clock_ns_;
  std::copy_n(mbufs, kBurst, burst.mbufs.data());
  each_fetched(mbufs, kBurst, [&](size_t i) { describe(*mbufs[i], now_ns, now_ns, burst.frames[i]); });
  // The NIC's part. Behind, because what a NIC has written is in no first-level cache, either.
  for (size_t i = 0; i < kBurst; ++i)
    patch_ipv4_frame(flows[i], const_cast<uint8_t*>(burst.frames[i].data) + kEthernetBytes);
  at_ += kBurst;
  if (at_ == mbufs_.size()) at_ = 0;
  burst.count = kBurst;
  burst.clock_ns = clock_ns_;
}

void PortQueue::receive(FrameBurst& burst) {
  burst.count = rte_eth_rx_burst(port_, 0, burst.mbufs.data(), kBurst);
  clock_ns_ += burst.count * kPacketGapNs;
  for (size_t i = 0; i < burst.count; ++i) describe(*burst.mbufs[i], clock_ns_, clock_ns_, burst.frames[i]);
  burst.clock_ns = clock_ns_;
}

void PortQueue::release(FrameBurst& burst) { rte_pktmbuf_free_bulk(burst.mbufs.data(), burst.count); }

PipelineRig::PipelineRig(std::vector<TaskConfig> tasks, uint64_t period_ns)
    : plan(plan_tasks(std::move(tasks))),
      handover(make_state(plan), make_state(plan)),
      pipeline(handover, feed, nullptr, period_ns, Overrun::kWait) {}

uint64_t PipelineRig::run(RxQueue& queue, uint64_t packets) {
  uint64_t done = 0;
  while (done < packets) done += pipeline.poll_once(queue);
  return done;
}

void PipelineRig::prepare() {
  for (const auto& task : handover.active().tasks.measured) task->prepare();
}

EpochPart PipelineRig::drain() {
  EpochState& state = handover.active();
  for (const auto& task : state.tasks.measured) task->flush();
  EpochPart part = drain_all(state.tasks);
  part.ledger = std::exchange(state.ledger, {});
  return part;
}

void PipelineRig::renew() {
  handover.active().tasks = make_worker_tasks(plan).value();
  handover.active().ledger = {};
}

ResidentRig::ResidentRig(std::vector<TaskConfig> tasks, const Traffic& traffic, const MbufSet& mbufs)
    : worker(std::move(tasks)), queue(mbufs, flow_stream(traffic)) {
  worker.run(queue, kCheckedPackets);
  std::vector<EpochPart> parts;
  parts.push_back(worker.drain());
  wrong = reference(traffic).check(merge_parts(worker.plan, std::move(parts)));
  const double huge_before_mib = huge_page_mib();
  fill(traffic);
  huge_mib = huge_page_mib() - huge_before_mib;
}

void ResidentRig::fill(const Traffic& traffic) {
  const FlowStream each({traffic.flows, Draw::kEachOnce, traffic.first_flow});
  queue.switch_to(each);
  for (uint64_t left = each.flows().size(); left != 0;) {
    worker.prepare();
    left -= worker.run(queue, std::min(left, kPreparedEvery));
  }
  queue.switch_to(flow_stream(traffic));
}

}  // namespace netspectra::bench

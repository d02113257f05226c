#include "worker/pipeline.h"

#include <algorithm>
#include <iterator>

#include "ethdev/backoff.h"

namespace netspectra {

Pipeline::Pipeline(Handover<EpochState>& handover, QueueFeed<RxQueue>& feed, const PacketFilter* filter,
                   uint64_t period_ns, Overrun overrun)
    : handover_(handover), feed_(feed), filter_(filter), period_ns_(period_ns), overrun_(overrun) {
  matching_.reserve(kBurst);
}

// Frames as Packets in the buffer whose turn it is, until that is over with measure().
struct Pipeline::Decoded {
  Decoded(Pipeline& pipeline, std::span<const Frame> frames)
      : packets(pipeline.packets_[pipeline.turn_ % pipeline.packets_.size()].data()) {
    decode_burst(frames, packets, facts);
  }
  Packet* const packets;
  BurstFacts facts;
};

void Pipeline::run() {
  feed_.serve([this](RxQueue& queue) { poll(queue); });
  flush();
  // The control core goes on taking what is sealed until done() says that nothing more comes.
  Backoff backoff;
  if (due()) {
    while (!handover_.seal()) backoff.wait();
  }
  done_.store(true, std::memory_order_release);
}

void Pipeline::poll(RxQueue& queue) {
  Backoff backoff;
  for (;;) {
    if (poll_once(queue) != 0) {
      backoff.reset();
    } else {
      if (queue.finished()) return;
      backoff.wait();
    }
  }
}

uint16_t Pipeline::poll_once(RxQueue& queue) {
  queue.receive(burst_);
  process(burst_);
  if (burst_.count != 0) queue.release(burst_);
  return burst_.count;
}

void Pipeline::process(const FrameBurst& burst) {
  const std::span<const Frame> frames(burst.frames.data(), burst.count);
  if (frames.empty()) {
    if (!handover_.active().span.contains(burst.clock_ns)) cut(burst.clock_ns);
    return;
  }
  if (filter_ == nullptr) [[likely]] {
    const Decoded decoded(*this, frames);
    const EpochSpan& running = handover_.active().span;
    if (running.contains(decoded.facts.first_clock_ns) && running.contains(decoded.facts.last_clock_ns))
        [[likely]]
      return measure(frames, decoded);
  }
  size_t begin = 0;
  while (begin < frames.size()) {
    if (!handover_.active().span.contains(frames[begin].clock_ns)) cut(frames[begin].clock_ns);
    const EpochSpan span = handover_.active().span;
    size_t end = begin + 1;
    while (end < frames.size() && span.contains(frames[end].clock_ns)) ++end;
    const std::span<const Frame> run = matching(frames.subspan(begin, end - begin));
    measure(run, Decoded(*this, run));
    begin = end;
  }
}

// Those that the filter lets pass; the others are counted.
std::span<const Frame> Pipeline::matching(std::span<const Frame> frames) {
  if (filter_ == nullptr) return frames;
  matching_.clear();
  std::copy_if(frames.begin(), frames.end(), std::back_inserter(matching_),
               [this](const Frame& frame) { return filter_->matches(frame); });
  handover_.active().ledger.filtered_out += frames.size() - matching_.size();
  return matching_;
}

void Pipeline::measure(std::span<const Frame> frames, const Decoded& decoded) {
  const BurstFacts& burst = decoded.facts;
  EpochState& state = handover_.active();
  ++turn_;
  Ledger& ledger = state.ledger;
  uint64_t dropped_bytes = 0;
  for (size_t i = 0; i < burst.refused_count; ++i) {
    const auto& [frame, verdict] = burst.refused[i];
    dropped_bytes += frames[frame].wire_len;
    ++ledger.dropped[static_cast<size_t>(verdict.reason)];
    if (verdict.reason == DropReason::kEthertype) ledger.ethertypes.count(verdict.ethertype);
  }
  ledger.rx_packets += frames.size();
  ledger.rx_bytes += burst.wire_bytes;
  ledger.ip_packets += burst.packets;
  ledger.ip_bytes += burst.wire_bytes - dropped_bytes;
  ledger.first_seen_ns = std::min(ledger.first_seen_ns, burst.first_ns);
  ledger.last_seen_ns = std::max(ledger.last_seen_ns, burst.last_ns);
  if (burst.first_ns < state.span.start_ns) [[unlikely]] {
    for (const Frame& frame : frames) ledger.late_packets += frame.ts_ns < state.span.start_ns;
  }
  const Burst of_tasks(decoded.packets, burst.packets);
  for (const std::unique_ptr<Task>& task : state.tasks.measured) task->update(of_tasks);
}

// Ends the running epoch and begins the one that holds `clock_ns`.
void Pipeline::cut(uint64_t clock_ns) {
  const EpochSpan next = EpochSpan::at(clock_ns, period_ns_);
  if (!seal_if_due()) {
    handover_.active().span.end_ns = next.end_ns;
    overruns_.add(1);
    return;
  }
  handover_.active().begin(next);
  epoch_start_ns_.store(next.start_ns, std::memory_order_release);
}

// Whether the running epoch has something to hand over: live also that nothing came, which is not the same as nothing
// known.
bool Pipeline::due() const {
  const EpochState& state = handover_.active();
  return overrun_ == Overrun::kExtend ? state.span.end_ns != 0 : state.used();
}

// False where the epoch has to go on.
bool Pipeline::seal_if_due() {
  if (!due()) return true;
  flush();
  if (overrun_ == Overrun::kExtend) return handover_.seal();
  Backoff backoff;
  while (!handover_.seal()) backoff.wait();
  return true;
}

void Pipeline::flush() {
  for (const std::unique_ptr<Task>& task : handover_.active().tasks.measured) task->flush();
}

}  // namespace netspectra

#include "worker/pipeline.h"

#include <algorithm>

#include "ethdev/backoff.h"
#include "packet/decode.h"

namespace netspectra {

Pipeline::Pipeline(Handover<EpochState>& handover, QueueFeed<RxQueue>& feed, const PacketFilter* filter,
                   uint64_t period_ns, Overrun overrun)
    : handover_(handover), feed_(feed), filter_(filter), period_ns_(period_ns), overrun_(overrun) {}

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
  size_t begin = 0;
  while (begin < burst.count) {
    if (!handover_.active().span.contains(burst.frames[begin].clock_ns)) cut(burst.frames[begin].clock_ns);
    const EpochSpan span = handover_.active().span;
    size_t end = begin + 1;
    while (end < burst.count && span.contains(burst.frames[end].clock_ns)) ++end;
    measure(burst.frames.data() + begin, end - begin);
    begin = end;
  }
  if (burst.count == 0 && !handover_.active().span.contains(burst.clock_ns)) cut(burst.clock_ns);
}

void Pipeline::measure(const Frame* frames, size_t count) {
  EpochState& state = handover_.active();
  Ledger& ledger = state.ledger;
  const PacketFilter* const filter = filter_;
  const uint64_t epoch_start_ns = state.span.start_ns;
  uint64_t filtered_out = 0, rx_bytes = 0, dropped_bytes = 0, late_packets = 0;
  uint64_t first_ns = ledger.first_seen_ns, last_ns = ledger.last_seen_ns;
  size_t decoded = 0;
  Packet* const packets = packets_[turn_++ % packets_.size()].data();
  for (size_t i = 0; i < count; ++i) {
    const Frame& frame = frames[i];
    if (filter != nullptr && !filter->matches(frame)) {
      ++filtered_out;
      continue;
    }
    rx_bytes += frame.wire_len;
    late_packets += frame.ts_ns < epoch_start_ns;
    first_ns = std::min(first_ns, frame.ts_ns);
    last_ns = std::max(last_ns, frame.ts_ns);
    const Verdict verdict = decode(frame, packets[decoded]);
    if (verdict.reason == DropReason::kNone) [[likely]] {
      ++decoded;
      continue;
    }
    dropped_bytes += frame.wire_len;
    ++ledger.dropped[static_cast<size_t>(verdict.reason)];
    if (verdict.reason == DropReason::kEthertype) ledger.ethertypes.count(verdict.ethertype);
  }
  ledger.filtered_out += filtered_out;
  ledger.rx_packets += count - filtered_out;
  ledger.rx_bytes += rx_bytes;
  ledger.late_packets += late_packets;
  ledger.ip_packets += decoded;
  ledger.ip_bytes += rx_bytes - dropped_bytes;
  ledger.first_seen_ns = first_ns;
  ledger.last_seen_ns = last_ns;
  const Burst of_tasks(packets, decoded);
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

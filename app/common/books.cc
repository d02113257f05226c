#include "common/books.h"

#include "absl/strings/str_cat.h"

namespace netspectra {

void Books::add(const EpochResult& result, const TaskPlan& plan) {
  ledger_.merge(result.ledger);
  faults_.insert(faults_.end(), result.faults.begin(), result.faults.end());
  for (const TaskResult& task : result.tasks) {
    if (task.task->kind != TaskKind::kExact) continue;
    uint64_t packets = task.overflow.packets;
    for (const FlowRecord& record : task.records) packets += record.counters.packets;
    if (packets == result.ledger.ip_packets) continue;
    faults_.push_back(absl::StrCat("internal error: task ", task.task->name, " accounts for ", packets,
                                   " of ", result.ledger.ip_packets, " IP packets"));
  }
  for (size_t measured : plan.measured) overflow_packets_ += result.tasks[measured].overflow.packets;
}

void Books::close(uint64_t received_by_ports) {
  const uint64_t read = ledger_.rx_packets + ledger_.filtered_out;
  if (!ledger_.balanced() || read != received_by_ports) {
    faults_.push_back(absl::StrCat("internal error: ", received_by_ports, " packets received, but ",
                                   ledger_.ip_packets, " IP + ", ledger_.not_ip(), " not IP + ",
                                   ledger_.malformed(), " malformed + ", ledger_.filtered_out,
                                   " filtered out"));
  }
}

}  // namespace netspectra

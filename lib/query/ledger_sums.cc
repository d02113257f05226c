#include "query/ledger_sums.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/drop_reason.h"
#include "base/saturating_sum.h"

namespace netspectra {
namespace {

// Those that each kind of store counts in its own way.
constexpr uint64_t LedgerSums::*kCounted[] = {
    &LedgerSums::epochs,           &LedgerSums::missing_snapshots, &LedgerSums::incomplete_epochs,
    &LedgerSums::faults,           &LedgerSums::expired_epochs,    &LedgerSums::counted_packets,
    &LedgerSums::overflow_packets, &LedgerSums::overflow_bytes};

}  // namespace

void add_ledger(const LedgerSums& from, LedgerSums& to) {
  to.first_start_ns = to.epochs == 0 ? from.first_start_ns : std::min(to.first_start_ns, from.first_start_ns);
  to.last_end_ns = std::max(to.last_end_ns, from.last_end_ns);
  for (const auto& [name, sum] : kSummedColumns) saturating_add(to.*sum, from.*sum);
  for (const auto counted : kCounted) saturating_add(to.*counted, from.*counted);
  for (const auto& [reason, packets] : from.malformed_by) saturating_add(to.malformed_by[reason], packets);
}

std::string malformed_reasons_sql() {
  std::string names;
  for (size_t i = 0; i < kDropReasonCount; ++i) {
    if (!is_malformed(static_cast<DropReason>(i))) continue;
    absl::StrAppend(&names, names.empty() ? "'" : ",'", kDropReasonNames[i], "'");
  }
  return names;
}

}  // namespace netspectra

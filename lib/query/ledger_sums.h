// What the ledgers of all kinds of stores have in common: which columns are added up, and the sum over probes.
//
// Shapes: source.h; docs/store.md has the columns. Sums that do not fit in 64 bits stay at 2^64 - 1.
// Threads: pure. Errors: none.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "query/source.h"

namespace netspectra {

// The columns of `epochs` that are simply added up.
inline constexpr std::pair<const char*, uint64_t LedgerSums::*> kSummedColumns[] = {
    {"rx_packets", &LedgerSums::rx_packets},
    {"rx_bytes", &LedgerSums::rx_bytes},
    {"ip_packets", &LedgerSums::ip_packets},
    {"ip_bytes", &LedgerSums::ip_bytes},
    {"not_ip", &LedgerSums::not_ip},
    {"malformed", &LedgerSums::malformed},
    {"other_drops", &LedgerSums::other_drops},
    {"filtered_out", &LedgerSums::filtered_out},
    {"late_packets", &LedgerSums::late_packets},
    {"nic_missed", &LedgerSums::nic_missed},
    {"no_mbuf", &LedgerSums::no_mbuf},
    {"nic_errors", &LedgerSums::nic_errors},
    {"kernel_dropped", &LedgerSums::kernel_dropped},
    {"epoch_overruns", &LedgerSums::epoch_overruns},
};

// Of one probe, to those of others.
void add_ledger(const LedgerSums& from, LedgerSums& to);

// "'ipv4_bad_ihl',...": the reasons that malformed_by has. A newer probe's are none of these.
std::string malformed_reasons_sql();

}  // namespace netspectra

// Results -> text, in one of three formats.
//
// Purpose: a Writer is given every epoch in order, then the summary once. JSON Lines and CSV are for
//   programs (integers only, no rounding); the table is for people (units, rates, shares).
// Shapes: docs/pcap-analyzer.md, "Output".
// Ownership: borrows the Sink. Threads: one thread.
// Errors: the first failed write (full disk, closed pipe) is kept by the Sink and makes the run fail.
// Cost: JSON about 0.15 us a row.
#pragma once

#include <cstdint>
#include <memory>

#include "merge/epoch_result.h"
#include "output/format.h"
#include "output/run_summary.h"
#include "output/sink.h"

namespace netspectra {

class Writer {
 public:
  virtual ~Writer() = default;
  virtual void epoch(const EpochResult& result) = 0;
  virtual void summary(const RunSummary& summary) = 0;
};

// `top`: rows printed per task and epoch; 0 = all.
std::unique_ptr<Writer> make_writer(Format format, uint64_t top, Sink& sink);

}  // namespace netspectra

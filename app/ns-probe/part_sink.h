// Where a probe's sealed parts go.
//
// Threads: the control core.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "task/epoch_part.h"
#include "telemetry/probe_status.h"

namespace netspectra {

class PartSink {
 public:
  virtual ~PartSink() = default;
  virtual void part(EpochPart part) = 0;
  // No part of an epoch that starts before this will come any more.
  virtual void watermark(uint64_t ns) = 0;
  // A period is over, and all of it has been handed to part().
  virtual void period(const ProbeStatus&) {}
  // False once something could not be written: there is no sense in going on.
  virtual bool healthy() const { return true; }
  // What happened since the last call, a line each.
  virtual std::vector<std::string> take_events() { return {}; }
  // The last call: what is kept back goes out. False when something could not be delivered or written.
  virtual bool close() = 0;
};

}  // namespace netspectra

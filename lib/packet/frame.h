// One received frame, before decode: where its bytes are and what the receiver knows about it.
//
// Shapes and units: `captured` bytes are readable at `data`; `wire_len` is the frame's length on the wire
//   (link header included), which is more where a snaplen cut the capture. Times are nanoseconds since the
//   Unix epoch; 0 = the source gave no time.
// Ownership: `data` is borrowed from the mbuf or the mapped capture that it came with.
// Threads: plain data.
#pragma once

#include <cstdint>

#include "packet/link_type.h"

namespace netspectra {

struct Frame {
  const uint8_t* data;
  uint64_t ts_ns;
  uint64_t clock_ns;  // largest ts_ns of its source so far: never goes back, so epochs are cut by it
  uint32_t captured;
  uint32_t wire_len;
  LinkType link;
};

}  // namespace netspectra

// How the estimators keep flow keys.
#pragma once

#include <cstddef>

#include "packet/flow_key.h"
#include "sketch/key_layout.h"

namespace netspectra {

// Only the words of which something is selected; of the IP version alone, as beside a single address, a bit.
inline KeyLayout key_layout(KeyFields fields) {
  constexpr unsigned kWord = offsetof(FlowKey, ip_version) / 8,
                     kShift = offsetof(FlowKey, ip_version) % 8 * 8;
  return KeyLayout(KeyMask(fields).words(),
                   {kWord, uint64_t{0xff} << kShift, uint64_t{4} << kShift, uint64_t{6} << kShift});
}

}  // namespace netspectra

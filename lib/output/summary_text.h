// The summary of a run as people read it.
//
// Shapes: a block of "label  text" lines; long lists are wrapped. ASCII, but for what file names hold.
// Threads: no state. Errors: none.
#pragma once

#include <string>

#include "output/run_summary.h"

namespace netspectra {

std::string summary_text(const RunSummary& summary);

}  // namespace netspectra

// One run: files -> pipelines -> merged epochs -> output and store.
//
// Threads: call on the main thread; it becomes the control core. Returns the exit status.
#pragma once

#include "config/analyzer_options.h"

namespace netspectra {

int analyze(const AnalyzerOptions& options);

}  // namespace netspectra

// What the table writer shows of one task, one source file for flows and one for estimates: a title that says
// what it is, the rows, an empty line.
#pragma once

#include <cstdint>

#include "base/ledger.h"
#include "output/sink.h"
#include "task/task_result.h"

namespace netspectra {

void write_flows(const TaskResult& result, uint64_t top, Sink& sink);
// `ledger`: of the whole epoch, which shares refer to.
void write_heavy_hitters(const TaskResult& result, const Ledger& ledger, uint64_t top, Sink& sink);
void write_spreads(const TaskResult& result, uint64_t top, Sink& sink);
void write_cardinality(const TaskResult& result, Sink& sink);

}  // namespace netspectra

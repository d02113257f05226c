// Tables for people: one per task, under the epoch's time where there are several; the summary.
#include <string>

#include "absl/strings/str_cat.h"
#include "base/units.h"
#include "output/summary_text.h"
#include "output/task_tables.h"
#include "output/wording.h"
#include "output/writers.h"

namespace netspectra {
namespace {

class TableWriter final : public Writer {
 public:
  TableWriter(uint64_t top, Sink& sink) : top_(top), sink_(sink) {}

  void epoch(const EpochResult& result) override {
    if (result.period_ns != 0) {
      const std::string heading = absl::StrCat(
          "Epoch ", short_time(result.start_ns), " UTC, ", exact_duration_ns(result.period_ns), ": ",
          counted(result.ledger.rx_packets, "packet"), ", ", human_bytes(result.ledger.rx_bytes));
      sink_.append(absl::StrCat(heading, "\n", std::string(heading.size(), '-'), "\n"));
    }
    for (const TaskResult& task : result.tasks) write_task(task, result.ledger);
  }

  void summary(const RunSummary& summary) override { sink_.append(summary_text(summary)); }

 private:
  void write_task(const TaskResult& task, const Ledger& ledger) {
    switch (task.task->kind) {
      case TaskKind::kExact:
        return write_flows(task, top_, sink_);
      case TaskKind::kHeavyHitters:
        return write_heavy_hitters(task, ledger, top_, sink_);
      case TaskKind::kSuperSpreader:
        return write_spreads(task, top_, sink_);
      case TaskKind::kCardinality:
        return write_cardinality(task, sink_);
    }
  }

  const uint64_t top_;
  Sink& sink_;
};

}  // namespace

std::unique_ptr<Writer> make_table_writer(uint64_t top, Sink& sink) {
  return std::make_unique<TableWriter>(top, sink);
}

}  // namespace netspectra

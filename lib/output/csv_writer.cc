// CSV: one header, then a line for each row. There is none for the summary: it has other columns.
#include "output/csv_rows.h"
#include "output/rows.h"
#include "output/writers.h"

namespace netspectra {
namespace {

class CsvWriter final : public Writer {
 public:
  CsvWriter(uint64_t top, Sink& sink) : top_(top), sink_(sink) { sink_.append(kCsvHeader); }

  void epoch(const EpochResult& result) override {
    for (const TaskResult& task : result.tasks) {
      append_rows(CsvRows(*task.task, result.start_ns), task, top_, sink_);
    }
  }

  void summary(const RunSummary&) override {}

 private:
  const uint64_t top_;
  Sink& sink_;
};

}  // namespace

std::unique_ptr<Writer> make_csv_writer(uint64_t top, Sink& sink) {
  return std::make_unique<CsvWriter>(top, sink);
}

}  // namespace netspectra

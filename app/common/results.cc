#include "common/results.h"

#include "common/report.h"

namespace netspectra {

absl::StatusOr<std::unique_ptr<Results>> Results::open(const ResultsConfig& config) {
  std::unique_ptr<Results> results(new Results);
  absl::StatusOr<std::unique_ptr<Sink>> sink = Sink::open(config.output);
  if (!sink.ok()) return sink.status();
  results->sink_ = *std::move(sink);
  results->writer_ = make_writer(config.format, config.rows, *results->sink_);
  if (!config.store.empty()) {
    absl::StatusOr<std::unique_ptr<Store>> store = open_store(config.store);
    if (!store.ok()) return store.status();
    results->store_ = *std::move(store);
  }
  return results;
}

void Results::epoch(const EpochResult& result) {
  if (result.ledger.rx_packets + result.ledger.filtered_out + result.source.lost() == 0) return;
  writer_->epoch(result);
  if (store_ == nullptr || !store_status_.ok()) return;
  store_status_ = store_->put(result);
  if (!store_status_.ok()) report_error(std::string(store_status_.message()));
  for (const std::string& line : store_->take_complaints()) report_error(line);
}

bool Results::close(const RunSummary& summary) {
  writer_->summary(summary);
  if (store_ != nullptr && store_status_.ok()) {
    store_status_ = store_->close();
    if (!store_status_.ok()) report_error(std::string(store_status_.message()));
  }
  const absl::Status output_status = sink_->close();
  if (!output_status.ok()) report_error(std::string(output_status.message()));
  return store_status_.ok() && output_status.ok();
}

}  // namespace netspectra

#include "local_sink.h"

#include <utility>

#include "common/report.h"

namespace netspectra {

absl::StatusOr<std::unique_ptr<LocalSink>> LocalSink::open(const ProbeOptions& options, uint64_t run) {
  std::unique_ptr<LocalSink> sink(new LocalSink(options, run));
  absl::StatusOr<std::unique_ptr<Results>> results =
      Results::open({options.format, options.rows(), options.output, options.store});
  if (!results.ok()) return results.status();
  sink->results_ = *std::move(results);
  return sink;
}

EpochMerger& LocalSink::merger_of(const std::shared_ptr<const TaskPlan>& plan) {
  for (const std::unique_ptr<Merging>& merging : merging_) {
    if (merging->plan == plan) return merging->merger;
  }
  const uint64_t ranked = options_.store.empty() ? options_.rows() : 0;
  merging_.push_back(
      std::make_unique<Merging>(Merging{plan, EpochMerger(*plan, options_.period_ns, ranked)}));
  return merging_.back()->merger;
}

void LocalSink::part(EpochPart part) {
  source_ += part.source;
  merger_of(part.plan).add(std::move(part));
}

void LocalSink::watermark(uint64_t ns) {
  for (const std::unique_ptr<Merging>& merging : merging_) {
    merging->merger.emit_before(ns, [&](EpochResult result) { epoch(std::move(result), *merging->plan); });
  }
}

void LocalSink::epoch(EpochResult result, const TaskPlan& plan) {
  result.origin.site = options_.site;
  result.origin.probe = options_.probe_id;
  result.origin.run = run_;
  books_.add(result, plan);
  results_->epoch(result);
}

bool LocalSink::close() {
  watermark(UINT64_MAX);
  books_.close(source_.received);
  RunSummary summary;
  for (const PortOptions& port : options_.ports) summary.files.push_back(port.spec);
  summary.ledger = books_.ledger();
  summary.overflow_packets = books_.overflow_packets();
  summary.source = source_;
  summary.elapsed_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
  for (const std::string& fault : books_.faults()) report_error(fault);
  return results_->close(summary) && books_.faults().empty();
}

}  // namespace netspectra

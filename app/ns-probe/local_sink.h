// --sink local: merged, shown and stored in this process, as pcap-analyzer does.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/books.h"
#include "common/results.h"
#include "config/probe_options.h"
#include "merge/epoch_merger.h"
#include "part_sink.h"

namespace netspectra {

class LocalSink final : public PartSink {
 public:
  // `run`: the start of the process; names its epochs in the store.
  static absl::StatusOr<std::unique_ptr<LocalSink>> open(const ProbeOptions& options, uint64_t run);

  void part(EpochPart part) override;
  void watermark(uint64_t ns) override;
  bool healthy() const override { return results_->healthy(); }
  bool close() override;

 private:
  // The parts of one plan: another one begins where the tasks were changed.
  struct Merging {
    std::shared_ptr<const TaskPlan> plan;
    EpochMerger merger;
  };

  LocalSink(const ProbeOptions& options, uint64_t run) : options_(options), run_(run) {}
  EpochMerger& merger_of(const std::shared_ptr<const TaskPlan>& plan);
  void epoch(EpochResult result, const TaskPlan& plan);

  const ProbeOptions& options_;
  const uint64_t run_;
  std::unique_ptr<Results> results_;
  std::vector<std::unique_ptr<Merging>> merging_;  // the oldest first
  Books books_;
  SourceStats source_;
  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

}  // namespace netspectra

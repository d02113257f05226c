// Where results go: the output and, if there is one, the store.
//
// Threads: one thread. Errors: open() as Sink::open() and open_store(); what cannot be written later is reported by
//   close(), once, and makes it return false; what cannot be stored, as soon as that happens.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "merge/epoch_result.h"
#include "output/format.h"
#include "output/run_summary.h"
#include "output/sink.h"
#include "output/writer.h"
#include "store/store.h"

namespace netspectra {

struct ResultsConfig {
  Format format;
  uint64_t rows;  // shown per task and epoch; 0 = all
  std::string output;
  std::string store;  // "" = none
};

class Results {
 public:
  static absl::StatusOr<std::unique_ptr<Results>> open(const ResultsConfig& config);

  // An epoch in which nothing came and nothing was lost is not shown. What cannot be stored is reported at once.
  void epoch(const EpochResult& result);
  // Whether all that was given so far could be written.
  bool healthy() const { return store_status_.ok() && sink_->ok(); }
  // Writes the summary, closes everything, and reports what could not be written.
  bool close(const RunSummary& summary);

 private:
  Results() = default;
  std::unique_ptr<Sink> sink_;
  std::unique_ptr<Writer> writer_;
  std::unique_ptr<Store> store_;
  absl::Status store_status_;
};

}  // namespace netspectra

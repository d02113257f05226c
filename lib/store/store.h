// Where merged epochs are kept.
//
// Purpose: one interface, chosen by URL. Epochs are put in any order, each (origin, start, amendment) once.
// Shapes: docs/store.md.
// Ownership: owns its files or connections. Threads: one thread.
// Errors: put() and close() name the file or table and the cause. What was put before stays stored. After a
//   failed put() the store is closed: every further put() gives the same error, close() does nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "merge/epoch_result.h"

namespace netspectra {

class Store {
 public:
  virtual ~Store() = default;
  virtual absl::Status put(const EpochResult& result) = 0;
  // What is stored of this epoch of this run of a probe: every amendment's origin, in any order, with at least its
  // amendment, missing_snapshots and holds; none: nothing. An epoch that put() has stored is found from then on, also
  // by another process and after a crash: whoever was told of no outcome asks here.
  virtual absl::StatusOr<std::vector<EpochOrigin>> find(const EpochOrigin& epoch, uint64_t start_ns) {
    return absl::UnimplementedError(
        absl::StrCat("epoch ", start_ns, " of ", epoch.probe, ": this store cannot be asked what it holds"));
  }
  // What has gone wrong beside epochs that were stored all the same, a line each; then forgotten.
  virtual std::vector<std::string> take_complaints() { return {}; }
  virtual absl::Status close() = 0;
};

// For messages: the URL without a login.
std::string store_name(const std::string& url);

// "files:DIR": JSON Lines per epoch and task (docs/store.md). Other schemes are refused by name.
absl::StatusOr<std::unique_ptr<Store>> open_store(const std::string& url);

}  // namespace netspectra

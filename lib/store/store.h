// Where merged epochs are kept.
//
// Purpose: one interface, chosen by URL. Epochs are put in any order, each start once.
// Shapes: docs/store.md.
// Ownership: owns its files or connections. Threads: one thread.
// Errors: put() and close() name the file or table and the cause. What was put before stays stored. After a
//   failed put() the store is closed: every further put() gives the same error, close() does nothing.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "merge/epoch_result.h"

namespace netspectra {

class Store {
 public:
  virtual ~Store() = default;
  virtual absl::Status put(const EpochResult& result) = 0;
  virtual absl::Status close() = 0;
};

// "files:DIR": JSON Lines per epoch and task (docs/store.md). Other schemes are refused by name.
absl::StatusOr<std::unique_ptr<Store>> open_store(const std::string& url);

}  // namespace netspectra

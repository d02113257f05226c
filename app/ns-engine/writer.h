// The store, through its failures: what is to be written is written, once, before anything else goes on.
//
// Purpose: a store that has failed is opened again, every second at first and every 30 s at last. Whether the epoch at
//   hand was written nevertheless is asked of the store: an epoch whose amendment is there is not written again.
// Threads: one thread. Errors: trouble is reported once, and when it is over.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "merge/epoch_result.h"
#include "store/store.h"

namespace netspectra {

class Writer {
 public:
  // `pause`: waits, seconds, and says whether to go on.
  using Pause = std::function<bool(unsigned seconds)>;

  static absl::StatusOr<std::unique_ptr<Writer>> open(const std::string& url, Pause pause);

  // False where it was given up since `pause` said so; it is not known then whether it is stored.
  bool put(const EpochResult& result);
  absl::StatusOr<std::vector<EpochOrigin>> find(const EpochOrigin& epoch, uint64_t start_ns);
  absl::Status close();
  const std::string& trouble() const { return trouble_; }  // "" = none

 private:
  Writer(std::string url, Pause pause) : url_(std::move(url)), pause_(std::move(pause)) {}
  absl::Status reopen();
  absl::Status try_put(const EpochResult& result);
  void tell_trouble(const absl::Status& status);
  void tell_it_works();

  const std::string url_;
  const Pause pause_;
  std::unique_ptr<Store> store_;  // null: failed
  bool in_doubt_ = false;         // whether the epoch at hand is stored
  std::string trouble_;           // as it was told; "" = none
};

}  // namespace netspectra

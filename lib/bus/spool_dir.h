// The folder that holds the spool: whose it is, and what an earlier run left there.
//
// Shapes: DIR/lock, held by flock() and with the owner's process number in it; a file per epoch,
//   DIR/<epoch start in ns, 20 digits>-<run, 10 digits>.spool (spool_file.h). A run's number is one more than
//   the highest that it finds, so that it never appends to another run's file. Other files are left alone.
// Errors: open(): the folder cannot be made, read or written, or another process holds it.
// Threads: one.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace netspectra {

// Epochs in the order in which they are sent, and given up.
struct EpochKey {
  uint64_t epoch_ns = 0;
  uint64_t run = 0;
  auto operator<=>(const EpochKey&) const = default;
};

class SpoolDir {
 public:
  struct Leftover {
    EpochKey key;
    uint64_t bytes;
  };

  // Makes `dir` where it is missing (not its parents).
  static absl::StatusOr<std::unique_ptr<SpoolDir>> open(const std::string& dir);
  ~SpoolDir();
  SpoolDir(const SpoolDir&) = delete;
  SpoolDir& operator=(const SpoolDir&) = delete;

  const std::string& path() const { return dir_; }
  std::string file_path(const EpochKey& key) const;
  const std::vector<Leftover>& leftovers() const { return leftovers_; }
  uint64_t run() const { return run_; }
  absl::Status sync();  // the names of the files

 private:
  SpoolDir(std::string dir, int lock_fd) : dir_(std::move(dir)), lock_fd_(lock_fd) {}
  absl::Status list();

  const std::string dir_;
  const int lock_fd_;
  std::vector<Leftover> leftovers_;
  uint64_t run_ = 1;
};

}  // namespace netspectra

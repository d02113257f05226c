// pcap:FILE ports: capture files in a probe's place of NICs, as fast as they can be read.
//
// Purpose: the same snapshots without a NIC. An epoch's time is the captures' own.
// Threads: the control core. Errors: open(): a file that cannot be read at all; errors(): where one broke off.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "capture/capture_file.h"
#include "worker/capture_manager.h"

namespace netspectra {

class CaptureSource {
 public:
  static absl::StatusOr<std::unique_ptr<CaptureSource>> open(const std::vector<std::string>& paths,
                                                             unsigned workers, uint64_t period_ns,
                                                             std::shared_ptr<const TaskPlan> plan);
  unsigned lcores() const;  // polling ones
  absl::Status make_manager(const EalInfo& eal);
  CaptureManager& manager() { return *manager_; }
  std::vector<std::string> errors() const;

 private:
  CaptureSource() = default;
  std::vector<std::unique_ptr<CaptureFile>> files_;
  CaptureManagerConfig config_;
  std::unique_ptr<CaptureManager> manager_;
};

}  // namespace netspectra

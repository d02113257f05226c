// One probe of a name at a time on a machine.
//
// Purpose: two probes with one site and probe id would publish under the same message ids, and each would have what the
//   other sends dropped as a repeat. Method: a socket in Linux's abstract namespace, gone with the process; so it holds
//   within one network namespace.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace netspectra {

class InstanceLock {
 public:
  static absl::StatusOr<InstanceLock> take(const std::string& site, const std::string& probe);
  InstanceLock(InstanceLock&& other) noexcept;
  InstanceLock& operator=(InstanceLock&&) = delete;
  ~InstanceLock();

 private:
  explicit InstanceLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace netspectra

#include "instance_lock.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"
#include "short_name.h"

namespace netspectra {

absl::StatusOr<InstanceLock> InstanceLock::take(const std::string& site, const std::string& probe) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return absl::ErrnoToStatus(errno, "socket");
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  const std::string name = short_name(site, probe);
  static_assert(kMaxShortName < sizeof(address.sun_path));  // the first byte stays 0: abstract
  std::copy(name.begin(), name.end(), address.sun_path + 1);
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), length) == 0) return InstanceLock(fd);
  const int error = errno;
  close(fd);
  if (error != EADDRINUSE) return absl::ErrnoToStatus(error, "bind");
  return absl::FailedPreconditionError(absl::StrCat("another ns-probe runs here as ", site, "/", probe,
                                                    ": stop it, or give this one a --probe-id of its own"));
}

InstanceLock::InstanceLock(InstanceLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

InstanceLock::~InstanceLock() {
  if (fd_ >= 0) close(fd_);
}

}  // namespace netspectra

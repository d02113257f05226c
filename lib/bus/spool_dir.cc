#include "bus/spool_dir.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace netspectra {
namespace {

absl::Status errno_status(const std::string& path) {
  return absl::ErrnoToStatus(errno, absl::StrCat("spool ", path));
}

// At the start: the folder itself cannot be had.
absl::Status unusable(const std::string& path) {
  const absl::Status status = errno_status(path);
  return {status.code(),
          absl::StrCat(status.message(),
                       "; a spool needs a folder that this user may write, in one that exists")};
}

bool parse_file_name(const std::string& name, EpochKey& key) {
  int length = 0;
  return std::sscanf(name.c_str(), "%20" SCNu64 "-%10" SCNu64 ".spool%n", &key.epoch_ns, &key.run, &length) ==
             2 &&
         name.size() == 20 + 1 + 10 + 6 && length == static_cast<int>(name.size());
}

std::string owner(int lock_fd) {
  char text[32] = {};
  if (::pread(lock_fd, text, sizeof(text) - 1, 0) <= 0) return "another process";
  return absl::StrCat("process ", std::string(text, std::string(text).find_first_of("\n")));
}

}  // namespace

absl::StatusOr<std::unique_ptr<SpoolDir>> SpoolDir::open(const std::string& dir) {
  if (::mkdir(dir.c_str(), 0750) != 0 && errno != EEXIST) return unusable(dir);
  const std::string lock_path = dir + "/lock";
  const int lock_fd = ::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
  if (lock_fd < 0) return unusable(dir);
  std::unique_ptr<SpoolDir> spool(new SpoolDir(dir, lock_fd));
  if (::flock(lock_fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return errno_status(lock_path);
    return absl::FailedPreconditionError(absl::StrCat("spool ", dir, ": in use by ", owner(lock_fd),
                                                      "; give each probe a spool folder of its own"));
  }
  // Who holds it is a courtesy: on a full disk the line stays empty, and the lock holds all the same.
  const std::string pid = absl::StrCat(::getpid(), "\n");
  if (::ftruncate(lock_fd, 0) == 0) (void)!::pwrite(lock_fd, pid.data(), pid.size(), 0);
  if (absl::Status status = spool->list(); !status.ok()) return status;
  return spool;
}

SpoolDir::~SpoolDir() { ::close(lock_fd_); }

std::string SpoolDir::file_path(const EpochKey& key) const {
  return absl::StrFormat("%s/%020d-%010d.spool", dir_, key.epoch_ns, key.run);
}

absl::Status SpoolDir::list() {
  std::error_code error;
  for (std::filesystem::directory_iterator at(dir_, error), end; !error && at != end; at.increment(error)) {
    EpochKey key;
    struct stat found;
    if (!parse_file_name(at->path().filename().string(), key)) continue;
    if (::stat(at->path().c_str(), &found) != 0 || !S_ISREG(found.st_mode)) continue;
    run_ = std::max(run_, key.run + 1);
    if (found.st_size == 0) {
      ::unlink(at->path().c_str());  // everything in it had been acknowledged
      continue;
    }
    leftovers_.push_back({key, static_cast<uint64_t>(found.st_size)});
  }
  if (error) return absl::ErrnoToStatus(error.value(), absl::StrCat("spool ", dir_));
  return absl::OkStatus();
}

absl::Status SpoolDir::sync() {
  const int fd = ::open(dir_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return errno_status(dir_);
  absl::Status status = ::fsync(fd) == 0 ? absl::OkStatus() : errno_status(dir_);
  ::close(fd);
  return status;
}

}  // namespace netspectra

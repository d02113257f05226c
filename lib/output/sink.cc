#include "output/sink.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace netspectra {
namespace {

constexpr size_t kBufferBytes = 256 * 1024;

}  // namespace

absl::StatusOr<std::unique_ptr<Sink>> Sink::open(const std::string& path) {
  const bool standard_output = path == "-";
  std::string name = standard_output ? "standard output" : path;
  const int fd = standard_output ? ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0)
                                 : ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd < 0) return absl::ErrnoToStatus(errno, name);
  return std::unique_ptr<Sink>(new Sink(std::move(name), fd));
}

Sink::Sink(std::string name, int fd) : name_(std::move(name)), fd_(fd) { buffer_.reserve(kBufferBytes); }

Sink::~Sink() { (void)close(); }

void Sink::append(std::string_view text) {
  if (text.size() > kBufferBytes - buffer_.size()) {
    flush();
    if (text.size() > kBufferBytes) return write_all(text);
  }
  buffer_.append(text);
}

void Sink::sync() {
  flush();
  if (error_ == 0 && ::fsync(fd_) != 0) remember_error();
}

absl::Status Sink::close() {
  if (fd_ >= 0) {
    flush();
    // Not repeated after EINTR: Linux has released the descriptor by then (close(2)).
    if (::close(fd_) != 0 && errno != EINTR) remember_error();
    fd_ = -1;
  }
  return error_ == 0 ? absl::OkStatus() : absl::ErrnoToStatus(error_, name_);
}

void Sink::flush() {
  write_all(buffer_);
  buffer_.clear();
}

void Sink::write_all(std::string_view text) {
  while (error_ == 0 && !text.empty()) {
    const ssize_t written = ::write(fd_, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(size_t(written));
    } else if (errno != EINTR) {
      remember_error();
    }
  }
}

void Sink::remember_error() {
  if (error_ == 0) error_ = errno;
}

}  // namespace netspectra

#include "capture/pcap_pipe.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <vector>

#include "absl/strings/str_format.h"
#include "capture/capture_reader.h"

namespace netspectra {
namespace {

constexpr int kPipeBytes = 1 << 20;  // what an unprivileged process may ask for
constexpr size_t kBatchBytes = 256 << 10;
constexpr int kReaderBytesPerNs = 5;  // no libpcap reads faster

struct Feed {
  const CaptureFile& file;
  int write_fd;
  int stop_fd;
  int pipe_bytes;

  void run() {
    std::vector<uint8_t> batch(kBatchBytes + kPcapRecordHeaderBytes + kMaxCapturedBytes);
    // pcap 2.4 in ns; no zone, no accuracy; snaplen; Ethernet.
    const std::array<uint32_t, 6> file_header = {0xa1b23c4d, 4u << 16 | 2u, 0, 0, kMaxCapturedBytes, 1};
    static_assert(sizeof(file_header) == kPcapHeaderBytes);
    std::memcpy(batch.data(), file_header.data(), sizeof(file_header));
    size_t filled = sizeof(file_header);

    CaptureReader reader(file);
    CaptureRecord record;
    while (reader.next(record)) {
      const std::array<uint32_t, 4> header = {static_cast<uint32_t>(record.ts_ns / 1000000000),
                                              static_cast<uint32_t>(record.ts_ns % 1000000000),
                                              record.captured, record.wire_len};
      static_assert(sizeof(header) == kPcapRecordHeaderBytes);
      std::memcpy(&batch[filled], header.data(), sizeof(header));
      std::memcpy(&batch[filled + sizeof(header)], record.data, record.captured);
      filled += sizeof(header) + record.captured;
      if (filled < kBatchBytes) continue;
      if (!write_all(batch.data(), filled)) return;
      filled = 0;
    }
    write_all(batch.data(), filled);
  }

  // False when there is no reader any more, or the feeder has to stop.
  bool write_all(const uint8_t* bytes, size_t size) {
    while (size > 0) {
      const ssize_t written = ::write(write_fd, bytes, size);
      if (written < 0 && errno == EAGAIN) {
        if (stopped_while_pausing()) return false;
        continue;
      }
      if (written < 0) return false;  // EPIPE: the reader has closed
      bytes += written;
      size -= static_cast<size_t>(written);
    }
    return true;
  }

  // With the pipe full. Not poll() for room in it: libpcap reads 4 KiB at a time, and each such read would
  // wake the feeder for 4 KiB more, which cost the reader more than the reading. A pause that a reader cannot
  // empty the pipe in wakes nobody.
  bool stopped_while_pausing() const {
    pollfd stop = {stop_fd, POLLIN, 0};
    const timespec pause = {0, pipe_bytes / kReaderBytesPerNs};
    return ::ppoll(&stop, 1, &pause, nullptr) > 0;
  }
};

absl::Status failure(const char* what, int error) {
  return absl::InternalError(absl::StrFormat("%s: %s", what, std::strerror(error)));
}

}  // namespace

absl::StatusOr<std::unique_ptr<PcapPipe>> PcapPipe::start(const CaptureFile& file, const cpu_set_t& cpus) {
  std::unique_ptr<PcapPipe> pipe(new PcapPipe);
  std::array<int, 2> ends;
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return failure("pipe", errno);
  pipe->read_fd_ = ends[0];
  pipe->write_fd_ = ends[1];
  ::fcntl(pipe->write_fd_, F_SETPIPE_SZ, kPipeBytes);  // refused past the user's limit; then 64 KiB must do
  const int pipe_bytes = ::fcntl(pipe->write_fd_, F_GETPIPE_SZ);
  if (pipe_bytes < 0) return failure("pipe", errno);
  if (::fcntl(pipe->write_fd_, F_SETFL, O_NONBLOCK) != 0) return failure("pipe", errno);
  pipe->stop_fd_ = ::eventfd(0, EFD_CLOEXEC);
  if (pipe->stop_fd_ < 0) return failure("eventfd", errno);

  // A thread inherits the signal mask: blocked here, no signal can reach the feeder before it blocks its own.
  sigset_t all, before;
  sigfillset(&all);
  sigdelset(&all, SIGBUS);  // a mapped file that was cut shorter: blocked, it would end the process unasked
  pthread_sigmask(SIG_SETMASK, &all, &before);
  absl::Status status = absl::OkStatus();
  try {
    pipe->feeder_ = std::thread([feed = Feed{file, pipe->write_fd_, pipe->stop_fd_, pipe_bytes},
                                 cpus]() mutable {
      pthread_setaffinity_np(pthread_self(), sizeof(cpus), &cpus);  // a wish: without it, it is only slower
      feed.run();
      ::close(feed.write_fd);  // the reader's end of file
    });
  } catch (const std::system_error& error) {
    status = failure("thread", error.code().value());
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (!status.ok()) return status;
  pipe->write_fd_ = -1;
  return pipe;
}

void PcapPipe::close_read_end() {
  if (read_fd_ >= 0) ::close(read_fd_);
  read_fd_ = -1;
}

PcapPipe::~PcapPipe() {
  if (feeder_.joinable()) {
    ::eventfd_write(stop_fd_, 1);
    feeder_.join();
  }
  close_read_end();
  if (write_fd_ >= 0) ::close(write_fd_);
  if (stop_fd_ >= 0) ::close(stop_fd_);
}

}  // namespace netspectra

// A buffered output file that does not forget an error.
//
// Purpose: results are written in many small pieces; a full disk or a closed pipe must fail the run, however
//   late it shows. The first error is kept, everything appended after it is dropped.
// Ownership: owns its file descriptor (for "-" a duplicate of standard output, so that closing it reports
//   what a network file system holds back until then).
// Threads: one thread. Errors: close() gives them, as "PATH: cause".
// Cost: a copy into 256 KiB; one write() per 256 KiB.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace netspectra {

class Sink {
 public:
  // Creates or truncates the file; "-" is standard output.
  static absl::StatusOr<std::unique_ptr<Sink>> open(const std::string& path);
  ~Sink();  // closes without a word where close() was not called
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;

  void append(std::string_view text);
  // What was appended so far can be read by others.
  void flush();
  bool ok() const { return error_ == 0; }  // so far
  // Flushes, and waits until the file is on the disk. For regular files.
  void sync();
  // Flushes, closes, and returns the first error since open().
  absl::Status close();

 private:
  Sink(std::string name, int fd);
  void write_all(std::string_view text);
  void remember_error();

  std::string name_;    // as errors call it
  std::string buffer_;  // never grows beyond what it reserves at the start
  int fd_;              // -1 = closed
  int error_ = 0;       // errno of the first failure
};

}  // namespace netspectra

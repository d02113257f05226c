// What DPDK logs during a call that may fail: held back, as the cause to be told in one line.
//
// Threads: set-up, one thread at a time: DPDK has one log stream.
#pragma once

#include <rte_log.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace netspectra {

class HeldDpdkLog {
 public:
  HeldDpdkLog() : stream_(open_memstream(&text_, &size_)) {
    if (stream_ != nullptr) rte_openlog_stream(stream_);
  }
  ~HeldDpdkLog() { end(); }
  HeldDpdkLog(const HeldDpdkLog&) = delete;
  HeldDpdkLog& operator=(const HeldDpdkLog&) = delete;

  // The first line that was said, which is the one closest to the cause; the stream is DPDK's default again.
  std::string end() {
    if (stream_ == nullptr) return "";
    rte_openlog_stream(nullptr);
    std::fclose(stream_);
    stream_ = nullptr;
    const std::string line(text_, std::strcspn(text_, "\n"));
    std::free(text_);
    return line;
  }

 private:
  char* text_ = nullptr;
  size_t size_ = 0;
  std::FILE* stream_;
};

}  // namespace netspectra

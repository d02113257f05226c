// Fuzz target of `ns-probe --mode sub`: a series of messages, good ones, good ones with changes, and any bytes.
//
// Input: messages, each a byte that says which, a byte that says how many bytes follow for it, and those bytes: the
//   whole message; a health message; or changes to a good one: triples of a position (two bytes) and a value.
// Checks: nothing crashes; every line that is printed is one object of JSON without control characters; what is refused
//   says why in printable ASCII.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "good_messages.h"
#include "snapshot_printer.h"

namespace {

using namespace netspectra;

// The lines that were printed since the last call. One sink for many inputs: making one takes longer than most inputs.
class Lines {
 public:
  Sink& sink() {
    if (sink_ == nullptr || read_ > kMostBytes) {
      if (sink_ != nullptr) require(sink_->close().ok());
      sink_ = *Sink::open("/proc/self/fd/" + std::to_string(file_));
      read_ = 0;
    }
    return *sink_;
  }
  std::string take() {
    sink_->flush();
    require(sink_->ok());
    std::string text(static_cast<size_t>(lseek(file_, 0, SEEK_END) - read_), '\0');
    require(pread(file_, text.data(), text.size(), read_) == static_cast<ssize_t>(text.size()));
    read_ += static_cast<off_t>(text.size());
    return text;
  }

 private:
  static constexpr off_t kMostBytes = 16 << 20;
  const int file_ = memfd_create("lines", MFD_CLOEXEC);
  std::unique_ptr<Sink> sink_;
  off_t read_ = 0;
};

void check_lines(const std::string& text) {
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\n', at);
    require(end != std::string::npos && end > at + 1 && text[at] == '{' && text[end - 1] == '}');
    require(std::all_of(text.begin() + static_cast<ptrdiff_t>(at), text.begin() + static_cast<ptrdiff_t>(end),
                        [](unsigned char c) { return c >= 0x20; }));
    at = end + 1;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Lines lines;
  SnapshotPrinter printer(lines.sink());
  std::span<const uint8_t> input(data, size);
  while (input.size() >= 2) {
    const uint8_t which = input[0];
    const std::span<const uint8_t> own = input.subspan(2, std::min<size_t>(input[1], input.size() - 2));
    input = input.subspan(2 + own.size());
    const std::vector<std::vector<uint8_t>>& good = good_messages();
    const bool health = which % 8 == 7;
    const std::vector<uint8_t> bytes = which % 8 >= 6 ? std::vector<uint8_t>(own.begin(), own.end())
                                                      : changed(good[which % good.size()], own);
    const absl::Status printed = printer.print(
        health ? "netspectra.v1.site.probe.health" : "netspectra.v1.site.probe.snapshot.x", bytes);
    if (printed.ok()) continue;
    require(!printed.message().empty());
    for (const char c : printed.message()) require(c >= ' ' && c <= '~');
  }
  check_lines(lines.take());
  return 0;
}

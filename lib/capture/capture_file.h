// A capture file, mapped and walked record by record: the truth about what is in the file.
//
// Purpose: net_pcap delivers frames but not their wire length, nanoseconds or link type, nor whether the
//   file ended or broke. A CaptureReader walks the same file's record headers in step and supplies them.
// Shapes: pcap (us, ns, and Kuznetzov's 24-byte records; either byte order; versions 2.0 to 2.4) and pcapng
//   (enhanced, simple and obsolete packet blocks; any number of sections and interfaces).
// Ownership: CaptureFile owns the mapping; records point into it. The file must not shrink while mapped.
// Threads: a CaptureFile is immutable; each CaptureReader belongs to one thread. next() makes no system
//   call and no allocation (save for a pcapng section with more than 16 interfaces).
// Errors: open() refuses what is not a readable capture, naming file and cause. A file that breaks off or
//   turns to garbage half-way ends the walk at the last whole record; error() then says where and why.
// Cost: 3 to 12 ns a record.
// Source: https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap (pcap), draft-ietf-opsawg-pcapng.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "packet/link_type.h"

namespace netspectra {

// Records larger than this are taken for corruption, as libpcap and Wireshark do.
inline constexpr uint32_t kMaxCapturedBytes = 262144;

struct CaptureRecord {
  const uint8_t* data;
  uint64_t ts_ns;     // 0 = the record has no timestamp; far times (base/time_ns.h) in pcapng only
  uint32_t captured;  // bytes at data
  uint32_t wire_len;
  LinkType link;  // may be one that is_supported() refuses (pcapng)
};

enum class CaptureFormat : uint8_t { kPcap, kPcapng };

class CaptureFile {
 public:
  // Opens, maps, and checks the header. Fails with one line "PATH: cause" for what is missing, unreadable, a
  // directory, empty, not a capture (with a hint where it is gzip, zstd, xz or bzip2), of an unsupported
  // version, or of an unsupported link type (pcap; and pcapng whose leading interfaces are all unsupported).
  static absl::StatusOr<std::unique_ptr<CaptureFile>> open(const std::string& path);
  // The same over `bytes`, which must outlive it: for tests.
  static absl::StatusOr<std::unique_ptr<CaptureFile>> from_bytes(std::string name,
                                                                 std::span<const uint8_t> bytes);
  ~CaptureFile();
  CaptureFile(const CaptureFile&) = delete;
  CaptureFile& operator=(const CaptureFile&) = delete;

  const std::string& path() const { return path_; }
  int fd() const { return fd_; }
  CaptureFormat format() const { return format_; }
  const uint8_t* begin() const { return begin_; }
  size_t size() const { return size_; }
  // Of the mapping, for a reader that goes through it once, by another thread than the reader's: has the bytes up to
  // `ahead` mapped in before they are read, and those before `behind` forgotten. Neither changes what is read.
  void follow(size_t behind, size_t ahead) const;
  // The link types declared before the first packet (pcap: the one).
  const std::vector<LinkType>& leading_links() const { return leading_links_; }
  // Timestamp of the first packet that has one; 0 when there is none.
  uint64_t first_ts_ns() const { return first_ts_ns_; }

 private:
  CaptureFile() = default;
  // Judge the file's first bytes, and set what is known from them. The cause of a refusal, or empty.
  std::string inspect();
  std::string inspect_pcap();
  std::string inspect_pcapng();

  std::string path_;
  int fd_ = -1;  // open as long as the mapping; -1 over borrowed bytes
  const uint8_t* begin_ = nullptr;
  size_t size_ = 0;
  CaptureFormat format_ = CaptureFormat::kPcap;
  std::vector<LinkType> leading_links_;
  uint64_t first_ts_ns_ = 0;
  mutable size_t forgotten_ = 0, mapped_in_ = 0;  // of follow()'s thread
};

}  // namespace netspectra

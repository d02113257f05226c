#include "capture/capture_file.h"

#include <fcntl.h>
#include <pcap/pcap.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "absl/strings/str_format.h"
#include "capture/capture_reader.h"
#include "capture/pcap_header.h"
#include "capture/pcapng_walk.h"

namespace netspectra {
namespace {

constexpr int kRecordsForFirstTime = 64;

absl::Status refuse(const std::string& path, const std::string& cause) {
  return absl::InvalidArgumentError(absl::StrFormat("%s: %s", path, cause));
}

std::string error_text(int error) { return std::strerror(error); }

// "105 (802.11)". The names are those of libpcap's DLT_ numbers, which differ from a file's where each system
// has its own; of these the file's are unassigned as DLT_ numbers, and so stay without a name.
std::string link_name(uint32_t link) {
  const char* description = pcap_datalink_val_to_description(static_cast<int>(link));
  if (description == nullptr) return absl::StrFormat("%d", link);
  return absl::StrFormat("%d (%s)", link, description);
}

// What else a file that is no capture often is.
std::string foreign_format(const uint8_t* bytes, size_t size) {
  using namespace std::string_view_literals;
  static constexpr std::pair<std::string_view, const char*> kCompressed[] = {
      {"\x1f\x8b"sv, "gzip"}, {"\xfd\x37zXZ\0"sv, "xz"}, {"\x28\xb5\x2f\xfd"sv, "zstd"}, {"BZh"sv, "bzip2"}};
  const std::string_view head(reinterpret_cast<const char*>(bytes), std::min<size_t>(size, 8));
  for (const auto& [magic, name] : kCompressed) {
    if (head.starts_with(magic)) return absl::StrFormat("%s-compressed: unpack it first", name);
  }
  return "not a capture file (neither pcap nor pcapng)";
}

}  // namespace

absl::StatusOr<std::unique_ptr<CaptureFile>> CaptureFile::open(const std::string& path) {
  std::unique_ptr<CaptureFile> file(new CaptureFile);
  file->path_ = path;
  // O_NONBLOCK: to open a FIFO must not wait for its writer. A regular file does not care.
  file->fd_ = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (file->fd_ < 0) return refuse(path, error_text(errno));
  struct stat info;
  if (::fstat(file->fd_, &info) != 0) return refuse(path, error_text(errno));
  if (S_ISDIR(info.st_mode)) return refuse(path, "is a directory");
  if (S_ISFIFO(info.st_mode)) return refuse(path, "is a pipe, not a regular file: save it to a file first");
  if (!S_ISREG(info.st_mode)) return refuse(path, "not a regular file");
  if (info.st_size == 0) return refuse(path, "empty file");
  const size_t size = static_cast<size_t>(info.st_size);
  void* mapping = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file->fd_, 0);
  if (mapping == MAP_FAILED) return refuse(path, error_text(errno));
  file->begin_ = static_cast<const uint8_t*>(mapping);
  file->size_ = size;
  ::madvise(mapping, size, MADV_SEQUENTIAL);  // a hint: read further ahead
  if (const std::string cause = file->inspect(); !cause.empty()) return refuse(path, cause);
  return file;
}

absl::StatusOr<std::unique_ptr<CaptureFile>> CaptureFile::from_bytes(std::string name,
                                                                     std::span<const uint8_t> bytes) {
  std::unique_ptr<CaptureFile> file(new CaptureFile);
  file->path_ = std::move(name);
  file->begin_ = bytes.data();
  file->size_ = bytes.size();
  if (const std::string cause = file->inspect(); !cause.empty()) return refuse(file->path_, cause);
  return file;
}

// A page at a time the reader would wait for 0.5 us each; and what is mapped at the end the process waits for then.
void CaptureFile::follow(size_t behind, size_t ahead) const {
  constexpr size_t kStep = size_t{2} << 20;  // bounds what one call takes, also from a disk
  if (fd_ < 0) return;
  uint8_t* const base = const_cast<uint8_t*>(begin_);
  mapped_in_ = std::max(mapped_in_, behind / kStep * kStep);
  if (mapped_in_ + kStep <= std::min(ahead, size_)) {
    ::madvise(base + mapped_in_, kStep, MADV_POPULATE_READ);
    mapped_in_ += kStep;
  }
  if (behind >= forgotten_ + 2 * kStep) {
    ::madvise(base + forgotten_, kStep, MADV_DONTNEED);
    forgotten_ += kStep;
  }
}

CaptureFile::~CaptureFile() {
  if (fd_ < 0) return;
  if (begin_ != nullptr) ::munmap(const_cast<uint8_t*>(begin_), size_);
  ::close(fd_);
}

std::string CaptureFile::inspect() {
  if (size_ < sizeof(uint32_t)) return foreign_format(begin_, size_);
  const bool is_pcapng = load<uint32_t>(begin_) == kPcapngSectionHeader;
  format_ = is_pcapng ? CaptureFormat::kPcapng : CaptureFormat::kPcap;
  std::string cause = is_pcapng ? inspect_pcapng() : inspect_pcap();
  if (!cause.empty()) return cause;

  CaptureReader reader(*this);
  CaptureRecord record;
  for (int i = 0; i < kRecordsForFirstTime && first_ts_ns_ == 0 && reader.next(record); ++i) {
    first_ts_ns_ = record.ts_ns;
  }
  return "";
}

std::string CaptureFile::inspect_pcap() {
  const auto header = parse_pcap_header(begin_, size_);
  if (!header) return foreign_format(begin_, size_);
  if (size_ < kPcapHeaderBytes) {
    return absl::StrFormat("pcap header cut short: %d bytes of %d", size_, kPcapHeaderBytes);
  }
  if (!header->version_is_supported()) {
    return absl::StrFormat("unsupported pcap version %d.%d", header->version_major, header->version_minor);
  }
  const LinkType link{static_cast<uint16_t>(header->link)};
  if (header->link > UINT16_MAX || !is_supported(link)) {
    return "unsupported link type " + link_name(header->link);
  }
  leading_links_ = {link};
  return "";
}

std::string CaptureFile::inspect_pcapng() {
  PcapngWalk walk(begin_, size_);
  PcapngWalk::Block block = walk.step();
  if (block == PcapngWalk::Block::kEnd) return walk.fault().cause;
  std::vector<bool> seen(size_t{UINT16_MAX} + 1);  // one look-up a block, however many link types there are
  while ((block = walk.step()) == PcapngWalk::Block::kOther) {
    if (walk.interfaces().empty()) continue;
    const LinkType link = walk.interfaces().back().link;
    if (seen[static_cast<uint16_t>(link)]) continue;
    seen[static_cast<uint16_t>(link)] = true;
    leading_links_.push_back(link);
  }
  if (leading_links_.empty() || std::ranges::any_of(leading_links_, is_supported)) return "";
  std::string cause = leading_links_.size() == 1 ? "unsupported link type " : "unsupported link types ";
  for (const LinkType link : leading_links_) {
    if (link != leading_links_.front()) cause += ", ";
    cause += link_name(static_cast<uint16_t>(link));
  }
  return cause;
}

}  // namespace netspectra

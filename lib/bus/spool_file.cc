#include "bus/spool_file.h"

#include <fcntl.h>
#include <nmmintrin.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <limits>
#include <string_view>
#include <utility>

namespace netspectra {
namespace {

struct RecordHeader {
  uint32_t magic;
  uint32_t crc;
  uint32_t payload_bytes;
  uint16_t subject_bytes;
  uint16_t id_bytes;

  uint64_t record_bytes() const {
    return sizeof(RecordHeader) + uint64_t{subject_bytes} + id_bytes + payload_bytes;
  }
};
static_assert(sizeof(RecordHeader) == 16);

constexpr std::string_view kMagicBytes = "NSP1";
constexpr uint32_t kMagic = 0x3150534e;  // these bytes, little-endian

std::span<const uint8_t> as_bytes(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

uint32_t record_crc(const RecordHeader& header, std::span<const uint8_t> subject, std::span<const uint8_t> id,
                    std::span<const uint8_t> payload) {
  constexpr size_t kFrom = offsetof(RecordHeader, payload_bytes);
  const auto* lengths = reinterpret_cast<const uint8_t*>(&header) + kFrom;
  uint32_t crc = crc32c(0, {lengths, sizeof(header) - kFrom});
  crc = crc32c(crc, subject);
  crc = crc32c(crc, id);
  return crc32c(crc, payload);
}

// All of `bytes`, or false.
bool read_all(int fd, void* bytes, size_t count, uint64_t offset) {
  auto* to = static_cast<uint8_t*>(bytes);
  while (count != 0) {
    const ssize_t got = ::pread(fd, to, count, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    to += got;
    offset += static_cast<uint64_t>(got);
    count -= static_cast<size_t>(got);
  }
  return true;
}

}  // namespace

uint32_t crc32c(uint32_t crc, std::span<const uint8_t> bytes) {
  uint64_t state = static_cast<uint32_t>(~crc);
  const uint8_t* at = bytes.data();
  size_t left = bytes.size();
  for (; left >= 8; left -= 8, at += 8) {
    uint64_t word;
    std::memcpy(&word, at, sizeof(word));
    state = _mm_crc32_u64(state, word);
  }
  auto tail = static_cast<uint32_t>(state);
  for (; left != 0; --left, ++at) tail = _mm_crc32_u8(tail, *at);
  return ~tail;
}

SpoolFile::SpoolFile(std::string path, uint64_t end_bytes) : path_(std::move(path)), end_(end_bytes) {}

SpoolFile::~SpoolFile() {
  close_writer();
  close_reader();
}

uint64_t SpoolFile::record_bytes(const std::string& subject, const std::string& id, size_t payload_bytes) {
  return sizeof(RecordHeader) + subject.size() + id.size() + payload_bytes;
}

absl::Status SpoolFile::append(const std::string& subject, const std::string& id,
                               std::span<const uint8_t> bytes) {
  constexpr size_t kMaxText = std::numeric_limits<uint16_t>::max();
  if (subject.size() > kMaxText || id.size() > kMaxText ||
      bytes.size() > std::numeric_limits<int32_t>::max()) {
    return absl::ErrnoToStatus(EMSGSIZE, path_);
  }
  if (write_fd_ < 0) {
    write_fd_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
    if (write_fd_ < 0) return absl::ErrnoToStatus(errno, path_);
  }
  RecordHeader header{kMagic, 0, static_cast<uint32_t>(bytes.size()), static_cast<uint16_t>(subject.size()),
                      static_cast<uint16_t>(id.size())};
  header.crc = record_crc(header, as_bytes(subject), as_bytes(id), bytes);
  const iovec parts[] = {{&header, sizeof(header)},
                         {const_cast<char*>(subject.data()), subject.size()},
                         {const_cast<char*>(id.data()), id.size()},
                         {const_cast<uint8_t*>(bytes.data()), bytes.size()}};
  ssize_t written;
  do {
    written = ::pwritev(write_fd_, parts, 4, static_cast<off_t>(end_));
  } while (written < 0 && errno == EINTR);
  if (written == static_cast<ssize_t>(header.record_bytes())) {
    end_ += header.record_bytes();
    return absl::OkStatus();
  }
  // Written in part: the disk, the quota or the file size limit is reached. Part of a record is of no use.
  const int error = written < 0 ? errno : ENOSPC;
  if (::ftruncate(write_fd_, static_cast<off_t>(end_)) != 0) return absl::ErrnoToStatus(errno, path_);
  return absl::ErrnoToStatus(error, path_);
}

absl::Status SpoolFile::truncate() {
  if (::truncate(path_.c_str(), 0) != 0) return absl::ErrnoToStatus(errno, path_);
  end_ = 0;
  return absl::OkStatus();
}

void SpoolFile::remove() {
  close_writer();
  ::unlink(path_.c_str());
}

void SpoolFile::close_writer() {
  if (write_fd_ >= 0) ::close(std::exchange(write_fd_, -1));
}

void SpoolFile::close_reader() {
  if (read_fd_ >= 0) ::close(std::exchange(read_fd_, -1));
}

uint64_t SpoolFile::count_records() {
  const int fd = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  uint64_t count = 0;
  RecordHeader header;
  for (uint64_t offset = 0; read_all(fd, &header, sizeof(header), offset); ++count) {
    offset += header.record_bytes();
    if (header.magic != kMagic || offset > end_) break;
  }
  ::close(fd);
  return count;
}

bool SpoolFile::read_at(uint64_t offset, uint64_t end, SpoolRecord& record) {
  RecordHeader header;
  if (end - offset < sizeof(header) || !read_all(read_fd_, &header, sizeof(header), offset)) return false;
  if (header.magic != kMagic || header.record_bytes() > end - offset) return false;
  offset += sizeof(header);
  record.subject.resize(header.subject_bytes);
  record.id.resize(header.id_bytes);
  record.bytes.resize(header.payload_bytes);
  if (!read_all(read_fd_, record.subject.data(), record.subject.size(), offset)) return false;
  offset += record.subject.size();
  if (!read_all(read_fd_, record.id.data(), record.id.size(), offset)) return false;
  offset += record.id.size();
  if (!read_all(read_fd_, record.bytes.data(), record.bytes.size(), offset)) return false;
  record.size_bytes = header.record_bytes();
  return header.crc == record_crc(header, as_bytes(record.subject), as_bytes(record.id), record.bytes);
}

uint64_t SpoolFile::find_magic(uint64_t offset, uint64_t end) {
  std::string block;
  constexpr uint64_t kBlock = 64 << 10;
  while (offset < end) {
    block.resize(std::min(kBlock, end - offset));
    if (!read_all(read_fd_, block.data(), block.size(), offset)) return end;
    if (const size_t at = block.find(kMagicBytes); at != std::string::npos) return offset + at;
    if (block.size() < kBlock) return end;
    offset += kBlock - (kMagicBytes.size() - 1);  // it may lie across two blocks
  }
  return end;
}

SpoolFile::Read SpoolFile::read_next(uint64_t& cursor, uint64_t end, SpoolRecord& record,
                                     uint64_t& damaged_bytes) {
  damaged_bytes = 0;
  if (cursor >= end) return Read::kEnd;
  if (read_fd_ < 0) read_fd_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  if (read_fd_ < 0 && errno != ENOENT) return Read::kFailed;  // removed by others: as good as damaged
  const uint64_t from = cursor;
  for (uint64_t at = from; read_fd_ >= 0 && at < end; at = find_magic(at + 1, end)) {
    if (!read_at(at, end, record)) continue;
    damaged_bytes = at - from;
    cursor = at + record.size_bytes;
    return Read::kRecord;
  }
  damaged_bytes = end - from;
  cursor = end;
  return Read::kEnd;
}

}  // namespace netspectra

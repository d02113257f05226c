// The messages of one epoch on disk, in the order in which they were published.
//
// Shapes: records one after the other, little-endian: magic "NSP1", CRC-32C of all that follows it in the
//   record, payload length (u32), subject length (u16), id length (u16); subject, id, payload. docs/bus.md.
// Crash: a record is one write() at the end. What write() took survives the death of the process; a record
//   that is not whole (power loss) fails its CRC, and reading goes on at the next record that is whole.
// Threads: append(), truncate(), remove(), close_writer(), end() by one thread at a time (the caller's lock);
//   read_next(), close_reader() by one reader, at the same time as those: they share nothing but the file.
// Errors: errno as a status that names the file. A failed append leaves the file as it was.
// Source: CRC-32C: RFC 3720, appendix B.4.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace netspectra {

uint32_t crc32c(uint32_t crc, std::span<const uint8_t> bytes);

struct SpoolRecord {
  std::string subject;
  std::string id;
  std::vector<uint8_t> bytes;
  uint64_t size_bytes = 0;  // in the file
};

class SpoolFile {
 public:
  // A file that is there already is `end_bytes` long.
  explicit SpoolFile(std::string path, uint64_t end_bytes = 0);
  ~SpoolFile();
  SpoolFile(const SpoolFile&) = delete;
  SpoolFile& operator=(const SpoolFile&) = delete;

  static uint64_t record_bytes(const std::string& subject, const std::string& id, size_t payload_bytes);

  const std::string& path() const { return path_; }
  uint64_t end() const { return end_; }
  absl::Status append(const std::string& subject, const std::string& id, std::span<const uint8_t> bytes);
  absl::Status truncate();  // to nothing
  void remove();
  void close_writer();

  // Messages, by their headers alone; stops at the first that is damaged.
  uint64_t count_records();

  // From `cursor` on, before `end`; moves `cursor`. kRecord: the next whole record. kFailed: the file cannot
  // be opened now (errno): nothing was read or skipped. `damaged_bytes`: skipped on the way.
  enum class Read : uint8_t { kRecord, kEnd, kFailed };
  Read read_next(uint64_t& cursor, uint64_t end, SpoolRecord& record, uint64_t& damaged_bytes);
  void close_reader();

 private:
  bool read_at(uint64_t offset, uint64_t end, SpoolRecord& record);
  uint64_t find_magic(uint64_t offset, uint64_t end);

  const std::string path_;
  uint64_t end_;
  int write_fd_ = -1;
  int read_fd_ = -1;
};

}  // namespace netspectra

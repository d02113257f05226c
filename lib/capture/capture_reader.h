// The walk over one CaptureFile: see capture_file.h.
//
// Cost: a record of a little-endian pcap is taken inline with two compares; everything else, and the end of
//   the file, goes through next_other().
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>

#include "capture/capture_file.h"
#include "capture/pcap_header.h"
#include "capture/pcapng_walk.h"

namespace netspectra {

class CaptureReader {
 public:
  explicit CaptureReader(const CaptureFile& file);  // `file` must outlive the reader

  // The next whole record. False at the end, whether clean or not; from then on always false.
  bool next(CaptureRecord& record) {
    const ptrdiff_t data_room = plain_end_ - cursor_ - static_cast<ptrdiff_t>(kPcapRecordHeaderBytes);
    if (data_room < 0) [[unlikely]]
      return next_other(record);
    uint32_t header[4];  // seconds, fraction, captured, wire length
    std::memcpy(header, cursor_, sizeof(header));
    if (header[2] > kMaxCapturedBytes || header[2] > data_room) [[unlikely]]
      return next_other(record);
    record.data = cursor_ + kPcapRecordHeaderBytes;
    record.ts_ns = uint64_t{header[0]} * 1000000000 + uint64_t{header[1]} * pcap_.ns_per_fraction;
    record.captured = header[2];
    record.wire_len = header[3];
    record.link = link_;
    cursor_ += kPcapRecordHeaderBytes + header[2];
    ++records_;
    return true;
  }

  // Whether next() would give a record; looks, does not advance.
  bool has_next();

  uint64_t records() const { return records_; }  // given so far
  // Bytes of the file behind the last record given. (That is, up to and with it.)
  size_t offset() const { return static_cast<size_t>(cursor_ - file_->begin()); }
  // Empty while there are records and after a clean end; else "PATH: cause, at byte N after M packets".
  std::string error() const;

 private:
  bool next_other(CaptureRecord& record);
  // Reads the pcap record at cursor_; its length in the file, or 0 where there is none.
  size_t read_pcap(CaptureRecord& record);

  const uint8_t* cursor_;     // behind the last record given
  const uint8_t* plain_end_;  // next() takes records before it inline; the file's begin where it cannot
  uint64_t records_ = 0;
  PcapHeader pcap_;
  LinkType link_{};
  const uint8_t* end_;
  const CaptureFile* file_;
  WalkFault fault_;                     // of a pcap
  std::unique_ptr<PcapngWalk> pcapng_;  // null for pcap
};

}  // namespace netspectra

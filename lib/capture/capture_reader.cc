#include "capture/capture_reader.h"

#include <utility>

#include "absl/strings/str_format.h"

namespace netspectra {

CaptureReader::CaptureReader(const CaptureFile& file)
    : cursor_(file.begin()), plain_end_(file.begin()), end_(file.begin() + file.size()), file_(&file) {
  if (file.format() == CaptureFormat::kPcapng) {
    pcapng_ = std::make_unique<PcapngWalk>(file.begin(), file.size());
    return;
  }
  pcap_ = *parse_pcap_header(file.begin(), file.size());
  link_ = LinkType{static_cast<uint16_t>(pcap_.link)};
  cursor_ += kPcapHeaderBytes;
  const bool plain =
      !pcap_.swapped && pcap_.record_header_bytes == kPcapRecordHeaderBytes && pcap_.version_minor >= 4;
  if (plain) plain_end_ = end_;
}

bool CaptureReader::has_next() {
  if (pcapng_) return pcapng_->peek() != nullptr;
  CaptureRecord record;
  return read_pcap(record) != 0;
}

bool CaptureReader::next_other(CaptureRecord& record) {
  if (pcapng_) {
    const CaptureRecord* found = pcapng_->peek();
    if (found == nullptr) return false;
    record = *found;
    pcapng_->take();
    cursor_ = pcapng_->cursor();
  } else {
    const size_t length = read_pcap(record);
    if (length == 0) return false;
    cursor_ += length;
  }
  ++records_;
  return true;
}

size_t CaptureReader::read_pcap(CaptureRecord& record) {
  const size_t left = static_cast<size_t>(end_ - cursor_);
  if (left == 0) return 0;
  const auto fail = [this](const char* cause) {
    fault_ = {cause, static_cast<size_t>(cursor_ - file_->begin())};
    return size_t{0};
  };
  const size_t header_bytes = pcap_.record_header_bytes;
  if (left < header_bytes) return fail("the file ends inside a record header");
  const uint64_t seconds = load<uint32_t>(cursor_, pcap_.swapped);
  const uint64_t fraction = load<uint32_t>(cursor_ + 4, pcap_.swapped);
  auto captured = load<uint32_t>(cursor_ + 8, pcap_.swapped);
  auto wire_len = load<uint32_t>(cursor_ + 12, pcap_.swapped);
  if (pcap_.lengths_are_reversed(captured, wire_len)) std::swap(captured, wire_len);
  if (captured > kMaxCapturedBytes) return fail(kRecordTooLarge);
  if (captured > left - header_bytes) return fail("the file ends inside a packet");
  record = {cursor_ + header_bytes, seconds * 1000000000 + fraction * pcap_.ns_per_fraction, captured,
            wire_len, link_};
  return header_bytes + captured;
}

std::string CaptureReader::error() const {
  const WalkFault& fault = pcapng_ ? pcapng_->fault() : fault_;
  if (fault.cause == nullptr) return "";
  return absl::StrFormat("%s: %s, at byte %d after %d packets", file_->path(), fault.cause, fault.at,
                         records_);
}

}  // namespace netspectra

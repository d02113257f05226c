// Fuzz target of the capture reader: any bytes as a whole file.
//
// Input: the file, which is read from a heap buffer of exactly its size so that any read past it is seen.
// Checks: records lie inside the file, one behind the other, and are of a length that is allowed; has_next()
//   announces what next() gives; a pcap that ends without an error has been read to its last byte; two walks
//   are alike; a filter can be asked about any record.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "capture/capture_file.h"
#include "capture/capture_reader.h"
#include "capture/packet_filter.h"

namespace {

using namespace netspectra;

void require(bool condition) {
  if (!condition) std::abort();
}

const PacketFilter& filter() {
  static const auto compiled =
      PacketFilter::compile("(udp port 53 or ip6 or tcp[13] & 2 != 0) and greater 1", {LinkType::kEthernet});
  require(compiled.ok());
  return **compiled;
}

uint64_t sum_of(const uint8_t* bytes, size_t size) {
  uint64_t sum = 0;
  for (size_t i = 0; i < size; ++i) sum = sum * 31 + bytes[i];
  return sum;
}

struct Summary {
  uint64_t records = 0;
  uint64_t sum = 0;
  friend bool operator==(const Summary&, const Summary&) = default;
};

Summary walk(const CaptureFile& file, bool look_ahead) {
  Summary summary;
  CaptureReader reader(file);
  CaptureRecord record;
  size_t offset = reader.offset();
  for (;;) {
    const bool announced = look_ahead && reader.has_next();
    const bool given = reader.next(record);
    if (look_ahead) require(announced == given);
    if (!given) break;
    require(record.captured <= kMaxCapturedBytes);
    require(record.ts_ns <= INT64_MAX || file.format() == CaptureFormat::kPcapng);  // base/time_ns.h
    require(record.data >= file.begin() + offset);
    require(record.data + record.captured <= file.begin() + reader.offset());
    require(reader.offset() > offset && reader.offset() <= file.size());
    require(reader.error().empty());
    offset = reader.offset();
    summary.sum = summary.sum * 31 + sum_of(record.data, record.captured) + record.ts_ns + record.wire_len;
    summary.sum += filter().matches({record.data, 0, 0, record.captured, record.wire_len, record.link});
    ++summary.records;
  }
  require(reader.records() == summary.records && reader.offset() == offset);
  require(!reader.next(record) && !reader.has_next());
  if (file.format() == CaptureFormat::kPcap) require(reader.error().empty() == (offset == file.size()));
  return summary;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::unique_ptr<uint8_t[]> exact(new uint8_t[size]);
  if (size > 0) std::memcpy(exact.get(), data, size);
  const auto file = CaptureFile::from_bytes("input", {exact.get(), size});
  if (!file.ok()) {
    require(file.status().message().find("input: ") == 0);
    return 0;
  }
  require(walk(**file, false) == walk(**file, true));
  return 0;
}

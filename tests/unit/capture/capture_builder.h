// Capture files made by hand, byte by byte, for the tests of lib/capture.
#pragma once

#include <stdlib.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "capture/capture_file.h"
#include "capture/capture_reader.h"
#include "gtest/gtest.h"

namespace netspectra::testing {

enum class Order { kLittle, kBig };

using Bytes = std::vector<uint8_t>;

// `count` bytes that differ from packet to packet.
inline Bytes payload(size_t count, uint8_t seed = 1) {
  Bytes bytes(count);
  for (size_t i = 0; i < count; ++i) bytes[i] = static_cast<uint8_t>(seed * 37 + i);
  return bytes;
}

class Builder {
 public:
  explicit Builder(Order order) : order_(order) {}

  Builder& u8(uint64_t value) { return number(value, 1); }
  Builder& u16(uint64_t value) { return number(value, 2); }
  Builder& u32(uint64_t value) { return number(value, 4); }
  Builder& u64(uint64_t value) { return number(value, 8); }
  Builder& raw(const Bytes& bytes) {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    return *this;
  }
  Builder& pad4() {
    while (bytes_.size() % 4 != 0) bytes_.push_back(0);
    return *this;
  }
  // From here on in the other order: a pcapng section may have its own.
  void set_order(Order order) { order_ = order; }
  size_t size() const { return bytes_.size(); }
  const Bytes& bytes() const { return bytes_; }

  // pcap
  Builder& pcap_header(uint32_t magic, uint32_t link, uint16_t minor = 4, uint16_t major = 2) {
    return u32(magic).u16(major).u16(minor).u32(0).u32(0).u32(65535).u32(link);
  }
  Builder& pcap_record(uint32_t seconds, uint32_t fraction, const Bytes& data, uint32_t wire_len) {
    return u32(seconds).u32(fraction).u32(data.size()).u32(wire_len).raw(data);
  }

  // pcapng
  Builder& block(uint32_t type, const Bytes& body) {
    const size_t length = (body.size() + 3) / 4 * 4 + 12;
    return u32(type).u32(length).raw(body).pad4().u32(length);
  }
  Builder& section(uint16_t major = 1, uint16_t minor = 0) {
    return block(0x0a0d0d0a, body().u32(0x1a2b3c4d).u16(major).u16(minor).u64(~uint64_t{0}).bytes());
  }
  Builder& interface(LinkType link, uint32_t snaplen = 0, const Bytes& options = {}) {
    return block(1, body().u16(static_cast<uint16_t>(link)).u16(0).u32(snaplen).raw(options).bytes());
  }
  Builder& enhanced(uint32_t interface, uint64_t time, const Bytes& data, uint32_t wire_len) {
    Builder b = body();
    b.u32(interface).u32(time >> 32).u32(time & 0xffffffff).u32(data.size()).u32(wire_len).raw(data).pad4();
    return block(6, b.u16(2).u16(4).u32(0).u32(0).bytes());  // with an option: epb_flags, end of options
  }
  Builder& obsolete(uint16_t interface, uint64_t time, const Bytes& data, uint32_t wire_len) {
    Builder b = body();
    b.u16(interface).u16(7).u32(time >> 32).u32(time & 0xffffffff).u32(data.size()).u32(wire_len).raw(data);
    return block(2, b.bytes());
  }
  Builder& simple(const Bytes& data, uint32_t wire_len) {
    return block(3, body().u32(wire_len).raw(data).bytes());
  }
  // Options of an interface: if_tsresol, and if_tsoffset where it is not 0.
  Bytes time_options(uint8_t resolution, int64_t offset_s = 0) const {
    Builder b = body();
    b.u16(2).u16(3).raw({'e', 'n', '0'}).pad4();  // if_name, to be passed over
    b.u16(9).u16(1).u8(resolution).pad4();
    if (offset_s != 0) b.u16(14).u16(8).u64(static_cast<uint64_t>(offset_s));
    return b.u16(0).u16(0).bytes();
  }

 private:
  Builder body() const { return Builder(order_); }
  Builder& number(uint64_t value, size_t width) {
    for (size_t i = 0; i < width; ++i) {
      const size_t byte = order_ == Order::kLittle ? i : width - 1 - i;
      bytes_.push_back(static_cast<uint8_t>(value >> (8 * byte)));
    }
    return *this;
  }
  Order order_;
  Bytes bytes_;
};

struct Walked {
  struct Record {
    uint64_t ts_ns;
    Bytes data;
    uint32_t wire_len;
    LinkType link;
    friend bool operator==(const Record&, const Record&) = default;
  };
  std::vector<Record> records;
  std::vector<size_t> offsets;  // behind each record
  std::string error;
};

inline Walked walk(const CaptureFile& file) {
  Walked walked;
  CaptureReader reader(file);
  CaptureRecord record;
  for (;;) {
    const bool announced = reader.has_next();
    const size_t before = reader.offset();
    EXPECT_EQ(reader.records(), walked.records.size());
    const bool given = reader.next(record);
    EXPECT_EQ(announced, given);
    if (!given) {
      EXPECT_EQ(reader.offset(), before);
      break;
    }
    EXPECT_EQ(reader.error(), "");
    EXPECT_GT(reader.offset(), before);
    walked.records.push_back(
        {record.ts_ns, Bytes(record.data, record.data + record.captured), record.wire_len, record.link});
    walked.offsets.push_back(reader.offset());
  }
  walked.error = reader.error();
  EXPECT_FALSE(reader.next(record)) << "once at the end, always at the end";
  EXPECT_FALSE(reader.has_next());
  return walked;
}

// Over the first `size` bytes, which stand at the end of an allocation of their own.
inline Walked walk_bytes(const Bytes& bytes, size_t size) {
  const std::unique_ptr<uint8_t[]> exact(new uint8_t[size]);
  std::memcpy(exact.get(), bytes.data(), size);
  const auto file = CaptureFile::from_bytes("x", {exact.get(), size});
  EXPECT_TRUE(file.ok()) << file.status().ToString();
  return file.ok() ? walk(**file) : Walked{};
}
inline Walked walk_bytes(const Bytes& bytes) { return walk_bytes(bytes, bytes.size()); }

// Why a file of these bytes is refused, or "" where it is not.
inline std::string refusal(const Bytes& bytes) {
  const auto file = CaptureFile::from_bytes("x", bytes);
  return file.ok() ? "" : std::string(file.status().message());
}

class TempFile {
 public:
  explicit TempFile(const Bytes& bytes) : path_(::testing::TempDir() + "capture_test_XXXXXX") {
    const int fd = ::mkstemp(path_.data());
    EXPECT_GE(fd, 0);
    EXPECT_EQ(::write(fd, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
    ::close(fd);
  }
  ~TempFile() { ::unlink(path_.c_str()); }
  TempFile(const TempFile&) = delete;
  TempFile& operator=(const TempFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace netspectra::testing

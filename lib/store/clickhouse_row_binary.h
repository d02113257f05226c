// RowBinary: rows as ClickHouse takes and gives them in bulk.
//
// Shapes: values of a row one after another, rows likewise, nothing between: numbers little-endian in their
//   own size, a String its length (LEB128) and bytes, a FixedString its bytes, an Array its length and
//   values.
// Threads: plain data. Errors: a reader that runs out of bytes gives zeros from then on, and whole() is
//   false.
// Cost: a copy of each value.
// Source: clickhouse.com/docs, "RowBinary".
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace netspectra {

static_assert(std::endian::native == std::endian::little);

class RowBinaryWriter {
 public:
  template <class Number>
  void number(Number value) {
    static_assert(std::is_arithmetic_v<Number>);
    bytes(&value, sizeof(value));
  }
  void bytes(const void* data, size_t size) { buffer_.append(static_cast<const char*>(data), size); }
  void length(size_t value) {
    for (; value >= 0x80; value >>= 7) buffer_ += static_cast<char>(value | 0x80);
    buffer_ += static_cast<char>(value);
  }
  void text(std::string_view value) {
    length(value.size());
    bytes(value.data(), value.size());
  }
  // put(writer, element) for each of the list.
  template <class List, class Put>
  void array(const List& list, Put put) {
    length(list.size());
    for (const auto& element : list) put(*this, element);
  }

  const std::string& buffer() const { return buffer_; }
  void clear() { buffer_.clear(); }

 private:
  std::string buffer_;
};

class RowBinaryReader {
 public:
  explicit RowBinaryReader(std::span<const char> data) : data_(data) {}

  template <class Number>
  Number number() {
    Number value{};
    const std::string_view from = take(sizeof(value));
    if (!from.empty()) std::memcpy(&value, from.data(), sizeof(value));
    return value;
  }
  uint64_t u64() { return number<uint64_t>(); }
  // Valid during the call that the reader was given to.
  std::string_view fixed(size_t size) { return take(size); }
  std::string_view text() { return take(length()); }

  bool whole() const { return whole_; }
  bool at_end() const { return data_.empty(); }
  size_t left() const { return data_.size(); }

 private:
  size_t length() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const auto byte = number<uint8_t>();
      value |= uint64_t{byte & 0x7fu} << shift;
      if ((byte & 0x80) == 0) return value;
    }
    whole_ = false;
    return 0;
  }
  std::string_view take(size_t size) {
    if (size > data_.size()) whole_ = false;
    if (!whole_) return {};
    const std::string_view taken(data_.data(), size);
    data_ = data_.subspan(size);
    return taken;
  }

  std::span<const char> data_;
  bool whole_ = true;
};

}  // namespace netspectra

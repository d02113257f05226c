// Unaligned reads from a frame and from a capture file.
//
// Shapes: load<T>(p) gives the bytes as they stand (a `be_` value when they come off the wire); load_be16/32
//   give the number. Constants to compare a `be_` value with are made by to_be16(), at compile time.
//   load<T>(p, swapped) reads a field of a file, which is in the byte order of the machine that wrote it.
// REQUIRES: the bytes are there; nothing is checked here.
// Cost: one load each. Written with memcpy because GCC 12 turns (p[0] << 8) | p[1], next to other loads of
//   the same bytes, into a vector load, a store and a stalled reload.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

namespace netspectra {

static_assert(std::endian::native == std::endian::little, "x86-64 is the only target");

template <typename T>
T load(const uint8_t* p) {
  T value;
  std::memcpy(&value, p, sizeof(value));
  return value;
}

template <typename T>
T load(const uint8_t* p, bool swapped) {
  const T value = load<T>(p);
  if (!swapped) return value;
  if constexpr (sizeof(T) == 2) return static_cast<T>(__builtin_bswap16(static_cast<uint16_t>(value)));
  if constexpr (sizeof(T) == 4) return static_cast<T>(__builtin_bswap32(static_cast<uint32_t>(value)));
  if constexpr (sizeof(T) == 8) return static_cast<T>(__builtin_bswap64(static_cast<uint64_t>(value)));
}

constexpr uint16_t to_be16(uint16_t v) { return uint16_t(v << 8 | v >> 8); }

inline uint16_t load_be16(const uint8_t* p) { return to_be16(load<uint16_t>(p)); }
inline uint32_t load_be32(const uint8_t* p) { return __builtin_bswap32(load<uint32_t>(p)); }

}  // namespace netspectra

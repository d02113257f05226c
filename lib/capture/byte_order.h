// Fields of a capture file, which is in the byte order of the machine that wrote it.
//
// Threads: pure functions. REQUIRES: sizeof(T) readable bytes at `bytes`; no alignment.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

namespace netspectra {

static_assert(std::endian::native == std::endian::little, "capture files are read as little-endian first");

template <typename T>
T load(const uint8_t* bytes, bool swapped) {
  T value;
  std::memcpy(&value, bytes, sizeof(value));
  if (!swapped) return value;
  if constexpr (sizeof(T) == 2) return static_cast<T>(__builtin_bswap16(static_cast<uint16_t>(value)));
  if constexpr (sizeof(T) == 4) return static_cast<T>(__builtin_bswap32(static_cast<uint32_t>(value)));
  if constexpr (sizeof(T) == 8) return static_cast<T>(__builtin_bswap64(static_cast<uint64_t>(value)));
}

}  // namespace netspectra

// The formats that results are printed in, by name, for those who need no more of the output room than that.
//
// Threads: constants only.
#pragma once

#include <array>
#include <cstdint>

namespace netspectra {

enum class Format : uint8_t { kTable, kJson, kCsv };

inline constexpr std::array<const char*, 3> kFormatNames = {"table", "json", "csv"};

}  // namespace netspectra

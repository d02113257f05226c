// Values of the API's names -> what people read.
//
// Shapes: ASCII without control characters, whatever the network called things: no text reaches the terminal that it
//   acts on. Times in UTC.
// Threads: pure. Errors: none.
#pragma once

#include <cstdint>
#include <string>

#include "answer.h"

namespace netspectra {

// Each character that is not printable ASCII becomes '?'.
std::string printable(const std::string& text);

struct NamedColumn {
  enum class Kind : uint8_t { kPlain, kCount, kBytes, kTime, kDuration, kProtocol, kFlags, kVlan, kError };
  const char* name;
  const char* title;
  Kind kind = Kind::kPlain;
  bool quiet = false;  // left out where it is 0 in every row
};

// In the order in which they stand in a table; nullptr: none of that name.
const NamedColumn* named_column(const std::string& name);

// Of a column that has no name there: by the value itself.
std::string value_text(const NamedColumn* column, const Json& value);

}  // namespace netspectra

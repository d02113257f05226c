// Lines of JSON that others wrote.
//
// Purpose: what comes from the network is printed among lines of our own only if a reader of those can read it.
// Threads: no state. Errors: none. Cost: one pass.
// Source: RFC 8259, RFC 3629.
#pragma once

#include <string_view>

namespace netspectra {

// Whether `text` is one JSON object in UTF-8 that stands on a line: no control characters, not even as white space.
// One that is nested deeper than 64 is none.
bool is_json_line(std::string_view text);

}  // namespace netspectra

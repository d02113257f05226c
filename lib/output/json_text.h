// The pieces that several JSON objects are made of.
//
// Shapes: each append_*() adds to `out`, without the comma that may follow.
// Threads: no state. Errors: none.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ledger.h"

namespace netspectra {

// A JSON string with its quotes (RFC 8259, 7). File names may hold any bytes: control characters become
// \u00XX or their short form, and each byte that is not part of valid UTF-8 becomes U+FFFD.
void append_json_string(std::string& out, std::string_view text);

// ["...","..."]
void append_json_strings(std::string& out, const std::vector<std::string>& texts);

void append_number(std::string& out, uint64_t value);
void append_time(std::string& out, uint64_t time_ns);  // as put_time()

// {"reason":packets,...}: the reasons for malformed frames that have any.
void append_malformed(std::string& out, const Ledger& ledger);

}  // namespace netspectra

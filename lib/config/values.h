// Values that several programs' settings have in common, from text.
//
// Errors: InvalidArgument, with a phrase that follows the value ("must be ..."); the target is then unchanged.
// Threads: no state. Cost: set-up only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "output/format.h"

namespace netspectra {

// The error "must be <be>".
absl::Status must(const std::string& be);

absl::Status set_whole_number(const std::string& text, unsigned least, unsigned most, unsigned& number);
// "256KiB". Bounds are written the same way; `most` may be "": none.
absl::Status set_size(const std::string& text, const std::string& least, const std::string& most,
                      uint64_t& bytes);
// At most 365 days: keeps the arithmetic of epochs far from 2^64.
absl::Status set_period(const std::string& text, uint64_t& period_ns);
// "true" or "false".
absl::Status set_yes_or_no(const std::string& text, bool& yes);

// How results are shown, and where.
absl::Status set_top(const std::string& text, std::optional<uint64_t>& top);
absl::Status set_format(const std::string& text, Format& format);
absl::Status set_output(const std::string& text, std::string& output);

}  // namespace netspectra

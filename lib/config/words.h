// Words out of a closed list, and what to say about one that is not in it.
//
// Errors: find_word() fails with a phrase that is made to follow the word: `is unknown (known: a, b)`.
// Threads: no state. Cost: set-up only.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "absl/status/statusor.h"

namespace netspectra {

using Words = std::span<const char* const>;

// The place of `word` in `known`.
absl::StatusOr<size_t> find_word(const std::string& word, Words known);
// The known word that `word` is most likely a misspelling of; "" where none is close.
std::string closest_word(const std::string& word, Words known);
// `known: a, b, c`, led by `did you mean "b"? ` where one is close.
std::string hint(const std::string& word, Words known);

}  // namespace netspectra
